"""Small pieces of arithmetic that several signals share."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from analyzer.core.cohort.selection import Cohorts, Shared
from analyzer.core.contracts.columns import Kind
from analyzer.core.kernels.jit import borrowing, compiled
from analyzer.core.kernels.matrix_sums import row_maxima, row_totals

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]
I32 = NDArray[np.int32]
Bool = NDArray[np.bool_]


def clip(x: F64) -> F64:
    """X clipped to [0, 1]; NaN stays NaN."""
    return np.clip(x, 0.0, 1.0)


def row_sums(shared: Shared, values: F64) -> F64:
    """Sum of the entries' values by cohort, shape (cohorts,)."""
    return row_totals(shared.starts, np.ascontiguousarray(values))


def row_max(shared: Shared, values: F64) -> F64:
    """Greatest of the entries' values by cohort, 0 where there is none; shape (cohorts,)."""
    return row_maxima(shared.starts, values)


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
    divergence = np.empty(len(share))
    _over_shares(share, base, divergence)
    return divergence


@compiled
def _over_shares(share: F64, base: F64, divergence: F64) -> None:
    for i in range(len(share)):
        divergence[i] = nats_over(share[i], base[i])


@borrowing
def nats_over(share: float, base: float) -> float:
    """As :func:`over_share`, of one."""
    if share <= base:
        return 0.0
    p, q = min(max(share, 1e-12), 1 - 1e-12), min(max(base, 1e-12), 1 - 1e-12)
    return float(p * np.log(p / q) + (1 - p) * np.log((1 - p) / (1 - q)))


def excess_overlap(cohorts: Cohorts, kind: Kind) -> F64:
    """Log-likelihood ratio per member of shared objects over a degree-corrected Poisson null.

    For each object: x members on it against μ = K · df / D, K the members' degrees together,
    df the object's degree, D all degrees; the sum of x ln(x/μ) − x + μ over objects with
    x ≥ 2 and x > μ, divided by the members. The defining object is left out; where it is of
    another kind, the one that most members share is.

    Reference: Karrer & Newman (2011), degree-corrected block models.
    """
    usage, shared = cohorts.window.usage(kind), cohorts.shared(kind)
    k = cohorts.total(usage.degree_of_org)
    found = np.zeros(len(cohorts))
    entries = shared.starts, shared.column, shared.members, shared.own
    _excess(entries, usage.degree, (k, usage.pairs), found)
    return np.asarray(found / cohorts.size)


@compiled
def _excess(
    entries: tuple[I64, I32, F64, Bool], degree: F64, null: tuple[F64, float], found: F64
) -> None:
    starts, column, members, own = entries
    degrees, total = null
    for cohort in range(len(found)):
        gain, most, has_own = 0.0, 0.0, False
        for i in range(starts[cohort], starts[cohort + 1]):
            if own[i]:
                has_own = True
            elif members[i] >= 2:
                mu = degrees[cohort] * degree[column[i]] / total
                if members[i] > mu:
                    nats = members[i] * np.log(members[i] / max(mu, 1e-12)) - members[i] + mu
                    gain += nats
                    most = max(most, nats)
        found[cohort] = gain if has_own else gain - most


def inside_share(cohorts: Cohorts, kind: Kind, *, besides_top: bool = False) -> F64:
    """Share of the members' traffic on objects that live mostly inside the cohort.

    Inside: at least 3 organisations use the object and 60 % of them are members. The defining
    object is left out.

    Parameters
    ----------
    besides_top
        The object with most requests is left out as well: one common place, such as a campus,
        must not look like private infrastructure.
    """
    shared = cohorts.shared(kind)
    found = np.zeros(len(cohorts))
    entries = shared.starts, shared.column, shared.members, shared.requests, shared.own
    _inside(entries, cohorts.window.usage(kind).degree, besides_top, found)
    return divide(found, cohorts.requests)


@compiled
def _inside(
    entries: tuple[I64, I32, F64, F64, Bool], degree: F64, besides_top: bool, found: F64
) -> None:
    starts, column, members, requests, own = entries
    for cohort in range(len(found)):
        top = np.inf
        if besides_top:
            top = most_of(requests, starts[cohort], starts[cohort + 1])
        for i in range(starts[cohort], starts[cohort + 1]):
            users = degree[column[i]]
            inside = users >= 3 and members[i] >= 0.6 * users
            if inside and not own[i] and requests[i] < top:
                found[cohort] += requests[i]


@borrowing
def most_of(values: F64, start: int, stop: int) -> float:
    """Greatest of the values in a range, at least 0."""
    most = 0.0
    for i in range(start, stop):
        most = max(most, values[i])
    return most


def concentration(cohorts: Cohorts, kind: Kind) -> F64:
    """Greatest divergence (nats) of one object's share of members from the population's.

    Only members that have an object of that kind count; the small-sample allowance 3/n is
    taken off. NaN for cohorts defined by that kind and where fewer than 5 members have one.
    """
    usage, shared = cohorts.window.usage(kind), cohorts.shared(kind)
    n = cohorts.total(usage.has)
    base = usage.degree / max(1, int(usage.has.sum())) + 0.001
    excess = np.zeros(len(cohorts))
    _concentration((shared.starts, shared.column, shared.members), n, base, excess)
    excess = excess - 3.0 / np.maximum(n, 1.0)
    return np.where((n >= 5) & (cohorts.kind != kind), excess, np.nan)


@compiled
def _concentration(entries: tuple[I64, I32, F64], n: F64, base: F64, excess: F64) -> None:
    starts, column, members = entries
    for cohort in range(len(excess)):
        for i in range(starts[cohort], starts[cohort + 1]):
            share = members[i] / max(n[cohort], 1.0)
            excess[cohort] = max(excess[cohort], nats_over(share, base[column[i]]))
