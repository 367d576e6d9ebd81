"""What the members of each of many cohorts use together, of sparse matrices."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from analyzer.core.kernels.jit import AHEAD, ask_for, compiled

I32 = NDArray[np.int32]
I64 = NDArray[np.int64]
F64 = NDArray[np.float64]
Bool = NDArray[np.bool_]

LINE = 8
"""Numbers of 64 bits that come from memory at once."""


def common(members: sp.csr_matrix, usage: sp.csr_matrix, alone: Bool) -> tuple[I64, I32, F64, F64]:
    """What the members of each cohort use together.

    Parameters
    ----------
    members
        Shape (cohorts, organisations), a cell for each member.
    usage
        Shape (organisations, objects), requests.
    alone
        Shape (objects,), true for those of one user: most are, and need no adding up.

    Returns
    -------
    Where the entries of each cohort start, and the last of them stop; object, number of members
    that use it, and their requests on it: one entry per (cohort, object), by rising cohort,
    objects in the order in which members come to them.
    """
    starts = np.zeros(members.shape[0] + 1, np.int64)
    if not usage.nnz:
        return starts, np.zeros(0, np.int32), np.zeros(0), np.zeros(0)
    room = 1 + _room(members.indptr, members.indices, usage.indptr, usage.shape[1])
    column, users, requests = np.empty(room, np.int32), np.empty(room), np.empty(room)
    so_far = np.zeros((usage.shape[1], 2))
    cells = (members.indptr, members.indices), (usage.indptr, usage.indices, usage.data, alone)
    count = _common(*cells, so_far, starts[1:], (column, users, requests))
    return starts, column[:count], users[:count], requests[:count]


@compiled
def _room(starts: I32, orgs: I32, first: I32, columns: int) -> int:
    """Entries that there are at most."""
    room, last = 0, len(orgs) - 1
    for cohort in range(len(starts) - 1):
        cells = 0
        for member in range(starts[cohort], starts[cohort + 1]):
            ask_for(first, orgs[min(member + AHEAD, last)])
            cells += first[orgs[member] + 1] - first[orgs[member]]
        room += min(cells, columns)
    return room


@compiled
def _common(
    members: tuple[I32, I32],
    usage: tuple[I32, I32, F64, Bool],
    so_far: F64,
    stops: I64,
    found: tuple[I32, F64, F64],
) -> int:
    """Fill what was found and where each cohort's entries stop; how many there are.

    Users and requests of each object so far are all 0 before and after each cohort; an object
    is written at the next entry each time, and stays there the first time, with no users until
    they are added up.
    """
    (starts, orgs), (first, objects, amounts, alone) = members, usage
    column, users, requests = found
    count, last = 0, len(orgs) - 1
    for cohort in range(len(stops)):
        begin = count
        for member in range(starts[cohort], starts[cohort + 1]):
            org, soon = orgs[member], first[orgs[min(member + AHEAD, last)]]
            ask_for(first, orgs[min(member + 2 * AHEAD, last)])
            ask_for(objects, soon)
            ask_for(amounts, soon)
            ask_for(amounts, soon + LINE)
            for cell in range(first[org], first[org + 1]):
                thing = objects[cell]
                column[count] = thing
                if alone[thing]:
                    users[count], requests[count] = 1.0, amounts[cell]
                    count += 1
                    continue
                users[count] = 0.0
                count += so_far[thing, 0] == 0.0
                so_far[thing, 0] += 1.0
                so_far[thing, 1] += amounts[cell]
        for at in range(begin, count):
            if users[at] > 0.0:
                continue
            thing = column[at]
            users[at], requests[at] = so_far[thing, 0], so_far[thing, 1]
            so_far[thing, 0], so_far[thing, 1] = 0.0, 0.0
        stops[cohort] = count
    return count


def users_among(
    members: sp.csr_matrix, usage: sp.csr_matrix, entries: tuple[I64, I32], counted: Bool
) -> F64:
    """As the number of users that :func:`common` gives of each entry, of counted members alone.

    Parameters
    ----------
    entries
        Starts and objects, as :func:`common` gives them.
    counted
        Shape (organisations,).
    """
    found = np.empty(len(entries[1]))
    cells = (members.indptr, members.indices), (usage.indptr, usage.indices)
    _users_among(*cells, (*entries, counted), np.zeros(usage.shape[1]), found)
    return found


@compiled
def _users_among(
    members: tuple[I32, I32],
    usage: tuple[I32, I32],
    entries: tuple[I64, I32, Bool],
    so_far: F64,
    found: F64,
) -> None:
    """Fill the users; those of each object so far are all 0 before and after each cohort."""
    (starts, orgs), (first, objects), (begins, column, counted) = members, usage, entries
    for cohort in range(len(starts) - 1):
        for member in range(starts[cohort], starts[cohort + 1]):
            org = orgs[member]
            if counted[org]:
                for cell in range(first[org], first[org + 1]):
                    so_far[objects[cell]] += 1.0
        for i in range(begins[cohort], begins[cohort + 1]):
            found[i], so_far[column[i]] = so_far[column[i]], 0.0


def entries_of(starts: I64, column: I32, wanted: I64) -> Bool:
    """Which entry of each cohort is about the object that is wanted of it.

    Parameters
    ----------
    starts, column
        As :func:`common` gives them.
    wanted
        Shape (cohorts,), object of each, below 0 if it has none.

    Examples
    --------
    >>> entries_of(np.array([0, 2, 3]), np.array([4, 7, 4], np.int32), np.array([7, -1])).tolist()
    [False, True, False]
    """
    found = np.zeros(len(column), np.bool_)
    _entries_of(starts, column, wanted, found)
    return found


@compiled
def _entries_of(starts: I64, column: I32, wanted: I64, found: Bool) -> None:
    for cohort in range(len(wanted)):
        if wanted[cohort] >= 0:
            for i in range(starts[cohort], starts[cohort + 1]):
                found[i] = column[i] == wanted[cohort]
