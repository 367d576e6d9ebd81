"""What is usual: sorts of cohorts, thin sorts that borrow, and what is learned online."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from pydantic import ValidationError

from analyzer.core.campaign.baseline import HALF_LIFE, Baseline
from analyzer.core.campaign.decision import judge
from analyzer.core.cohort.catalog import NAMES
from analyzer.core.cohort.fusion import FITTED, Fusion
from analyzer.core.config import CoreConfig
from analyzer.core.contracts.calibration import (
    ENOUGH,
    KINDS,
    SIZES,
    STRATA,
    Calibration,
    borrowed,
    fitted,
    strata_of,
)
from analyzer.core.contracts.cohort_columns import FACTS, CohortColumns
from analyzer.core.contracts.object_kind import Kind

N = len(NAMES)


def cohorts(sizes: list[int], kind: Kind = Kind.TEMPLATE, value: float = 0.2) -> CohortColumns:
    """Cohorts of so many organisations, each of an object of its own, all signals alike."""
    n = len(sizes)
    facts = np.zeros((n, len(FACTS)))
    facts[:, FACTS.index("organisations")] = sizes
    return CohortColumns(
        pane=np.zeros(n, np.int64),
        kind=np.full(n, int(kind)),
        object=np.arange(n, dtype=np.uint64),
        window_s=np.full(n, 3_600),
        newcomers=np.zeros(n, np.int64),
        features=np.full((n, N), value),
        facts=facts,
    )


def calibrated(suspicion: float = 0.01, value: float = 0.2, n: int = 3_000) -> Calibration:
    """A calibration of templates of eight alone."""
    return fitted(cohorts([8] * n, value=value), np.full(n, suspicion), NAMES, "fit-1")


def test_a_stratum_is_kind_newcomers_and_size() -> None:
    """Classes of size begin at 8, 16, 32, 64 and 128; the smaller belong to the first."""
    sizes = [6, 8, 15, 16, 31, 32, 63, 64, 127, 128, 9_999]
    assert strata_of(cohorts(sizes)).tolist() == [0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4]
    new = replace(cohorts([8]), newcomers=np.ones(1, np.int64))
    assert strata_of(new).tolist() == [len(SIZES)]
    last = strata_of(cohorts([128], Kind.GRAPH)).tolist()
    assert last == [STRATA - len(SIZES) - 1]


def test_a_file_gives_back_what_was_fitted() -> None:
    """Means, quantiles and objects; repeats of an object count once, in the mean fully."""
    twice = cohorts([8, 8, 20])
    twice = replace(twice, object=np.array([5, 5, 5], np.uint64))
    twice.features[0, 0], twice.features[2, 1] = 1.0, np.nan
    found = fitted(twice, np.array([0.0, 3.0, 1.0]), NAMES, "fit-1")
    assert Calibration.model_validate_json(found.model_dump_json()) == found
    small, large = found.strata
    assert (small.kind, small.newcomers, small.size, small.objects) == ("template", 0, 8, 1)
    assert (small.suspicion, small.mean[0], small.high[0]) == (1.5, 0.6, 0.96)
    assert (large.size, large.mean[1], large.high[1]) == (16, None, None)


def test_a_thin_stratum_borrows_from_its_kind_and_then_from_all() -> None:
    """What it lacks of enough comes from its kind, the rest from everything, as far as it goes."""
    objects, values = np.zeros(STRATA), np.full((STRATA, 1), np.nan)
    per_kind = 2 * len(SIZES)
    for row, (known, value) in {0: (100, 1.0), 1: (200, 4.0), per_kind: (5_000, 9.0)}.items():
        objects[row], values[row] = known, value
    n, means = borrowed(objects, values)
    everything = (100 * 1.0 + 200 * 4.0 + 5_000 * 9.0) / 5_300
    own = 100 * 1.0 + 300 * 3.0 + 600 * everything
    assert n[0] == ENOUGH
    assert means[0, 0] == pytest.approx(own / ENOUGH)
    assert (n[per_kind], means[per_kind, 0]) == (5_000, 9.0)
    assert means[-1, 0] == pytest.approx(everything)
    thin = borrowed(np.array([3.0] + [0.0] * (STRATA - 1)), values)
    assert thin[0][-1] == 3.0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"signals": NAMES[:-1]}, "each needs"),
        ({"strata": []}, "at least 1"),
        ({"strata": [calibrated().strata[0]] * 2}, "twice"),
        ({"version": "calibration-0"}, "version"),
    ],
)
def test_an_incomplete_file_is_refused(change: dict[str, object], message: str) -> None:
    """The message says what is wrong."""
    with pytest.raises(ValidationError, match=message):
        Calibration.model_validate(calibrated().model_dump() | change)


def test_the_shipped_calibration_is_of_this_catalog() -> None:
    """The signals that were fitted, and the same weights; every kind of cohort is in it."""
    shipped = Calibration.shipped()
    assert (shipped.signals, shipped.fusion) == (FITTED, Fusion.shipped().version)
    assert {stratum.kind for stratum in shipped.strata} == {kind.name.lower() for kind in KINDS}


def test_means_are_forgotten_by_half_in_half_a_life() -> None:
    """A stratum's mean moves half-way to what came since; others stay; a split changes nothing."""
    whole, parts = Baseline(calibrated()), Baseline(calibrated())
    strata, features = np.zeros(HALF_LIFE, np.int64), np.full((HALF_LIFE, N), 0.6)
    features[:, 3] = np.nan
    suspicion = np.full(HALF_LIFE, 0.03)
    whole.learn(strata, features, suspicion)
    for part in np.split(np.arange(HALF_LIFE), 50):
        parts.learn(strata[part], features[part], suspicion[part])
    mean, high = whole.usual(np.array([0, 1]))
    assert mean[0, :4] == pytest.approx([0.4, 0.4, 0.4, 0.2])
    assert mean[1] == pytest.approx(np.full(N, 0.2))
    assert high[0, 0] > high[1, 0]
    np.testing.assert_allclose(parts.usual(np.array([0]))[0], mean[:1])
    before = Baseline(calibrated()).e_values(np.array([0]), np.array([1.0]))
    assert whole.e_values(np.array([0]), np.array([1.0]))[0] < before[0]


