"""Results are written whole or not at all, for their owner alone; nothing counted is no success."""

from __future__ import annotations

import io
import json
import os
import resource
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzer.core.contracts.records import Alert, Member, encode_record
from analyzer.errors import AnalyzerError, UsageError
from analyzer.replay.compare import compare, tell
from analyzer.replay.report import FILES, Report, read, read_summary

EXAMPLES = Path(__file__).parents[2] / "schemas" / "examples"
ALERT = msgspec.json.decode(
    (EXAMPLES / "alert.v1" / "valid" / "opened.json").read_bytes(), type=Alert
)
START = 1_772_532_000_000


def event(number: int, **more: Any) -> bytes:
    """An event as a line."""
    fields = {
        "event_id": f"e-{number}",
        "timestamp_ms": START + number * 1_000,
        "account_id": f"a-{number % 9}",
        "model": "m",
        "input_tokens": 1,
        "output_tokens": 1,
        "status": "ok",
    }
    return json.dumps(fields | more).encode() + b"\n"


def replay(*args: str, **how: Any) -> subprocess.CompletedProcess[str]:
    """Run the command."""
    command = [sys.executable, "-m", "analyzer", "replay", *args]
    return subprocess.run(command, capture_output=True, text=True, check=False, **how)


def written(folder: Path, alerts: list[Alert], members: list[Member]) -> Path:
    """A report of these records."""
    with Report(folder, io.BytesIO()) as report:
        report.take([*alerts, *members])
        report.finish({})
    return folder


def names(folder: Path) -> set[str]:
    """What lies there, hidden things included."""
    return {file.name for file in folder.iterdir()}


ALL = {f"{name}.ndjson" for name in FILES} | {"summary.json"}


def test_results_are_for_their_owner_alone(tmp_path: Path) -> None:
    """Nobody else may read the folder or a file in it."""
    folder = written(tmp_path / "out", [ALERT], [])
    for path in (folder, *folder.iterdir()):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0
    assert names(tmp_path) == {"out"}


@pytest.mark.parametrize("foreign", [False, True])
def test_a_replay_that_fails_changes_nothing(tmp_path: Path, foreign: bool) -> None:
    """What was there stays whole; nothing of the new one is left, here or beside."""
    folder = written(tmp_path / "out", [ALERT], [])
    if foreign:
        (folder / "notes.txt").write_text("mine")
    before = {file.name: file.read_bytes() for file in folder.iterdir()}
    report = Report(folder, io.BytesIO())
    report.take([ALERT, ALERT])
    report.__exit__()
    assert before == {file.name: file.read_bytes() for file in folder.iterdir()}
    assert names(tmp_path) == {"out"}


@pytest.mark.parametrize("foreign", [False, True])
def test_new_results_take_the_place_of_all_old_ones(tmp_path: Path, foreign: bool) -> None:
    """A folder that holds other things keeps them."""
    folder = written(tmp_path / "out", [ALERT, ALERT], [])
    if foreign:
        (folder / "notes.txt").write_text("mine")
    written(folder, [ALERT], [])
    assert len(read(folder, "alerts", Alert)) == 1
    assert names(folder) == ALL | ({"notes.txt"} if foreign else set())
    assert names(tmp_path) == {"out"}


@pytest.mark.parametrize("name", ["alerts.ndjson", "members.ndjson", "summary.json"])
def test_damaged_results_give_a_sentence(tmp_path: Path, name: str) -> None:
    """Cut, no JSON, missing: wrong usage, with the file's name."""
    folder = written(tmp_path / "out", [ALERT], [])
    for damage in (b'{"alert_id', b"\xff\xfe", b"[]\n", None):
        path = folder / name
        path.unlink() if damage is None else path.write_bytes(damage)
        with pytest.raises(UsageError, match=name):
            compare(folder, folder)


