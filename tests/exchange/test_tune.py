"""Bounds are tuned on one part of time and validated on another, and what they change is said."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import orjson
import pytest
from click.testing import CliRunner

from analyzer.cli import app
from analyzer.exchange.tuning import Bounds, Thread, best, candidates, outcome
from analyzer.replay.report import RECORD
from analyzer.simulate import generate
from analyzer.simulate.command import write

HOUR_MS = 3_600_000


def thread(name: str, *steps: tuple[float, int], members: int = 20, labelled: int = 20) -> Thread:
    """A thread of alerts an hour apart, of these confidences and sizes."""
    return Thread(
        name, [(i * HOUR_MS, sure, size, members, labelled) for i, (sure, size) in enumerate(steps)]
    )


TRUE = thread("true", (0.6, 10), (0.8, 20), (0.95, 40))
FALSE = thread("false", (0.7, 12), (0.75, 12), labelled=3)
SMALL = thread("small", (0.9, 6), members=6, labelled=6)


def test_an_outcome_counts_what_is_told() -> None:
    """Labelled accounts of true threads, false campaigns in a million requests, and the delay."""
    found = outcome([TRUE, FALSE, SMALL], Bounds(0.0, 0), 500_000)
    assert (found.found, found.labelled, found.true_campaigns) == (26, 26, 2)
    assert (found.false_campaigns, found.false_per_million, found.late_h) == (1, 2.0, 0.0)
    found = outcome([TRUE, FALSE, SMALL], Bounds(0.8, 10), 500_000)
    assert (found.found, found.labelled, found.false_campaigns, found.late_h) == (20, 26, 0, 1.0)


def test_the_best_finds_most_within_the_budget_and_soonest() -> None:
    """Without a budget to keep nothing is held back; with none, what is false goes."""
    tried = [outcome([TRUE, FALSE, SMALL], b, 1e6) for b in candidates([TRUE, FALSE, SMALL])]
    assert best(tried, budget=1.0).bounds == Bounds(0.0, 0)
    found = best(tried, budget=0.0)
    assert (found.found, found.false_campaigns, found.late_h) == (26, 0, 0.5)
    only_false = [outcome([FALSE], b, 1e6) for b in (Bounds(0.0, 0), Bounds(0.1, 0))]
    assert best(only_false, budget=0.0).false_per_million == 1.0


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two small worlds, replayed with a record each."""
    folder = tmp_path_factory.mktemp("tune")
    for name, seed in (("a", 5), ("b", 6)):
        write(generate("smoke", seed), folder / f"{name}.ndjson")
        words = ["replay", str(folder / f"{name}.ndjson"), "--out", str(folder / name), "--record"]
        done = CliRunner().invoke(app, words)
        assert done.exit_code == 0, done.output
    return folder


def tune(records: Path, *words: str) -> Any:
    """Tune on the first world."""
    labels = str(records / "a.ndjson.labels.json")
    return CliRunner().invoke(
        app, ["tune", str(records / "a"), "--labels", labels, "--budget", "1", *words]
    )


def on_the_other(records: Path) -> list[str]:
    """Validate on the second world."""
    labels = str(records / "b.ndjson.labels.json")
    return ["--validate", str(records / "b"), "--validate-labels", labels]


def test_tuned_on_one_world_validated_on_another(records: Path, tmp_path: Path) -> None:
    """Figures of both, the curve, what changes; a file only if it is better."""
    out = tmp_path / "tuned.toml"
    done = tune(records, *on_the_other(records), "--json", "--out", str(out))
    assert done.exit_code == 0, done.output
    found = orjson.loads(done.stdout)
    assert found["split_ms"] is None
    assert found["tuned_on"]["labelled"] >= found["tuned_on"]["found"] > 0
    assert found["present"]["bounds"] == {"tell_confidence": 0.0, "tell_organisations": 0}
    sure = [o["bounds"]["tell_confidence"] for o in found["curve"]]
    assert sure == sorted(sure)
    assert {"only_left", "only_right", "both"} <= found["changes"].keys()
    assert out.exists() == found["improves"]


def test_stricter_settings_are_loosened_again(records: Path, tmp_path: Path) -> None:
    """Where the present bounds tell nothing, tuned ones are better, and the file gives them."""
    strict = tmp_path / "strict.toml"
    strict.write_text("[core]\ntell_organisations = 9999\n", "utf-8")
    out = tmp_path / "tuned.toml"
    words = ["--config", str(strict), "--json", "--out", str(out)]
    done = tune(records, *on_the_other(records), *words)
    assert done.exit_code == 0, done.output
    found = orjson.loads(done.stdout)
    assert found["improves"]
    assert found["present"]["found"] == 0 < found["validated_on"]["found"]
    assert tomllib.loads(out.read_text("utf-8"))["core"] == found["bounds"]
    assert CliRunner().invoke(app, ["config", "--config", str(out)]).exit_code == 0


def test_nothing_is_validated_on_what_it_was_tuned_on(records: Path) -> None:
    """The same record is refused, and so is a part of time in which nothing began."""
    labels = str(records / "a.ndjson.labels.json")
    done = tune(records, "--validate", str(records / "a"), "--validate-labels", labels)
    assert "nothing is validated on what it was tuned on" in str(done.exception)
    done = tune(records, "--split", "0.99")
    assert "no campaign began in the part to validate on" in str(done.exception)


def test_without_a_record_it_says_how_to_make_one(records: Path, tmp_path: Path) -> None:
    """Results of a replay without ``--record`` can't be tuned on."""
    for file in (records / "a").iterdir():
        if file.name != RECORD:
            (tmp_path / file.name).write_bytes(file.read_bytes())
    labels = str(records / "a.ndjson.labels.json")
    done = CliRunner().invoke(app, ["tune", str(tmp_path), "--labels", labels, "--budget", "1"])
    assert "with --record" in str(done.exception)
