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
        (np.zeros(len(volume), np.int8), np.empty((2, len(volume)))),
        found,
    )
    return found[0] / max(1e-6, window.usual_output[1]), found[1]


@compiled
def _beyond(
    groups: tuple[I32, I32, I64],
    users: tuple[I32, I32],
    of_orgs: tuple[F64, F64, I64],
    room: tuple[I8, F64],
    found: F64,
) -> None:
    """Fill the differences.

    Parameters
    ----------
    of_orgs
        Lengths and volumes of organisations, and these by rising volume.
    room
        The side of each organisation, 0 for all before and after each group; and for the volumes
        of those on each side.
    """
    (starts, orgs, column), (begins, used_by), (length, volume, rising) = groups, users, of_orgs
    side, volumes = room
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
            count = np.zeros(2, np.int64)
            for org in rising:
                if side[org]:
                    which = side[org] - MEMBER
                    volumes[which, count[which]] = volume[org]
                    count[which] += 1
            found[1, group] = _spread(volumes[0], count[0]) - _spread(volumes[1], count[1])
        side[members] = 0
        side[peers] = 0


@borrowing
def _spread(rising: F64, n: int) -> float:
    """Half the distance of the percentiles of the first ``n`` values, which rise."""
    return (_at(rising, (n - 1) * HIGH) - _at(rising, (n - 1) * LOW)) / 2


@borrowing
def _at(rising: F64, place: float) -> float:
    """Value at a place among rising ones, between two as ``np.percentile`` has it."""
    below = int(np.floor(place))
    low, part = rising[below], place - below
    if part == 0.0:
        return float(low)
    step = rising[below + 1] - low
    return float(low + step * part if part < 0.5 else rising[below + 1] - step * (1 - part))
