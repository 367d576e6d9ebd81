"""A part of time is replayed as the whole is there, and Parquet as its lines are."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result

from analyzer.cli import app
from analyzer.simulate import generate

RESULTS = ("alerts.ndjson", "campaigns.ndjson", "members.ndjson")


def replay(*words: str | Path) -> Result:
    """Run a replay."""
    return CliRunner().invoke(app, ["replay", *map(str, words)])


def alerts(folder: Path) -> list[dict[str, Any]]:
    """What was raised."""
    return [orjson.loads(line) for line in (folder / "alerts.ndjson").read_bytes().splitlines()]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small world, replayed whole."""
    folder = tmp_path_factory.mktemp("span")
    (folder / "events.ndjson").write_bytes(b"".join(generate("smoke", 5).lines()))
    done = replay(folder / "events.ndjson", "--out", folder / "whole")
    assert done.exit_code == 0, done.output
    return folder


def test_what_is_told_since_is_what_the_whole_tells_then(place: Path) -> None:
    """The warm-up raises nothing of its own; a record of it gives the same bytes."""
    whole = alerts(place / "whole")
    since = whole[1]["detected_at_ms"]
    words = ["--since", since, "--record", "--out", place / "since"]
    assert replay(place / "events.ndjson", *words).exit_code == 0
    assert alerts(place / "since") == whole[1:]
    assert replay("--from-record", place / "since", "--out", place / "again").exit_code == 0
    for name in (*RESULTS, "summary.json"):
        assert (place / "again" / name).read_bytes() == (place / "since" / name).read_bytes()
    assert orjson.loads((place / "since" / "summary.json").read_bytes())["since_ms"] == since


def test_nothing_is_read_from_until_on(place: Path) -> None:
    """Alerts and events end there; what was decided before is the same."""
    whole = alerts(place / "whole")
    until = whole[2]["detected_at_ms"]
    assert (
        replay(place / "events.ndjson", "--until", until, "--out", place / "until").exit_code == 0
    )
    assert alerts(place / "until")[:2] == whole[:2]
    summary = orjson.loads((place / "until" / "summary.json").read_bytes())
    times = [e["timestamp_ms"] for e in map(orjson.loads, generate("smoke", 5).lines())]
    assert summary["events"] == sum(ms < until for ms in times)
    assert summary["last_event_ms"] == max(ms for ms in times if ms < until)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--since", "9", "--until", "5"), "--until is not after --since"),
        (("--since", "offset:3"), "no time"),
        (("--until", "yesterday"), "no bound"),
    ],
)
def test_what_is_no_span_is_refused(place: Path, words: tuple[str, ...], told: str) -> None:
    """Before anything is read."""
    done = replay(place / "events.ndjson", *words, "--out", place / "none")
    assert told in str(done.exception)
    assert not (place / "none").exists()


@pytest.mark.parametrize("as_times", [False, True])
def test_parquet_is_replayed_as_its_lines(place: Path, tmp_path: Path, *, as_times: bool) -> None:
    """Whatever its name, with times as numbers or as times; fields that are null are not given."""
    rows = [orjson.loads(line) for line in generate("smoke", 5).lines()]
    names = {name for row in rows for name in row}
    table = pa.table({name: [row.get(name) for row in rows] for name in sorted(names)})
    if as_times:
        at = table.schema.get_field_index("timestamp_ms")
        table = table.set_column(
            at, "timestamp_ms", table.column(at).cast(pa.timestamp("ms", tz="UTC"))
        )
    pq.write_table(table, tmp_path / "events")
    done = replay(tmp_path / "events", "--out", tmp_path / "out")
    assert done.exit_code == 0, done.output
    for name in RESULTS:
        assert (tmp_path / "out" / name).read_bytes() == (place / "whole" / name).read_bytes()


def test_damaged_parquet_is_told_by_its_name(tmp_path: Path) -> None:
    """No traceback of another library, and nothing is written."""
    (tmp_path / "cut").write_bytes(b"PAR1" + b"x" * 100)
    done = replay(tmp_path / "cut", "--out", tmp_path / "out")
    assert "damaged Parquet" in str(done.exception)
    assert not (tmp_path / "out").exists()
    empty = pa.table({"when": pa.array([dt.datetime(2026, 3, 1, tzinfo=dt.UTC)])})
    pq.write_table(empty, tmp_path / "other")
    done = replay(tmp_path / "other", "--out", tmp_path / "out")
    assert done.exit_code == 1
