"""Members of groups beside everybody else who uses the client that most members use."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from analyzer.core.cohort.population import REQUESTS
from analyzer.core.cohort.selection import Cohorts
from analyzer.core.cohort.window import Usage
from analyzer.core.kernels.jit import borrowing, compiled
from analyzer.core.kernels.order_statistics import mean

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]
I32 = NDArray[np.int32]
I8 = NDArray[np.int8]

PEERS = 10
"""Users of the group's client outside of it, below which nothing is known about them."""
LOW, HIGH = 0.16, 0.84
MEMBER, PEER = 1, 2


def beyond_peers(groups: Cohorts, usage: Usage, column: I64) -> tuple[F64, F64]:
    """How much longer answers to members are than to their peers, and how much wider volumes vary.

    Peers are the users of an object who are no members. Lengths are means of ln(output + 1), in
    deviations of all organisations; volumes are ln of requests, and vary by half the distance of
    their 16th and 84th percentile. NaN where there are fewer than :data:`PEERS`.

    Parameters
    ----------
    column
        Shape (groups,), the object, a column of the usage; below 0 for none.

    Returns
    -------
    Two arrays of shape (groups,).
    """
    window = groups.window
    volume = np.log(np.maximum(window.totals[:, REQUESTS].astype(np.float64), 1.0))
    found = np.full((2, len(groups)), np.nan)
    _beyond(
        (groups.matrix.indptr, groups.matrix.indices, column),
        usage.users,
        (window.log_output, volume, np.argsort(volume)),
        np.zeros(len(volume), np.int8),
        found,
    )
    return found[0] / max(1e-6, window.usual_output[1]), found[1]


@compiled
def _beyond(
    groups: tuple[I32, I32, I64],
    users: tuple[I32, I32],
    of_orgs: tuple[F64, F64, I64],
    side: I8,
    found: F64,
) -> None:
    """Fill the differences.

    Parameters
    ----------
    of_orgs
        Lengths and volumes of organisations, and these by rising volume.
    side
        0 for all before and after each group.
    """
    (starts, orgs, column), (begins, used_by), (length, volume, rising) = groups, users, of_orgs
    for group in range(len(column)):
        if column[group] < 0:
            continue
        members = orgs[starts[group] : starts[group + 1]]
        everyone = used_by[begins[column[group]] : begins[column[group] + 1]]
        for org in members:
            side[org] = MEMBER
        peers = everyone[side[everyone] != MEMBER]
        if len(peers) >= PEERS:
            for org in peers:
                side[org] = PEER
            found[0, group] = mean(length[members]) - mean(length[peers])
            wide = _spread((volume, rising, side), MEMBER, len(members))
            found[1, group] = wide - _spread((volume, rising, side), PEER, len(peers))
        side[members] = 0
        side[peers] = 0


@borrowing
def _spread(of_orgs: tuple[F64, I64, I8], which: int, n: int) -> float:
    """Half the distance of the percentiles of the volumes of those on one side."""
    low = _percentile(of_orgs, which, (n - 1) * LOW)
    return (_percentile(of_orgs, which, (n - 1) * HIGH) - low) / 2


@borrowing
def _percentile(of_orgs: tuple[F64, I64, I8], which: int, place: float) -> float:
    """Value at a place among the rising ones, between two as ``np.percentile`` has it."""
    volume, rising, side = of_orgs
    below = int(np.floor(place))
    part, count, low = place - below, 0, 0.0
    for org in rising:
        if side[org] == which:
            if count == below:
                low = volume[org]
            if count > below or (count == below and part == 0.0):
                step = volume[org] - low
                return float(low + step * part if part < 0.5 else volume[org] - step * (1 - part))
            count += 1
    return low
