"""Online models: their contract, and how their state is read back."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from river import anomaly

from analyzer.core.campaign import models as campaign_models
from analyzer.core.campaign.models.verdicts import Verdicts
from analyzer.core.cohort import models as cohort_models
from analyzer.core.cohort.catalog import NAMES
from analyzer.core.cohort.models.anomaly import WARMUP, AnomalyModel
from analyzer.core.cohort.models.safe_pickle import dump, load
from analyzer.core.cohort.models.trees import HEIGHT, TREES, Trees
from analyzer.errors import StateError

ROWS = np.random.default_rng(4).random((3 * WARMUP, len(NAMES))) ** 4


def scores(model: AnomalyModel, rows: np.ndarray) -> list[float | None]:
    """Score, then learn, each row."""
    seen: list[float | None] = []
    for row in rows:
        seen += model.score(row[None])
        model.learn(row[None])
    return seen


def test_a_model_says_nothing_until_it_knows_something() -> None:
    """None while warming up, then a number in [0, 1]."""
    seen = scores(AnomalyModel(7), ROWS)
    assert seen[:WARMUP] == [None] * WARMUP
    assert all(score is not None and 0 <= score <= 1 for score in seen[WARMUP:])


def test_the_same_seed_and_order_give_the_same_scores() -> None:
    """Randomness comes from the seed alone."""
    assert scores(AnomalyModel(7), ROWS) == scores(AnomalyModel(7), ROWS)


def test_a_model_saved_anywhere_goes_on_as_if_nothing_had_happened() -> None:
    """Snapshot and restore are invisible."""
    model = AnomalyModel(7)
    first = scores(model, ROWS[:150])
    again = AnomalyModel(1)
    again.restore(model.snapshot())
    assert first + scores(again, ROWS[150:]) == scores(AnomalyModel(7), ROWS)


def trees_read_back() -> tuple[list[float], list[float]]:
    """Scores of trees that learned more rows than they need, and of what was read back."""
    trees, again = (Trees(NAMES, window=WARMUP, strange=0.9, seed=seed) for seed in (7, 1))
    trees.learn(ROWS)
    again.restore(trees.snapshot())
    return trees.score(ROWS[:9]).tolist(), again.score(ROWS[:9]).tolist()


def verdicts_read_back() -> tuple[list[float | None], list[float | None]]:
    """Probabilities after ten verdicts of each kind, and of what was read back."""
    verdicts, again = Verdicts(), Verdicts()
    for row, features in enumerate(ROWS[:20].tolist()):
        verdicts.learn_one([features], true=row % 2 == 0)
    again.restore(verdicts.snapshot())
    asked = ROWS[20:29].tolist()
    return [verdicts.score_one(row) for row in asked], [again.score_one(row) for row in asked]


TAUGHT: dict[str, Callable[[], tuple[list[Any], list[Any]]]] = {
    "trees": trees_read_back,
    "verdicts": verdicts_read_back,
}
"""Module → what its model says after lessons and what it says once read back: a model that has
learned nothing may hold fewer classes than one that has."""


def test_every_model_that_is_saved_is_taught_here() -> None:
    """One that has learned nothing proves nothing of the allow-list."""
    rooms = (cohort_models, campaign_models)
    files = [file for room in rooms for file in Path(room.__path__[0]).glob("*.py")]
    saving = {file.stem for file in files if "dump(" in file.read_text()} - {"safe_pickle"}
    assert saving == set(TAUGHT)


@pytest.mark.parametrize("name", TAUGHT)
def test_a_model_is_read_back_after_lessons(name: str) -> None:
    """Its classes are on the allow-list, and it is the same model."""
    said, again = TAUGHT[name]()
    assert None not in said
    assert again == said


class _Evil:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        import os

        return os.system, ("true",)


SAVED = AnomalyModel(7)
scores(SAVED, ROWS[: WARMUP + 3])


@given(st.data())
def test_any_damage_is_refused(data: st.DataObject) -> None:
    """Bytes changed, cut out or put in: always a StateError, and never at a later use."""
    whole = SAVED.snapshot()
    at = data.draw(st.integers(0, len(whole) - 1))
    new = data.draw(st.binary(max_size=3))
    assume(whole[at : at + 2] != new)
    with pytest.raises(StateError):
        AnomalyModel(1).restore(whole[:at] + new + whole[at + 2 :])


@pytest.mark.parametrize("model", [AnomalyModel(1), Verdicts()], ids=["trees", "verdicts"])
@pytest.mark.parametrize("saved", [None, "text", (1, 2), (1, 2, 3), (1, ()), (0, 0, 1.5)], ids=repr)
def test_what_loads_but_can_not_be_used_is_refused(
    model: AnomalyModel | Verdicts, saved: object
) -> None:
    """It is tried out when it is read."""
    with pytest.raises(StateError):
        model.restore(dump(saved))


@pytest.mark.parametrize(
    "data",
    [b"", b"junk", pickle.dumps(_Evil()), dump(AnomalyModel(7).snapshot())[:-9], dump(_Evil())],
    ids=["empty", "junk", "code", "cut short", "code with its digest"],
)
def test_what_is_no_model_is_refused(data: bytes) -> None:
    """Nothing outside the allow-list is ever loaded."""
    with pytest.raises(StateError):
        load(data)


def test_the_walk_down_the_trees_gives_what_river_gives() -> None:
    """Scores and the bytes of the state are those of River's own calls."""
    trees = Trees(NAMES, window=WARMUP, strange=0.9, seed=7)
    limits: dict[Hashable, tuple[float, float]] = dict.fromkeys(NAMES, (0.0, 1.0))
    inner = anomaly.HalfSpaceTrees(
        n_trees=TREES, height=HEIGHT, window_size=WARMUP, limits=limits, seed=7
    )
    river = anomaly.QuantileFilter(inner, q=0.9, protect_anomaly_detector=True)
    for row in ROWS:
        named = dict(zip(NAMES, row.tolist(), strict=True))
        assert trees.score(row[None])[0] == river.score_one(named)
        trees.learn(row[None])
        river.learn_one(named)  # type: ignore[no-untyped-call] # River's
    assert trees.snapshot() == dump((len(ROWS), NAMES, river))
