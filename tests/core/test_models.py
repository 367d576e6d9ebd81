"""Online models: their contract, and how their state is read back."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from analyzer.core.cohort.catalog import NAMES
from analyzer.core.cohort.models.anomaly import WARMUP, Strangeness
from analyzer.core.cohort.models.safe_pickle import dump, load
from analyzer.errors import StateError

ROWS = np.random.default_rng(4).random((3 * WARMUP, len(NAMES))) ** 4


def scores(model: Strangeness, rows: np.ndarray) -> list[float | None]:
    """Score, then learn, each row."""
    seen = []
    for row in rows:
        seen.append(model.score_one(row))
        model.learn_one(row)
    return seen


def test_a_model_says_nothing_until_it_knows_something() -> None:
    """None while warming up, then a number in [0, 1]."""
    seen = scores(Strangeness(7), ROWS)
    assert seen[:WARMUP] == [None] * WARMUP
    assert all(score is not None and 0 <= score <= 1 for score in seen[WARMUP:])


def test_the_same_seed_and_order_give_the_same_scores() -> None:
    """Randomness comes from the seed alone."""
    assert scores(Strangeness(7), ROWS) == scores(Strangeness(7), ROWS)


def test_a_model_saved_anywhere_goes_on_as_if_nothing_had_happened() -> None:
    """Snapshot and restore are invisible."""
    model = Strangeness(7)
    first = scores(model, ROWS[:150])
    again = Strangeness(1)
    again.restore(model.snapshot())
    assert first + scores(again, ROWS[150:]) == scores(Strangeness(7), ROWS)


class _Evil:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        import os

        return os.system, ("true",)


@pytest.mark.parametrize(
    "data",
    [b"", b"junk", pickle.dumps(_Evil()), dump(Strangeness(7).snapshot())[:-9]],
    ids=["empty", "junk", "code", "cut short"],
)
def test_what_is_no_model_is_refused(data: bytes) -> None:
    """Nothing outside the allow-list is ever loaded."""
    with pytest.raises(StateError):
        load(data)
