"""A record judged again gives the bytes of a replay with those settings."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest
from click.testing import CliRunner, Result

from analyzer.cli import app
from analyzer.simulate import generate


def run(*words: str) -> Result:
    """The command line."""
    return CliRunner().invoke(app, words)


def files(folder: Path) -> dict[str, bytes]:
    """What lies there, but the record."""
    return {f.name: f.read_bytes() for f in folder.iterdir() if f.name != "record.zst"}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small world with a bad line, replayed with a record and against other settings."""
    folder = tmp_path_factory.mktemp("record")
    lines = [*generate("smoke", 5, 0.5, 1.5).lines(), b"no json\n"]
    (folder / "events.ndjson").write_bytes(b"".join(lines))
    (folder / "b.toml").write_text("[core]\ntell_confidence = 0.9\n", "utf-8")
    words = ["--record", "--against", str(folder / "b.toml"), "--json"]
    done = run("replay", str(folder / "events.ndjson"), "--out", str(folder / "a"), *words)
    assert done.exit_code == 0, done.output
    (folder / "told.json").write_text(done.stdout, "utf-8")
    return folder


def test_judged_again_gives_the_same_bytes(place: Path) -> None:
    """All five files, with the shipped settings and with others."""
    events, config = str(place / "events.ndjson"), str(place / "b.toml")
    assert (
        run("replay", "--from-record", str(place / "a"), "--out", str(place / "same")).exit_code
        == 0
    )
    assert files(place / "same") == files(place / "a")
    done = run("replay", events, "--out", str(place / "b"), "--config", config)
    assert done.exit_code == 0, done.output
    again = run(
        "replay", "--from-record", str(place / "a"), "--out", str(place / "c"), "--config", config
    )
    assert again.exit_code == 0, again.output
    assert files(place / "c") == files(place / "b") != files(place / "a")
    assert (place / "c" / "dead_letters.ndjson").read_bytes()


def test_against_says_what_other_settings_change(place: Path) -> None:
    """The campaign is told later, in the same pass."""
    difference = orjson.loads((place / "told.json").read_text("utf-8").splitlines()[-1])
    assert [pair["later_ms"] > 0 for pair in difference["both"]] == [True]


def test_settings_that_reach_deeper_are_refused_by_name(place: Path) -> None:
    """Nothing is written then."""
    (place / "deep.toml").write_text("[core]\nalert_threshold = 0.6\nseed = 8\n", "utf-8")
    words = ["--config", str(place / "deep.toml"), "--out", str(place / "deep")]
    done = run("replay", "--from-record", str(place / "a"), *words)
    assert "core.alert_threshold, core.seed: reaches deeper" in str(done.exception)
    assert not (place / "deep").exists()
    done = run("replay", "x", "--against", str(place / "deep.toml"), "--out", str(place / "deep"))
    assert "core.alert_threshold, core.seed: reaches deeper" in str(done.exception)


def test_a_record_is_not_replaced_by_what_it_gives(place: Path) -> None:
    """Whichever way its folder is written."""
    before = (place / "a" / "record.zst").read_bytes()
    for out in (place / "a", place / "b" / ".." / "a"):
        done = run("replay", "--from-record", str(place / "a"), "--out", str(out))
        assert "the results would take the record's place" in str(done.exception)
    assert (place / "a" / "record.zst").read_bytes() == before


@pytest.mark.parametrize("damage", [b"", b"junk", None])
def test_a_damaged_record_is_refused(place: Path, tmp_path: Path, damage: bytes | None) -> None:
    """With what to do about it."""
    for name, data in files(place / "a").items():
        (tmp_path / name).write_bytes(data)
    if damage is not None:
        (tmp_path / "record.zst").write_bytes(damage)
    done = run("replay", "--from-record", str(tmp_path), "--out", str(tmp_path / "out"))
    assert "again" in str(done.exception) or "with --record" in str(done.exception)


@pytest.mark.parametrize(
    "words",
    [
        ("--out", "o"),
        ("x", "--from-record", "d", "--out", "o"),
        ("x", "--out", "-", "--record"),
        ("--from-record", "d", "--record", "--out", "o"),
    ],
)
def test_what_makes_no_sense_together_is_refused(words: tuple[str, ...]) -> None:
    """Before anything is read."""
    assert "give" in str(run("replay", *words).exception) or "need" in str(
        run("replay", *words).exception
    )
