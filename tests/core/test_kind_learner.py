"""The kinds go on learning from verdicts: as River would, within bounds, and for like groups."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzer.core.campaign.campaign_state import Reading
from analyzer.core.campaign.kind import guarded
from analyzer.core.campaign.measure import FEATURES
from analyzer.core.campaign.models.kind_learner import KindLearner, as_river, named
from analyzer.core.campaign.models.kind_model import KindModel, bounds_of
from analyzer.core.contracts.event_time import DAY_S
from analyzer.errors import StateError

SHIPPED = KindModel.shipped()


def features(seed: int) -> np.ndarray:
    """A group of any sort, some of it unknown."""
    rng = np.random.default_rng(seed)
    drawn = SHIPPED.mean + rng.normal(size=len(FEATURES)) * np.minimum(SHIPPED.scale, 1.0)
    return np.where(rng.random(len(FEATURES)) < 0.1, np.nan, drawn)[None]


def reading(vector: np.ndarray) -> Reading:
    """The reading of a day with these features."""
    known = {n: float(v) for n, v in zip(FEATURES, vector[0], strict=True) if not np.isnan(v)}
    odds = SHIPPED.probabilities(vector, DAY_S)[0].tolist()
    kinds = dict(zip(SHIPPED.kinds, odds, strict=True))
    return Reading(0, DAY_S, known, {}, {}, kinds, 0.5)


def extraction(learner: KindLearner, vector: np.ndarray) -> float:
    """Probability of it now."""
    model = learner.model
    return float(model.extraction(model.probabilities(vector, DAY_S))[0])


@settings(max_examples=20)
@given(st.integers(0, 10**6), st.sampled_from([3_600, 21_600, DAY_S, 259_200]))
def test_it_says_what_river_says(seed: int, window_s: int) -> None:
    """The product over all kinds at once is River's own probability of each."""
    vector = features(seed)
    columns = named(SHIPPED.columns(vector, window_s)[0])
    river = as_river(SHIPPED).predict_proba_one(columns)  # type: ignore[no-untyped-call] # no types
    ours = dict(zip(SHIPPED.kinds, SHIPPED.probabilities(vector, window_s)[0], strict=True))
    assert river == pytest.approx(ours, abs=1e-9)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6), st.booleans())
def test_a_verdict_moves_what_is_like_it(seed: int, true: bool) -> None:
    """Toward the verdict, for the judged campaign by its next reading, and never past a bound."""
    learner, vector = KindLearner(SHIPPED), features(seed)
    before = extraction(learner, vector)
    learner.learn_one([reading(vector)], true=true)
    after = extraction(learner, vector)
    assert after >= before if true else after <= before
    low, high = bounds_of(SHIPPED.classes)
    assert (learner.model.weights >= low).all()
    assert (learner.model.weights <= high).all()
    assert learner.version == f"{SHIPPED.version}.1"


def test_it_takes_more_than_one_verdict_to_turn_a_kind() -> None:
    """One of three readings moves a sure probability by less than a half; many turn it."""
    learner, vector = KindLearner(SHIPPED), features(7)
    begun = extraction(learner, vector)
    learner.learn_one([reading(vector)] * 3, true=begun < 0.5)
    assert abs(extraction(learner, vector) - begun) < 0.5
    for _ in range(60):
        learner.learn_one([reading(vector)], true=begun < 0.5)
    assert (extraction(learner, vector) > 0.5) != (begun > 0.5)


def test_the_guard_hears_no_verdict() -> None:
    """Whatever was learned: without evidence of an operation a group is held back."""
    learner, vector = KindLearner(SHIPPED), features(3)
    vector[0, FEATURES.index("thinning")] = np.nan
    for _ in range(60):
        learner.learn_one([reading(vector)], true=True)
    assert extraction(learner, vector) > 0.7
    assert not guarded(vector)[0]


def test_a_restart_forgets_nothing() -> None:
    """And what one learns next is the same."""
    one, other = KindLearner(SHIPPED), KindLearner(SHIPPED)
    one.learn_one([reading(features(1))], true=True)
    other.restore(one.state())
    for learner in (one, other):
        learner.learn_one([reading(features(2))], true=False)
    np.testing.assert_array_equal(one.model.weights, other.model.weights)
    assert one.state() == other.state()


def test_lessons_to_another_model_are_void() -> None:
    """A release that ships other weights begins anew; damage is told."""
    learner = KindLearner(SHIPPED)
    learner.learn_one([reading(features(1))], true=True)
    state = learner.state()
    learner.restore(state | {"version": "of yesterday"})
    assert learner.model is SHIPPED
    with pytest.raises(StateError):
        learner.restore(state | {"weights": [[1.0]]})
