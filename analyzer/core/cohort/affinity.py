"""How much each member of a cohort is like the others and unlike everybody else.

Sharing one object brings innocent bystanders in: users of a prompt that went viral, of a
common block. What a member shares with the other members *besides* tells who belongs.
"""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from analyzer.core.cohort.selection import Cohorts, Shared
from analyzer.core.contracts.columns import Kind
from analyzer.core.kernels.jit import compiled

I32 = NDArray[np.int32]
I64 = NDArray[np.int64]
F64 = NDArray[np.float64]

TRAITS = (Kind.TEMPLATE, Kind.BLOCK, Kind.PAYMENT, Kind.TLS, Kind.AGENT, Kind.PARAMS)
MOST_NATS = 3.0
"""No single kind of trait says more than this."""


def affinity(
    cohorts: Cohorts, shown: NDArray[np.intp], row: NDArray[np.intp], org: NDArray[np.int32]
) -> F64:
    """Log-odds of membership in nats, mean over the kinds of traits; one per asked member.

    For each trait (template, block, payment reference, client, parameters) that a member
    uses: ln of its share among the *other* members over its share among the rest, both with
    one pseudo-user spread as the population is; weighted by the member's requests on it. A
    trait that nobody else has says nothing.

    Parameters
    ----------
    cohorts
        All cohorts of a window.
    shown
        Cohorts to be told of, shape (k,).
    row, org
        Members asked for: position in ``shown``, rising, and organisation, each of shape (m,).

    Returns
    -------
    Shape (m,), within ±3 nats.

    Reference: Good (1950), *Probability and the Weighing of Evidence* (weight of evidence).
    """
    total = np.zeros(len(row))
    for kind in TRAITS:
        usage = cohorts.window.usage(kind)
        weight = _weights(cohorts, cohorts.shared(kind), usage.degree, shown)
        cells = (usage.matrix.indptr, usage.matrix.indices, usage.matrix.data)
        nats = np.zeros(len(row))
        _mean_weight((weight.indptr, weight.indices, weight.data), cells, (row, org), nats)
        total += np.clip(nats, -MOST_NATS, MOST_NATS)
    return total / len(TRAITS)


def _weights(
    cohorts: Cohorts, shared: Shared, degree: F64, shown: NDArray[np.intp]
) -> sp.csr_matrix:
    """Weight of evidence of each shared trait, shape (shown, objects)."""
    everyone = max(1, cohorts.window.n_active)
    number = np.full(len(cohorts), -1)
    number[shown] = np.arange(len(shown))
    kept = number[shared.row] >= 0
    row, column, members = shared.row[kept], shared.column[kept], shared.members[kept]
    n = cohorts.size[row]
    others, rest = members - 1, degree[column] - members
    inside = (others + n / everyone) / n
    outside = (rest + 1 - n / everyone) / np.maximum(everyone - n, 1.0)
    nats = np.log(np.maximum(inside, 1e-9) / np.maximum(outside, 1e-9))
    return sp.csr_matrix((nats, (number[row], column)), shape=(len(shown), len(degree)))


@compiled
def _mean_weight(
    weight: tuple[I32, I32, F64], usage: tuple[I32, I32, F64], asked: tuple[I64, I32], nats: F64
) -> None:
    """Mean weight of the traits that each asked member uses, by its requests on them.

    Parameters
    ----------
    weight, usage
        Starts, objects and values of each cohort; starts, objects and requests of each member.
    asked
        Cohort, rising, and organisation of each member asked for.
    """
    (starts, traits, worth), (first, objects, requests), (row, org) = weight, usage, asked
    dense = np.zeros(objects.max() + 1 if len(objects) else 0)
    at = 0
    while at < len(row):
        cohort = row[at]
        for cell in range(starts[cohort], starts[cohort + 1]):
            dense[traits[cell]] = worth[cell]
        while at < len(row) and row[at] == cohort:
            total = 0.0
            for cell in range(first[org[at]], first[org[at] + 1]):
                nats[at] += dense[objects[cell]] * requests[cell]
                total += requests[cell]
            nats[at] /= max(total, 1.0)
            at += 1
        for cell in range(starts[cohort], starts[cohort + 1]):
            dense[traits[cell]] = 0.0
