"""Are the requests of a group parts of one stream? Their dispersion, given a common profile."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from analyzer.core.cohort.selection import Cohorts
from analyzer.core.kernels.jit import compiled

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]
I32 = NDArray[np.int32]
Bool = NDArray[np.bool_]

FEWEST = 5
"""Active members from which a campaign is measured in a window."""
LEAST, FREEDOM = 2, 10
"""Requests, and parts since its start, from which a member can tell; and the degrees of freedom of
all that do from which the group can."""
VOLUMES = 12
"""Powers of two of requests that are told apart where the dispersion of others is asked for."""


def thinning(groups: Cohorts, counts: F64, first: I64, requests: F64) -> tuple[F64, F64]:
    """Dispersion of the members' requests over parts of the window, and beyond others'.

    Both in ln, NaN where too few members can tell: see ``thinning`` and ``thinning_others`` of
    :mod:`.measure`.

    Parameters
    ----------
    counts, first, requests
        Requests of each organisation in each part, the first part that it is there, and its
        requests in all of them.
    """
    n, parts = len(groups), counts.shape[1]
    if parts < LEAST:
        return np.full(n, np.nan), np.full(n, np.nan)
    enough = (requests >= LEAST) & (requests <= 2_000) & (first <= parts - LEAST)
    everyone = np.flatnonzero(enough).astype(np.int32)
    volume = np.zeros(len(requests), np.int64)
    volume[everyone] = np.log2(requests[everyone]).astype(np.int64)
    alone = np.array([0, len(everyone)], np.int32)
    of_all = np.zeros((1, 2, VOLUMES))
    of_orgs = counts, first, requests, enough
    _disperse((alone, everyone), of_orgs, volume, of_all)
    members = groups.matrix.indptr, groups.matrix.indices
    of_groups = np.zeros((n, 2, VOLUMES))
    _disperse(members, of_orgs, volume, of_groups)
    chi, freedom = of_groups.sum(axis=2).T
    known = (groups.total(enough) >= FEWEST) & (freedom >= FREEDOM)
    chi_at, freedom_at = of_all[0]
    usual = (of_groups[:, 1] * chi_at / np.maximum(freedom_at, 1e-9)).sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        own = np.log(np.maximum(chi, 1e-3) / freedom)
        others = own - np.log(np.maximum(usual / freedom, 1e-3))
    return np.where(known, own, np.nan), np.where(known, others, np.nan)


@compiled
def _disperse(
    members: tuple[I32, I32], of_orgs: tuple[F64, I64, F64, Bool], volume: I64, found: F64
) -> None:
    """Add up χ² of the members against their common profile, and its freedom, by volume.

    The profile is the rate of a part, weighing members alike: each against what it sends while
    it is there.

    Parameters
    ----------
    of_orgs
        Requests in each part, the first part, requests in all parts, and who counts.
    """
    (starts, orgs), (counts, first, requests, counted) = members, of_orgs
    parts = counts.shape[1]
    for group in range(len(found)):
        sent, due = np.zeros(parts), np.zeros(parts)
        for member in range(starts[group], starts[group + 1]):
            org = orgs[member]
            if counted[org]:
                rate = requests[org] / max(parts - first[org], 1)
                for part in range(first[org], parts):
                    sent[part] += counts[org, part]
                    due[part] += rate
        profile = sent / np.maximum(due, 1e-9)
        rest = np.zeros(parts)  # of the profile, from each part on; 0 until it is asked for
        for member in range(starts[group], starts[group + 1]):
            org = orgs[member]
            if counted[org]:
                begin = first[org]
                if rest[begin] == 0.0:
                    rest[begin] = max(profile[begin:].sum(), 1e-9)
                scale = requests[org] / rest[begin]
                chi, freedom = 0.0, -1.0
                for part in range(begin, parts):
                    expected = profile[part] * scale
                    if expected > 1e-9:
                        chi += (counts[org, part] - expected) ** 2 / expected
                        freedom += 1.0
                found[group, 0, volume[org]] += chi
                found[group, 1, volume[org]] += max(freedom, 0.0)
