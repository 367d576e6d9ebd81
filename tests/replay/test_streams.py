"""Standard streams, results and sources that are one another: a sentence, and nothing is lost."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from analyzer.errors import UsageError
from analyzer.replay.bounds import parse_bound
from analyzer.simulate.world import generate

EVENTS = b"".join(list(generate("smoke", 5).lines())[:50])


@pytest.fixture
def events(tmp_path: Path) -> Path:
    """Fifty events, under a name that results have too."""
    path = tmp_path / "alerts.ndjson"
    path.write_bytes(EVENTS)
    return path


def shell(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a command line in this folder; ``analyzer`` stands for the one that is tested."""
    return subprocess.run(
        ["/bin/sh", "-c", command.replace("analyzer", f"{sys.executable} -m analyzer", 1)],
        cwd=folder,
        env={"PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("command", "code", "said"),
    [
        ("analyzer replay - --out out <&-", 2, "standard input is closed"),
        ("analyzer replay - - --out out <alerts.ndjson", 2, "give it once"),
        ("analyzer replay alerts.ndjson --out - >&-", 2, "standard output is closed"),
        ("analyzer replay alerts.ndjson --out out >/dev/full", 1, "No space left"),
        ("analyzer config >/dev/full", 1, "No space left"),
        ("analyzer replay alerts.ndjson --out ''", 2, "--out is empty"),
        ("analyzer replay alerts.ndjson --out .", 2, "alerts.ndjson: the results would take"),
        ("analyzer replay alerts.ndjson --out /", 2, "give a folder of its own"),
        ("analyzer fingerprint nothing --out out", 2, "nothing: No such file"),
    ],
)
def test_a_sentence_and_no_traceback(
    command: str, code: int, said: str, events: Path, tmp_path: Path
) -> None:
    """Whatever is closed, full, empty or the same; and the source stays as it was."""
    done = shell(command, tmp_path)
    assert (done.returncode, done.stderr.count("\n")) == (code, 1), done.stderr
    assert said in done.stderr
    assert events.read_bytes() == EVENTS


def test_a_name_in_an_error_does_nothing_to_the_terminal(tmp_path: Path) -> None:
    """Of files, keys or settings: somebody else may have chosen it."""
    done = shell("analyzer replay '\x1b]0;t\x07\x9b31m\u202ename' --out out", tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith("analyzer: ]0;t31mname: No such file")


def test_closed_streams_that_nobody_needs_cost_nothing(events: Path, tmp_path: Path) -> None:
    """Results go to their folder all the same."""
    assert shell(f"analyzer replay {events.name} --out out <&- >&- 2>&-", tmp_path).returncode == 0
    assert (tmp_path / "out" / "summary.json").exists()


def test_fingerprints_may_take_the_place_of_what_they_are_of(events: Path, tmp_path: Path) -> None:
    """It is read before it is replaced."""
    done = shell(f"analyzer fingerprint {events.name} --out {events.name}", tmp_path)
    assert done.returncode == 0, done.stderr
    assert events.read_bytes().count(b'{"family":') == EVENTS.count(b"\n")


@pytest.mark.parametrize(
    "text", ["9" * 20, "offset:" + "9" * 20, "offset:-5", "offset:", "-1", "1969-12-31T23:59Z"]
)
def test_bounds_beyond_all_offsets_and_times_are_refused(text: str) -> None:
    """Below 0 they mean something else to Kafka, and above 2**63 nothing."""
    with pytest.raises(UsageError, match="is no bound"):
        parse_bound(text)