def test_a_baseline_saved_anywhere_goes_on_as_if_nothing_had_happened() -> None:
    """Snapshot and restore are invisible."""
    rng = np.random.default_rng(1)
    strata, features, suspicion = (
        rng.integers(0, STRATA, 500),
        rng.random((500, N)),
        rng.random(500),
    )
    first, second = Baseline(calibrated()), Baseline(calibrated(0.5))
    first.learn(strata[:200], features[:200], suspicion[:200])
    second.restore(first.state())
    for baseline in (first, second):
        baseline.learn(strata[200:], features[200:], suspicion[200:])
    everything = np.arange(STRATA)
    np.testing.assert_array_equal(first.usual(everything), second.usual(everything))
    ones = np.ones(STRATA)
    np.testing.assert_array_equal(
        first.e_values(everything, ones), second.e_values(everything, ones)
    )


def test_what_is_usual_here_is_no_discovery_here() -> None:
    """The same strange cohort: found where such things are rare, left alone where they are not."""
    strange = cohorts([10], value=0.5)
    fusion, config, nothing = Fusion.shipped(), CoreConfig(), np.zeros(1)
    rare = judge(strange, nothing, fusion, Baseline(calibrated(1e-4)), config)
    usual = calibrated(10 * float(rare.suspicion[0]))
    common = judge(strange, nothing, fusion, Baseline(usual), config)
    assert (rare.suspect[0], rare.found[0]) == (True, True)
    assert (common.suspect[0], common.found[0]) == (True, False)
