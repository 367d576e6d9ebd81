"""Who uses what, as sparse matrices; compiled where scipy would sort or multiply too much."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from analyzer.core.compiled import compiled
from analyzer.core.groups import by_row

I32 = NDArray[np.int32]
I64 = NDArray[np.int64]
F64 = NDArray[np.float64]


def incidence(
    row: I32 | I64, column: I32 | I64, value: F64, shape: tuple[int, int]
) -> sp.csr_matrix:
    """Matrix of these cells, each given once; within a row they keep their order.

    Examples
    --------
    >>> incidence(np.array([1, 0]), np.array([2, 0]), np.array([5.0, 7.0]), (2, 3)).toarray()
    array([[7., 0., 0.],
           [0., 0., 5.]])
    """
    order, stops = by_row(row, shape[0])
    indptr = np.append(np.zeros(1, np.int32), stops.astype(np.int32))
    cells = (value[order], column[order].astype(np.int32), indptr)
    return sp.csr_matrix(cells, shape=shape)


def sums(members: sp.csr_matrix, values: NDArray[Any]) -> F64:
    """Sum over the members of each cohort of a value per organisation, shape (cohorts,).

    Examples
    --------
    >>> sums(sp.csr_matrix([[1.0, 0.0, 1.0], [0.0, 0.0, 0.0]]), np.array([2, 3, 4])).tolist()
    [6.0, 0.0]
    """
    found = np.empty(members.shape[0])
    _sums(members.indptr, members.indices, values, found)
    return found


@compiled
def _sums(starts: I32, orgs: I32, values: NDArray[Any], found: F64) -> None:
    for cohort in range(len(found)):
        total = 0.0
        for member in range(starts[cohort], starts[cohort + 1]):
            total += values[orgs[member]]
        found[cohort] = total


def common(members: sp.csr_matrix, usage: sp.csr_matrix) -> tuple[I64, I32, F64, F64]:
    """What the members of each cohort use together.

    Parameters
    ----------
    members
        Shape (cohorts, organisations), a cell for each member.
    usage
        Shape (organisations, objects), requests.

    Returns
    -------
    Cohort, object, number of members that use it, and their requests on it: one entry per
    (cohort, object), by rising cohort; objects in the order in which members come to them.
    """
    if not usage.nnz:
        nothing = np.zeros(0)
        return np.zeros(0, np.int64), np.zeros(0, np.int32), nothing, nothing
    used = np.append(0, np.cumsum(np.diff(usage.indptr)[members.indices]))
    most = np.minimum(np.diff(used[members.indptr]), usage.shape[1])
    stops = np.empty(members.shape[0], np.int64)
    room = int(most.sum())
    column, users, requests = np.empty(room, np.int32), np.empty(room), np.empty(room)
    place = np.full(usage.shape[1], -1, np.int32)
    cells = (members.indptr, members.indices), (usage.indptr, usage.indices, usage.data)
    count = _common(*cells, place, stops, (column, users, requests))
    row = np.repeat(np.arange(len(stops)), np.diff(stops, prepend=0))
    return row, column[:count], users[:count], requests[:count]


@compiled
def _common(
    members: tuple[I32, I32],
    usage: tuple[I32, I32, F64],
    place: I32,
    stops: I64,
    found: tuple[I32, F64, F64],
) -> int:
    """Fill what was found and where each cohort's entries stop; how many there are."""
    (starts, orgs), (first, objects, amounts) = members, usage
    column, users, requests = found
    count = 0
    for cohort in range(len(stops)):
        begin = count
        for member in range(starts[cohort], starts[cohort + 1]):
            org = orgs[member]
            for cell in range(first[org], first[org + 1]):
                at = place[objects[cell]]
                if at < begin:
                    at = count
                    place[objects[cell]] = at
                    column[at], users[at], requests[at] = objects[cell], 0.0, 0.0
                    count += 1
                users[at] += 1.0
                requests[at] += amounts[cell]
        stops[cohort] = count
    return count
