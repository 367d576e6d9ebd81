"""What the members of each of many cohorts use together, of sparse matrices."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from analyzer.core.kernels.jit import AHEAD, ask_for, borrowing, compiled

I32 = NDArray[np.int32]
I64 = NDArray[np.int64]
F64 = NDArray[np.float64]
U64 = NDArray[np.uint64]
Bool = NDArray[np.bool_]

LINE = 8
"""Numbers of 64 bits that come from memory at once."""


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
    Where the entries of each cohort start, and the last of them stop; object, number of members
    that use it, and their requests on it: one entry per (cohort, object), by rising cohort,
    objects in the order in which members come to them.
    """
    starts = np.zeros(members.shape[0] + 1, np.int64)
    if not usage.nnz:
        return starts, np.zeros(0, np.int32), np.zeros(0), np.zeros(0)
    room = most_entries(members, usage) + 1
    column, users, requests = np.empty(room, np.int32), np.empty(room), np.empty(room)
    so_far = np.zeros((usage.shape[1], 2))
    cells = (members.indptr, members.indices), (usage.indptr, usage.indices, usage.data)
    count = _common(*cells, so_far, starts[1:], (column, users, requests))
    return starts, column[:count], users[:count], requests[:count]


def most_entries(members: sp.csr_matrix, usage: sp.csr_matrix) -> int:
    """Entries (cohort, object) that there are at most."""
    return _room(members.indptr, members.indices, usage.indptr, usage.shape[1])


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
    usage: tuple[I32, I32, F64],
    so_far: F64,
    stops: I64,
    found: tuple[I32, F64, F64],
) -> int:
    """Fill what was found and where each cohort's entries stop; how many there are."""
    (starts, orgs), (column, users, requests) = members, found
    count = 0
    for cohort in range(len(stops)):
        begin = count
        count = gather((orgs, starts[cohort], starts[cohort + 1]), usage, so_far, column, begin)
        for at in range(begin, count):
            thing = column[at]
            users[at], requests[at] = so_far[thing, 0], so_far[thing, 1]
            so_far[thing, 0], so_far[thing, 1] = 0.0, 0.0
        stops[cohort] = count
    return count


@borrowing
def gather(
    who: tuple[I32, int, int],
    usage: tuple[I32, I32, F64],
    so_far: F64,
    column: I32,
    begin: int,
) -> int:
    """Fill the objects of one cohort from ``begin`` on, as members come to them; where they stop.

    Parameters
    ----------
    who
        Members of all cohorts, and which of these are the cohort's.
    usage
        Starts, objects and requests of each organisation.
    so_far
        Shape (objects, 2), users and requests, all 0 before; whoever reads them makes them 0 again.
    column
        Room for one more than there are: an object is written at each use, and stays at the first.
    """
    (orgs, start, stop), (first, objects, amounts) = who, usage
    count, last = begin, len(orgs) - 1
    for member in range(start, stop):
        org, soon = orgs[member], first[orgs[min(member + AHEAD, last)]]
        ask_for(first, orgs[min(member + 2 * AHEAD, last)])
        ask_for(objects, soon)
        ask_for(amounts, soon)
        ask_for(amounts, soon + LINE)
        for cell in range(first[org], first[org + 1]):
            thing = objects[cell]
            column[count] = thing
            before = so_far[thing, 0]
            count += before == 0.0
            so_far[thing, 0] = before + 1.0
            so_far[thing, 1] += amounts[cell]
    return count


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


def most_used(entries: tuple[I64, F64, U64], most: int, least_share: float) -> tuple[I64, I64]:
    """Entries of each cohort with most requests, most first; of equal ones the least hash.

    Parameters
    ----------
    entries
        Starts and requests as :func:`common` gives them, and the hash of each entry's object.
    most
        How many entries there are at most of each cohort.
    least_share
        Of a cohort's requests, below which an entry is left out.

    Returns
    -------
    The entries of all cohorts, and how many there are of each.

    Examples
    --------
    >>> requests, hashes = np.array([2.0, 5.0, 5.0]), np.array([7, 9, 8], np.uint64)
    >>> most_used((np.array([0, 3, 3]), requests, hashes), 2, 0.1)
    (array([2, 1]), array([2, 0]))
    """
    cohorts = len(entries[0]) - 1
    found, counts = np.empty((cohorts, most + 1), np.int64), np.zeros(cohorts, np.int64)
    _most_used(entries, least_share, found, counts)
    return found[np.arange(most + 1) < counts[:, None]], counts


@compiled
def _most_used(entries: tuple[I64, F64, U64], least_share: float, found: I64, counts: I64) -> None:
    """Fill the entries of each cohort in their order, with room for one more than is wanted."""
    starts, requests, hashes = entries
    for cohort in range(len(counts)):
        begin, end = starts[cohort], starts[cohort + 1]
        total, count = 0.0, 0
        for i in range(begin, end):
            total += requests[i]
        for i in range(begin, end):
            if requests[i] < least_share * total:
                continue
            at = count
            while at and (
                requests[i] > requests[found[cohort, at - 1]]
                or (
                    requests[i] == requests[found[cohort, at - 1]]
                    and hashes[i] < hashes[found[cohort, at - 1]]
                )
            ):
                found[cohort, at] = found[cohort, at - 1]
                at -= 1
            found[cohort, at] = i
            count = min(count + 1, found.shape[1] - 1)
        counts[cohort] = count
