"""The command ``simulate`` and the tools that make files for other tests."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import orjson
import pytest
from click.testing import CliRunner

from analyzer.errors import UsageError
from analyzer.simulate import generate
from analyzer.simulate.command import simulate

TOOLS = Path(__file__).parents[1] / "tools"


def run(*arguments: str) -> str:
    """Run the command and give what it prints; its errors are raised."""
    return CliRunner().invoke(simulate, arguments, catch_exceptions=False).output


def test_file_and_labels(tmp_path: Path) -> None:
    """The file holds the world's bytes and the labels lie next to it."""
    out = tmp_path / "events.ndjson"
    printed = run("--scenario", "smoke", "--seed", "5", "--scale", "0.2", "--out", str(out))
    world = generate("smoke", 5, 0.2)
    assert b"".join(world.lines()) == out.read_bytes()
    assert world.labels == orjson.loads((tmp_path / "events.ndjson.labels.json").read_bytes())
    assert f"{len(world):,} requests" in printed


def test_start_is_read_as_utc(tmp_path: Path) -> None:
    """A start without a zone is UTC."""
    out = tmp_path / "events.ndjson"
    run("--scenario", "smoke", "--scale", "0.1", "--out", str(out), "--start", "2026-04-01")
    labels = orjson.loads((tmp_path / "events.ndjson.labels.json").read_bytes())
    assert labels["start_ms"] == 1_775_001_600_000


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--scenario", "nope", "--out", "x"), "known: .*hydra"),
        (("--scenario", "smoke"), "either --out FILE or --broker URL"),
        (("--scenario", "smoke", "--out", "x", "--rate", "5"), "--rate goes with --broker"),
        (("--scenario", "smoke", "--out", "x", "--start", "soon"), "ISO 8601"),
        (("--scenario", "smoke", "--out", "no/such/dir/x"), "check the path"),
        (("--scenario", "economy", "--out", "x", "--days", "0.1"), "lasts 0.25 at least"),
    ],
)
def test_wrong_usage_says_what_to_do(arguments: tuple[str, ...], message: str) -> None:
    """Each mistake has its sentence."""
    with pytest.raises(UsageError, match=message):
        run(*arguments)


@pytest.mark.parametrize("number", ["nan", "inf", "-inf", "-1", "0", "1e9", "1e-9", "x"])
@pytest.mark.parametrize("option", ["--days", "--scale", "--seed"])
def test_a_number_without_a_world_is_refused(option: str, number: str, tmp_path: Path) -> None:
    """Or a world of that size is made."""
    out = str(tmp_path / "x")
    done = CliRunner().invoke(simulate, ["--scenario", "smoke", "--out", out, option, number])
    assert done.exit_code == 2 or b"event_id" in (tmp_path / "x").read_bytes()


def test_broken_lines_are_listed_and_good_lines_kept(tmp_path: Path) -> None:
    """Taking the listed lines out gives the file as it was."""
    good, bad = tmp_path / "good.ndjson", tmp_path / "bad.ndjson"
    good.write_bytes(b"".join(generate("smoke", 5, 0.05).lines()))
    tool = [sys.executable, str(TOOLS / "break_lines.py"), str(good), str(bad), "--share", "0.01"]
    subprocess.run(tool, check=True)
    inserted = dict(orjson.loads((tmp_path / "bad.ndjson.broken.json").read_bytes()))
    lines = bad.read_bytes().splitlines(keepends=True)
    assert good.read_bytes() == b"".join(
        line for number, line in enumerate(lines, 1) if number not in inserted
    )
    assert len(set(inserted.values())) == 10
    assert {lines[number - 1] for number, way in inserted.items() if way == "empty_line"} == {b"\n"}