def test_a_full_disk_is_a_sentence(tmp_path: Path) -> None:
    """And leaves nothing."""
    with Path("/dev/full").open("wb", buffering=0) as full:
        report = Report(None, full)
        with pytest.raises(AnalyzerError, match="nothing was written"):
            report.take([ALERT])
    file = tmp_path / "e.ndjson"
    file.write_bytes(b"".join(event(i, status="bad") for i in range(3_000)))

    def little_room() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))

    done = replay(str(file), "--out", str(tmp_path / "out"), preexec_fn=little_room)
    assert done.returncode, done.stderr
    assert "nothing was written there" in done.stderr.splitlines()[0]
    assert "nothing was written" in done.stderr
    assert names(tmp_path) == {"e.ndjson"}


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "nothing in it"),
        (b"\n\n\n", "empty"),
        (b"event_id,timestamp_ms\ne-1,5\n", "no JSON"),
        (b'{\n  "event_id": "e-1",\n  "timestamp_ms": 5\n}\n', "llm.request.v1"),
        (b"".join(event(i, timestamp_ms=START // 1_000 + i) for i in range(9)), "milliseconds"),
        (b"".join(event(i, timestamp_ms="2026-03-03") for i in range(9)), "milliseconds"),
        (b"".join(event(i, status="success") for i in range(9)), "llm.request.v1"),
    ],
)
def test_nothing_counted_is_no_success(
    command: Any, tmp_path: Path, data: bytes, said: str
) -> None:
    """Exit 1 with the file's name and why."""
    file = tmp_path / "e.ndjson"
    file.write_bytes(data)
    done = command("replay", file, "--out", str(tmp_path / "out"))
    assert done.returncode == 1
    assert "e.ndjson" in done.stderr
    assert said in done.stderr


def test_a_source_of_which_nothing_was_counted_is_named(command: Any, tmp_path: Path) -> None:
    """Beside one that was counted: its results are written, and the exit code is 1."""
    good, empty, bad = (tmp_path / name for name in ("good.ndjson", "empty.ndjson", "bad.csv"))
    good.write_bytes(b"".join(event(i) for i in range(9)))
    empty.write_bytes(b"")
    bad.write_bytes(b"event_id,timestamp_ms\ne-1,5\n")
    out = tmp_path / "out"
    assert command("replay", good, empty, "--out", out).returncode == 0
    done = command("replay", good, bad, "--out", out)
    assert done.returncode == 1
    assert f"{bad}: no record of it could be counted" in done.stderr
    assert read_summary(out)["events"] == 9
    aside = command("replay", good, "--out", out, "--until", "2020-01-01")
    assert "outside --since and --until" in aside.stderr


def test_a_replay_that_is_told_to_stop_leaves_nothing(tmp_path: Path) -> None:
    """SIGTERM while it waits for more of a pipe."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    command = [
        sys.executable,
        "-m",
        "analyzer",
        "replay",
        str(pipe),
        "--out",
        str(tmp_path / "out"),
    ]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as running, pipe.open("wb"):
        while len(names(tmp_path)) < 2 and running.poll() is None:
            time.sleep(0.05)
        running.send_signal(signal.SIGTERM)
        _, said = running.communicate(timeout=60)
    assert running.returncode == 143
    assert "Traceback" not in said
    assert names(tmp_path) == {"pipe"}


MEMBER = st.builds(
    lambda account, campaign, state: Member(
        account, campaign, "linked_accounts", 0.5, [], START, START, START, 1, state
    ),
    st.text(max_size=3),
    st.sampled_from("abcd"),
    st.sampled_from(["member", "released"]),
)


@settings(max_examples=60)
@given(st.lists(st.sampled_from("abcd"), max_size=5), st.lists(MEMBER, max_size=12))
def test_nothing_differs_from_itself(
    tmp_path_factory: pytest.TempPathFactory, campaigns: list[str], members: list[Member]
) -> None:
    """Whoever was released or moved to another campaign, every campaign finds itself."""
    alerts = [msgspec.structs.replace(ALERT, campaign_id=campaign) for campaign in campaigns]
    folder = written(tmp_path_factory.mktemp("same") / "x", alerts, members)
    found = compare(folder, folder)
    assert (found["only_left"], found["only_right"]) == ([], [])
    assert [(c, c) for c in sorted(set(campaigns))] == [
        (pair["left"], pair["right"]) for pair in found["both"]
    ]
    for pair in found["both"]:
        assert (pair["gained"], pair["lost"], pair["later_ms"]) == ([], [], 0)


@settings(max_examples=100)
@given(st.text("\x1b\x9b\n\r\u202e\u2028[31mab", max_size=40))
def test_no_text_of_others_is_obeyed(text: str) -> None:
    """A summary that holds control characters is told on one line and without them."""
    brief = {"summary": f"a{text}"}
    shown = tell({"only_left": [brief], "only_right": [brief], "both": []})
    assert len(shown.splitlines()) == 2
    assert not set(shown) & set("\x1b\x9b\r\u202e\u2028")
    assert b"\x1b" not in encode_record(msgspec.structs.replace(ALERT, summary=text))
