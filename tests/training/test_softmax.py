"""Softmax regression: what it finds, its bounds, and that nothing moves a digit of it."""

from __future__ import annotations

import numpy as np

from analyzer.training.softmax import regress


def made() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Three classes of two hundred rows, each high in a column of its own; the last is 1."""
    rng = np.random.default_rng(5)
    y = np.repeat(np.arange(3), 200)
    x = np.c_[rng.normal(size=(600, 3)) + 3 * (y[:, None] == np.arange(3)), np.ones(600)]
    return x, y, np.full(600, 1 / 600)


def bounds(low: float = -np.inf) -> tuple[np.ndarray, np.ndarray]:
    """Least and greatest weights: all but the first row free."""
    least = np.full((4, 3), -np.inf)
    least[0] = low
    return least, np.full((4, 3), np.inf)


def test_each_class_is_told_by_its_column() -> None:
    """Most rows are given their class, and each class the most weight on its own column."""
    x, y, weight = made()
    weights = regress(x, y, weight, bounds(), free=1)
    assert ((x @ weights).argmax(axis=1) == y).mean() > 0.9
    assert weights[:3].argmax(axis=1).tolist() == [0, 1, 2]


def test_a_bounded_weight_stays_within() -> None:
    """Though the others would have it lower."""
    x, y, weight = made()
    assert regress(x, y, weight, bounds(), free=1)[0].min() < 0
    assert regress(x, y, weight, bounds(0.0), free=1)[0].min() >= 0


def test_it_is_a_minimum() -> None:
    """No weight moved by a thousandth makes the loss less."""
    x, y, weight = made()
    weights = regress(x, y, weight, bounds(), free=1)

    def loss(tried: np.ndarray) -> float:
        logits = x @ tried
        told = logits[np.arange(len(y)), y] - np.log(np.exp(logits).sum(axis=1))
        return float(-(weight * told).sum() + 1e-3 * (tried[:3] ** 2).sum())

    for place in np.ndindex(weights.shape):
        for step in (-1e-3, 1e-3):
            other = weights.copy()
            other[place] += step
            assert loss(other) >= loss(weights) - 1e-9


def test_rows_that_weigh_nothing_change_nothing() -> None:
    """Not a digit: sums are made row by row."""
    x, y, weight = made()
    more = np.r_[x, x[::-1]], np.r_[y, y], np.r_[weight, 0 * weight]
    alone = regress(x, y, weight, bounds(), free=1)
    np.testing.assert_array_equal(alone, regress(more[0], more[1], more[2], bounds(), free=1))
