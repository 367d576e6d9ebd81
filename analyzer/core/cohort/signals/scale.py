"""Small pieces of arithmetic that several signals share."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from analyzer.core.cohort.selection import Cohorts, Shared
from analyzer.core.contracts.columns import Kind
from analyzer.core.kernels.jit import compiled

F64 = NDArray[np.float64]


def clip(x: F64) -> F64:
    """X clipped to [0, 1]; NaN stays NaN."""
    return np.clip(x, 0.0, 1.0)


def row_sums(shared: Shared, values: F64, rows: int) -> F64:
    """Sum of the entries' values by cohort, shape (rows,)."""
    return np.asarray(np.bincount(shared.row, values, rows), np.float64)


def row_max(shared: Shared, values: F64, rows: int) -> F64:
    """Greatest of the entries' values by cohort, 0 where there is none; shape (rows,)."""
    greatest = np.zeros(rows)
    _row_max(shared.row, values, greatest)
    return greatest


@compiled
def _row_max(row: NDArray[np.int64], values: F64, greatest: F64) -> None:
    for i in range(len(row)):
        greatest[row[i]] = max(greatest[row[i]], values[i])


def divide(a: F64, b: F64) -> F64:
    """A ÷ b; NaN where b is 0."""
    return np.asarray(np.divide(a, b, out=np.full(np.shape(a), np.nan), where=np.asarray(b) != 0))


def over_share(share: F64, base: F64) -> F64:
    """Binary Kullback-Leibler divergence of ``share`` from ``base`` in nats, 0 if below it.

    Reference: Cover & Thomas, *Elements of Information Theory*, section 2.3.

    Examples
    --------
    >>> over_share(np.array([1.0, 0.1]), np.array([0.5, 0.5])).round(3)
    array([0.693, 0.   ])
    """
    p = np.clip(share, 1e-12, 1 - 1e-12)
    q = np.clip(base, 1e-12, 1 - 1e-12)
    divergence = p * np.log(p / q) + (1 - p) * np.log((1 - p) / (1 - q))
    return np.where(share > base, divergence, 0.0)


def excess_overlap(cohorts: Cohorts, kind: Kind) -> F64:
    """Log-likelihood ratio per member of shared objects over a degree-corrected Poisson null.

    For each object: x members on it against μ = K · df / D, K the members' degrees together,
    df the object's degree, D all degrees; the sum of x ln(x/μ) − x + μ over objects with
    x ≥ 2 and x > μ, divided by the members. The defining object is left out; where it is of
    another kind, the one that most members share is.

    Reference: Karrer & Newman (2011), degree-corrected block models.
    """
    usage = cohorts.window.usage(kind)
    shared = cohorts.shared(kind)
    n = len(cohorts)
    degrees = np.diff(usage.matrix.indptr)
    k = cohorts.total(degrees)
    mu = k[shared.row] * usage.degree[shared.column] / max(1.0, float(degrees.sum()))
    x = shared.members
    gain = np.where((x >= 2) & (x > mu), x * np.log(x / np.maximum(mu, 1e-12)) - x + mu, 0.0)
    gain[shared.own] = 0.0
    has_own = row_max(shared, shared.own.astype(np.float64), n) > 0
    total = row_sums(shared, gain, n) - np.where(has_own, 0.0, row_max(shared, gain, n))
    return np.asarray(total / cohorts.size)


def besides_top(shared: Shared, rows: int) -> NDArray[np.bool_]:
    """Entries that are neither the defining object nor the one with most requests of a cohort.

    One common place, such as a campus, must not look like private infrastructure.
    """
    top = row_max(shared, shared.requests, rows)
    return ~shared.own & (shared.requests < top[shared.row])


def inside_share(cohorts: Cohorts, kind: Kind, counted: NDArray[np.bool_]) -> F64:
    """Share of the members' traffic on objects that live mostly inside the cohort.

    Inside: at least 3 organisations use the object and 60 % of them are members. Only the
    ``counted`` entries of what the members share can be inside.
    """
    usage = cohorts.window.usage(kind)
    shared = cohorts.shared(kind)
    df = usage.degree[shared.column]
    inside = (df >= 3) & (shared.members >= 0.6 * df) & counted
    return divide(
        row_sums(shared, np.where(inside, shared.requests, 0.0), len(cohorts)),
        cohorts.requests,
    )


def concentration(cohorts: Cohorts, kind: Kind) -> F64:
    """Greatest divergence (nats) of one object's share of members from the population's.

    Only members that have an object of that kind count; the small-sample allowance 3/n is
    taken off. NaN for cohorts defined by that kind and where fewer than 5 members have one.
    """
    usage = cohorts.window.usage(kind)
    shared = cohorts.shared(kind)
    has = np.diff(usage.matrix.indptr) > 0
    n = cohorts.total(has)
    base = usage.degree / max(1, int(has.sum())) + 0.001
    share = shared.members / np.maximum(n[shared.row], 1.0)
    excess = row_max(shared, over_share(share, base[shared.column]), len(cohorts))
    excess = excess - 3.0 / np.maximum(n, 1.0)
    return np.where((n >= 5) & (cohorts.kind != kind), excess, np.nan)


def one_hot(columns: NDArray[np.int64], known: NDArray[np.bool_]) -> sp.csr_matrix:
    """Shape (organisations, columns): 1 at each known organisation's column."""
    rows = np.flatnonzero(known)
    width = int(columns[known].max(initial=0)) + 1
    cells = (np.ones(len(rows)), (rows, columns[known]))
    return sp.csr_matrix(cells, shape=(len(columns), width))
