"""A replay that was stopped goes on as if it had not been: the same records, the same bytes."""

from __future__ import annotations

import functools
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from analyzer.cli import app
from analyzer.core.config import CoreConfig
from analyzer.core.contracts.records import encode_record
from analyzer.core.contracts.snapshot_codec import pack, unpack
from analyzer.core.ingest.step import RawBatch
from analyzer.core.kernels.byte_strings import Texts
from analyzer.replay.checkpoint import place_of
from analyzer.replay.runner import Runner
from analyzer.replay.sources import Source
from analyzer.simulate import generate

CONFIG = CoreConfig()


class Lines:
    """Lines as a source, a few at a time."""

    note = ""

    def __init__(self, lines: list[bytes], number: int, batch: int) -> None:
        self.name, self.partition = f"lines {number}", number
        self.size: int | None = len(lines)
        self._lines, self._batch = lines, batch

    def batches(self) -> Iterator[tuple[RawBatch, int]]:
        """Batches of so many lines."""
        for start in range(0, len(self._lines), self._batch):
            part = self._lines[start : start + self._batch]
            offsets = np.arange(start + 1, start + len(part) + 1)
            yield RawBatch(Texts.of(part), offsets), len(part)


@pytest.fixture(scope="module")
def lines() -> list[bytes]:
    """A small world, with a line that is no event and one from far ahead, which has to wait."""
    world = [line.rstrip() for line in generate("smoke", 5).lines()]
    ahead = world[900].replace(b'"timestamp_ms":17', b'"timestamp_ms":18')
    return [*world[:600], b"no json", *world[600:900], ahead, *world[900:]]


def sources(lines: list[bytes], batch: int) -> list[Source]:
    """The world in two sources that end apart."""
    return [Lines(lines[: len(lines) // 2], 0, batch), Lines(lines[1::2], 1, batch)]


def _none_left(asked: Iterator[int]) -> bool:
    return next(asked, None) is None


def stopped_every(lines: list[bytes], batch: int, every: int) -> tuple[list[bytes], int]:
    """Records of a replay that is stopped after so many batches, again and again; how often."""
    found: list[bytes] = []
    state, times = None, 0
    while True:
        asked = iter(range(every))
        runner = Runner(CONFIG, sources(lines, batch), stop=functools.partial(_none_left, asked))
        if state is not None:
            runner.go_on(unpack("test", 1, state))
        found += [encode_record(record) for record in runner]
        if not runner.stopped:
            return [*found, repr(runner.tally).encode()], times
        state, times = pack("test", 1, runner.state()), times + 1


@pytest.mark.parametrize(("batch", "every"), [(1_500, 3), (700, 11)])
def test_stopping_anywhere_changes_nothing(lines: list[bytes], batch: int, every: int) -> None:
    """All records in their order and all counts, whatever waits where it is stopped."""
    whole, never = stopped_every(lines, batch, 10**9)
    parts, times = stopped_every(lines, batch, every)
    assert (never, parts) == (0, whole)
    assert times >= 3
    assert any(b'"alert_id"' in record for record in whole)
    assert any(b'"not_json"' in record for record in whole)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, lines: list[bytes]) -> Path:
    """The same world in a file, replayed whole."""
    folder = tmp_path_factory.mktemp("resume")
    (folder / "events.ndjson").write_bytes(b"\n".join(lines) + b"\n")
    done = CliRunner().invoke(
        app, ["replay", str(folder / "events.ndjson"), "--out", str(folder / "whole")]
    )
    assert done.exit_code == 0, done.output
    return folder


def test_ctrl_c_and_resume_give_the_same_bytes(place: Path) -> None:
    """Exit 130 with what to do; then the five files as if nothing had been, and nothing is left."""
    out = place / "out"
    words = ["replay", str(place / "events.ndjson"), "--out", str(out)]
    command = [sys.executable, "-m", "analyzer", *words]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as running:
        while not list(place.glob(".out.partial-*")) and running.poll() is None:
            time.sleep(0.02)
        running.send_signal(signal.SIGINT)
        _, said = running.communicate(timeout=60)
    assert running.returncode == 130, said
    assert "--resume" in said
    assert "Traceback" not in said
    assert not out.exists()
    assert place_of(out).stat().st_mode & 0o777 == 0o600
    other = CliRunner().invoke(app, [*words, "--resume", "--since", "5"])
    assert "span: not as when the replay was stopped" in str(other.exception)
    done = CliRunner().invoke(app, [*words, "--resume"])
    assert done.exit_code == 0, done.output
    for file in (place / "whole").iterdir():
        assert (out / file.name).read_bytes() == file.read_bytes(), file.name
    assert not place_of(out).exists()


def test_nothing_to_go_on_with_is_told(place: Path) -> None:
    """Neither a replay that was never stopped nor a damaged file is gone on with."""
    words = ["replay", str(place / "events.ndjson"), "--out", str(place / "none"), "--resume"]
    assert "without --resume" in str(CliRunner().invoke(app, words).exception)
    place_of(place / "none").write_bytes(b"junk")
    assert "damaged" in str(CliRunner().invoke(app, words).exception)
    assert "--resume goes with" in str(CliRunner().invoke(app, [*words, "--record"]).exception)
