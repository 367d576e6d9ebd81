"""How much each member of a cohort is like the others and unlike everybody else.

Sharing one object brings innocent bystanders in: users of a prompt that went viral, of a
common block. What a member shares with the other members *besides* tells who belongs.
"""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from analyzer.core.cohorts import Cohorts, Shared
from analyzer.core.tables import Kind

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
        Members asked for: position in ``shown`` and organisation, each of shape (m,).

    Returns
    -------
    Shape (m,), within ±3 nats.

    Reference: Good (1950), *Probability and the Weighing of Evidence* (weight of evidence).
    """
    if not len(row):
        return np.zeros(0)
    members = cohorts.members[shown]
    total = sp.csr_matrix(members.shape)
    for kind in TRAITS:
        usage = cohorts.window.usage(kind)
        weight = _weights(cohorts, cohorts.shared(kind), usage.degree, shown)
        requests = np.asarray(usage.matrix.sum(axis=1)).ravel()
        shares = sp.diags(1 / np.maximum(requests, 1.0)) @ usage.matrix
        nats = members.multiply(weight @ shares.T).tocsr()
        nats.data = np.clip(nats.data, -MOST_NATS, MOST_NATS)
        total = total + nats
    return np.asarray(total.tocsr()[row, org]).ravel() / len(TRAITS)


def _weights(
    cohorts: Cohorts, shared: Shared, degree: F64, shown: NDArray[np.intp]
) -> sp.csr_matrix:
    """Weight of evidence of each shared trait, shape (shown, objects)."""
    everyone = max(1, cohorts.window.n_active)
    n = cohorts.size[shared.row]
    others, rest = shared.members - 1, degree[shared.column] - shared.members
    inside = (others + n / everyone) / n
    outside = (rest + 1 - n / everyone) / np.maximum(everyone - n, 1.0)
    number = np.full(len(cohorts), -1)
    number[shown] = np.arange(len(shown))
    kept = number[shared.row] >= 0
    cells = (
        np.log(np.maximum(inside, 1e-9) / np.maximum(outside, 1e-9))[kept],
        (number[shared.row[kept]], shared.column[kept]),
    )
    return sp.csr_matrix(cells, shape=(len(shown), len(degree)))
