"""E-values: their mean where there is nothing to find, and what e-BH makes of them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.core.kernels.e_values import conformal, discoveries

Q = 0.1
ROUNDS = 20_000


def drawn(shape: tuple[int, ...], tail: float, seed: int) -> np.ndarray:
    """Suspicions: odds to the third power of log-odds that spread by ``tail``."""
    rng = np.random.default_rng(seed)
    return np.asarray(np.exp(3 * tail * rng.standard_normal(shape)))


@pytest.mark.parametrize("tail", [0.0, 0.3, 1.0, 2.0])
@pytest.mark.parametrize("objects", [1, 10, 300])
def test_the_mean_of_an_exchangeable_cohort_is_one(tail: float, objects: int) -> None:
    """However heavy the tail and few the objects: within four standard errors, or below."""
    all_ = drawn((ROUNDS // 4, objects + 1), tail, objects)
    n = np.full(len(all_), float(objects))
    e = conformal(all_[:, -1], all_[:, :-1].mean(axis=1), n)
    assert e.max() <= objects + 1
    assert e.mean() <= 1 + 4 * e.std() / np.sqrt(len(e)) + 1e-9


def test_repeated_cohorts_of_an_object_count_once() -> None:
    """Twenty windows of each object, up and down: the mean of the new one's is at most one."""
    rng = np.random.default_rng(3)
    objects, windows = 50, 20
    own = drawn((ROUNDS // 10, objects + 1, 1), 1.0, 4)
    cohorts = own * rng.exponential(1.0, (ROUNDS // 10, objects + 1, windows))
    usual = cohorts[:, :-1].mean(axis=(1, 2))
    e = conformal(cohorts[:, -1, 0], usual, np.full(len(usual), float(objects)))
    assert e.mean() <= 1 + 4 * e.std() / np.sqrt(len(e))
    careless = conformal(cohorts[:, -1, 0], usual, np.full(len(usual), float(objects * windows)))
    assert careless.mean() > e.mean()


@given(st.lists(st.floats(0, 1e6), max_size=12), st.floats(0.01, 1))
def test_e_bh_is_what_the_paper_says(values: list[float], q: float) -> None:
    """Against the definition by brute force: the greatest k of which k are ≥ n / (q·k)."""
    n = len(values)
    sizes = [k for k in range(1, n + 1) if sum(v * k >= n / q for v in values) >= k]
    least = sorted(values, reverse=True)[max(sizes) - 1] if sizes else np.inf
    assert discoveries(np.array(values), q).tolist() == [v >= least for v in values]


def panes(guilty: int) -> np.ndarray:
    """False share of the discoveries of each of many panes of 60 cohorts, strongly dependent.

    Innocent ones come in clusters of twelve that look exactly alike; guilty ones stand out.
    """
    rng = np.random.default_rng(guilty)
    usual = drawn((1_000,), 1.0, 9).mean()
    shares = []
    for _ in range(ROUNDS // 5):
        cluster = np.repeat(np.exp(3 * rng.standard_normal(5)), 12)[guilty:]
        strange = np.concatenate([np.exp(3 * rng.normal(4, 1, guilty)), cluster])
        e = conformal(strange, np.full(60, usual), np.full(60, 1_000.0))
        found = discoveries(e, Q)
        shares.append(found[guilty:].sum() / max(1, found.sum()))
    return np.array(shares)


@pytest.mark.parametrize("guilty", [0, 6])
def test_the_false_share_is_at_most_the_nominal_under_dependence(guilty: int) -> None:
    """With and without anything to find; within four standard errors, or below."""
    shares = panes(guilty)
    assert shares.max() > 0  # else the test could not fail
    assert shares.mean() <= Q + 4 * shares.std() / np.sqrt(len(shares))


def test_nothing_judged_is_nothing_found() -> None:
    """A pane without cohorts."""
    assert discoveries(np.zeros(0), Q).tolist() == []
