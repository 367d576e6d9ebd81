"""The contract of signals, held to every one in the catalog."""

from __future__ import annotations

import copy
import functools
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from analyzer.core.cohort.catalog import AGAINST, NAMES, SIGNALS, Signal
from analyzer.core.cohort.selection import Cohorts
from analyzer.core.cohort.signals.balance import _evenness, truncated_poisson_variance
from analyzer.core.cohort.signals.scale import divide
from analyzer.simulate import generate
from analyzer.testing.reference_run import run

F64 = NDArray[np.float64]
ROOT = Path(__file__).parents[2]
HOPS = 36
"""Panes in the longest hop."""


@functools.cache
def judged() -> tuple[tuple[Cohorts, ...], NDArray[np.bool_]]:
    """Cohorts of the last window of each length of a small world; which organisations are in it."""
    world = generate("smoke", 5)
    seen: dict[int, Cohorts] = {}

    def keep(cohorts: Cohorts, _features: F64, _score: F64) -> None:
        if cohorts.window.pane % HOPS == 0:  # all windows end here; the tables move on afterwards
            seen[cohorts.window.length_s] = copy.deepcopy(cohorts)

    run(list(world.lines())[:-1], ends=False, on_measured=keep)
    [last] = [seen[length] for length in seen if length == 86_400]
    population = last.window.population
    guilty = set(world.labels["campaigns"][0]["accounts"])
    crooked = np.zeros(len(population.orgs), np.bool_)
    names = population.names_of(population.accounts["key"]).texts()
    named = [name in guilty for name in names]
    crooked[population.accounts["org"][np.array(named)]] = True
    return tuple(seen[length] for length in sorted(seen)), crooked


@pytest.mark.parametrize("signal", SIGNALS, ids=NAMES)
def test_values_are_in_range_or_unknown(signal: Signal) -> None:
    """One float per cohort, in [0, 1] or NaN."""
    for cohorts in judged()[0]:
        value = signal.measure(cohorts)
        assert value.shape == (len(cohorts),)
        assert value.dtype == np.float64
        assert bool(np.all(np.isnan(value) | ((value >= 0) & (value <= 1))))


@pytest.mark.parametrize("signal", SIGNALS, ids=NAMES)
def test_measuring_is_pure(signal: Signal) -> None:
    """Measured twice, the same; what it was given is as before."""
    for cohorts in judged()[0]:
        before = _input(cohorts)
        first = signal.measure(cohorts)
        np.testing.assert_array_equal(signal.measure(cohorts), first)
        for old, new in zip(before, _input(cohorts), strict=True):
            np.testing.assert_array_equal(old, new)


@pytest.mark.parametrize("signal", SIGNALS, ids=NAMES)
def test_order_of_cohorts_does_not_matter(signal: Signal) -> None:
    """Cohorts in reverse give the values in reverse."""
    for cohorts in judged()[0]:
        back = Cohorts(
            cohorts.window,
            cohorts.key[::-1],
            cohorts.object[::-1],
            cohorts.kind[::-1],
            cohorts.newcomers[::-1],
            cohorts.matrix[::-1].tocsr(),
        )
        np.testing.assert_allclose(signal.measure(back)[::-1], signal.measure(cohorts), atol=1e-9)


@pytest.mark.parametrize("signal", SIGNALS, ids=NAMES)
def test_every_signal_is_named_once_and_explained(signal: Signal) -> None:
    """Names are unique; unit, meaning, needed fields and formula are told."""
    assert NAMES.count(signal.NAME) == 1
    assert signal.UNIT
    assert signal.MEANING
    assert all(signal.NEEDS)
    assert signal.measure.__doc__


@pytest.mark.parametrize(
    "name", ["balance", "entanglement", "private_blocks", "output_length", "work_queue"]
)
def test_a_planted_cohort_scores_higher(name: str) -> None:
    """Cohorts of the campaign score higher on average than those of the innocent."""
    guilty, innocent = _means(name)
    assert guilty > innocent


def test_no_evidence_against_the_guilty() -> None:
    """Counter-signals accuse the campaign of innocence no more than the innocent."""
    for signal in SIGNALS:
        # 40 of this world's 260 customers are the campaign, which makes it popular.
        if signal.FAMILY == AGAINST and signal.NAME != "popular":
            guilty, innocent = _means(signal.NAME)
            assert guilty <= innocent + 0.05


def test_known_small_cases_of_balance() -> None:
    """Ten members of 20 requests each are too equal; members of 1 to 100 are not."""
    equal, unequal = np.full(10, 20.0), np.array([1.0, 2, 2, 3, 4, 6, 10, 20, 52, 100])
    n = np.full(2, 10.0)
    total = np.array([equal.sum(), unequal.sum()])
    squares = np.array([(equal**2).sum(), (unequal**2).sum()])
    even = _evenness(n, total, squares)
    assert even[0] == 1.0
    assert even[1] == 0.0
    assert truncated_poisson_variance(np.array([1.0]))[0] < 0.01


def test_division_by_nothing_is_unknown() -> None:
    """Nothing to divide by is NaN, not zero."""
    assert np.isnan(divide(np.ones(1), np.zeros(1)))[0]


def test_the_table_of_signals_is_up_to_date() -> None:
    """``schemas/signals.md`` is what its tool prints."""
    tool = ROOT / "tests" / "tools" / "signal_table.py"
    printed = subprocess.run(
        [sys.executable, str(tool)], capture_output=True, text=True, check=True, cwd=ROOT
    ).stdout
    assert printed == (ROOT / "schemas" / "signals.md").read_text("utf-8")


def _input(cohorts: Cohorts) -> list[NDArray[np.generic]]:
    """Copies of what a signal could damage."""
    window = cohorts.window
    arrays = (
        cohorts.object,
        cohorts.kind,
        cohorts.matrix.data,
        window.totals,
        window.pairs.requests,
    )
    return [np.array(array, copy=True) for array in arrays]


def _means(name: str) -> tuple[float, float]:
    """Mean of a signal over a day's cohorts that are mostly crooked, and over the others."""
    cohorts, crooked = next(c for c in judged()[0] if c.window.length_s == 86_400), judged()[1]
    share = cohorts.mean(crooked[cohorts.window.orgs])
    value = np.nan_to_num(SIGNALS[NAMES.index(name)].measure(cohorts))
    assert bool((share >= 0.7).any())
    return float(value[share >= 0.7].mean()), float(value[share < 0.2].mean())
