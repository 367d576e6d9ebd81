"""Small pieces of arithmetic that several signals share."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from analyzer.core.cohort.selection import Cohorts, Shared
from analyzer.core.cohort.together import divergence
from analyzer.core.contracts.object_kind import Kind
from analyzer.core.kernels.matrix_sums import row_maxima, row_totals

F64 = NDArray[np.float64]


def clip(x: F64) -> F64:
    """X clipped to [0, 1]; NaN stays NaN."""
    return x.clip(0.0, 1.0)


def row_sums(shared: Shared, values: F64) -> F64:
    """Sum of the entries' values by cohort, shape (cohorts,)."""
    return row_totals(shared.starts, np.ascontiguousarray(values))


def row_max(shared: Shared, values: F64) -> F64:
    """Greatest of the entries' values by cohort, 0 where there is none; shape (cohorts,)."""
    return row_maxima(shared.starts, values)


def divide(a: F64, b: F64) -> F64:
    """A ÷ b; NaN where b is 0."""
    return np.asarray(np.divide(a, b, out=np.full(np.shape(a), np.nan), where=np.asarray(b) != 0))


def excess_overlap(cohorts: Cohorts, kind: Kind) -> F64:
    """Nats per member by which the members meet beyond chance."""
    return np.asarray(cohorts.together(kind).excess / cohorts.size)


def concentration(cohorts: Cohorts, kind: Kind) -> F64:
    """Greatest divergence (nats) of one object's share of members from the population's.

    Only members that have an object of that kind count; the small-sample allowance 3/n is
    taken off. NaN for cohorts defined by that kind and where fewer than 5 members have one.
    """
    usage = cohorts.window.usage(kind)
    excess, n = divergence(cohorts.matrix, usage, usage.rate)
    excess = excess - 3.0 / np.maximum(n, 1.0)
    return np.where((n >= 5) & (cohorts.kind != kind), excess, np.nan)
