"""Who uses what, as sparse matrices; compiled where scipy would sort or multiply too much."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

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


def incidence(
    row: I32 | I64, column: I32 | I64, value: F64, shape: tuple[int, int]
) -> sp.csr_matrix:
    """Matrix of these cells, each given once; within a row they keep their order.

    A cell whose row is below 0 is left out.

    Examples
    --------
    >>> incidence(np.array([1, 0]), np.array([2, 0]), np.array([5.0, 7.0]), (2, 3)).toarray()
    array([[7., 0., 0.],
           [0., 0., 5.]])
    """
    starts = np.zeros(shape[0] + 1, np.int32)
    _count(row, starts)
    columns, values = np.empty(starts[-1], np.int32), np.empty(starts[-1])
    _place(row, column, value, starts, (columns, values))
    return sp.csr_matrix((values, columns, starts), shape=shape)


@compiled
def _count(row: I32 | I64, starts: I32) -> None:
    """Fill where the cells of each row start, and the last of them stops."""
    for number in row:
        if number >= 0:
            starts[number + 1] += 1
    for number in range(1, len(starts)):
        starts[number] += starts[number - 1]


@compiled
def _place(
    row: I32 | I64, column: I32 | I64, value: F64, starts: I32, cells: tuple[I32, F64]
) -> None:
    columns, values = cells
    for i in range(len(row)):
        if row[i] >= 0:
            at = starts[row[i]]
            columns[at], values[at] = column[i], value[i]
            starts[row[i]] = at + 1
    for number in range(len(starts) - 1, 0, -1):  # each is now where the next one starts
        starts[number] = starts[number - 1]
    starts[0] = 0


@dataclass(frozen=True, slots=True)
class Pairs:
    """The (organisation, object) pairs that were used, by kind of object; then in their order."""

    org: I32
    thing: I32
    """Shape (used pairs,), the object."""
    new: Bool
    requests: F64
    stops: I64
    """Shape (kinds,), where the pairs of each kind stop."""


def used(
    requests: I64, pairs: tuple[I32, I32, Bool], number_of: I32, kind: I64, kinds: int
) -> Pairs:
    """The pairs with requests.

    Parameters
    ----------
    requests
        Shape (pairs,).
    pairs
        Organisation and object of each pair, and whether it is a new one.
    number_of
        Shape (all organisations,), the number that each gets.
    kind
        Shape (objects,), below ``kinds``.

    Examples
    --------
    >>> org, thing = np.array([0, 1, 2], np.int32), np.array([1, 0, 0], np.int32)
    >>> pairs, number_of = (org, thing, thing > 0), np.array([0, -1, 1], np.int32)
    >>> found = used(np.array([3, 0, 1]), pairs, number_of, np.array([0, 1]), kinds=2)
    >>> found.org, found.new, found.stops
    (array([1, 0], dtype=int32), array([False,  True]), array([1, 2]))
    """
    stops = np.zeros(kinds, np.int64)
    _count_used(requests, pairs[1], kind, stops)
    of_org, of_thing = np.empty((2, stops[-1]), np.int32)
    of_new, amount = np.empty(stops[-1], np.bool_), np.empty(stops[-1])
    at = np.append(0, stops[:-1])
    _take_used(requests, pairs, (number_of, kind), at, (of_org, of_thing, of_new, amount))
    return Pairs(of_org, of_thing, of_new, amount, stops)


@compiled
def _count_used(requests: I64, thing: I32, kind: I64, stops: I64) -> None:
    for pair in range(len(requests)):
        if requests[pair]:
            stops[kind[thing[pair]]] += 1
    for number in range(1, len(stops)):
        stops[number] += stops[number - 1]


@compiled
def _take_used(
    requests: I64,
    pairs: tuple[I32, I32, Bool],
    of_ends: tuple[I32, I64],
    at: I64,
    found: tuple[I32, I32, Bool, F64],
) -> None:
    """Fill the columns of what was used; ``at`` is where the next pair of a kind belongs."""
    (org, thing, new), (orgs, things, news, amounts) = pairs, found
    number_of, kind = of_ends
    for pair in range(len(requests)):
        if requests[pair]:
            place = at[kind[thing[pair]]]
            at[kind[thing[pair]]] = place + 1
            orgs[place], things[place] = number_of[org[pair]], thing[pair]
            news[place], amounts[place] = new[pair], requests[pair]


def users(thing: I32, new: Bool, n: int) -> tuple[I64, I64]:
    """How many of the pairs of each object are older, and how many of them are new.

    Parameters
    ----------
    thing, new
        Shape (pairs,), object of each pair, and whether it is a new one.

    Returns
    -------
    Two arrays of shape (n,).

    Examples
    --------
    >>> users(np.array([1, 1, 0], np.int32), np.array([True, False, True]), n=2)
    (array([0, 1]), array([1, 1]))
    """
    older, newer = np.zeros((2, n), np.int64)
    _users(thing, new, older, newer)
    return older, newer


@compiled
def _users(thing: I32, new: Bool, older: I64, newer: I64) -> None:
    for pair in range(len(thing)):
        if new[pair]:
            newer[thing[pair]] += 1
        else:
            older[thing[pair]] += 1


def rows_by_age(thing: I32, new: Bool, row_of: I32) -> I32:
    """The row of each pair, by its object: ``row_of[0]`` for older pairs, ``[1]`` for new ones.

    Examples
    --------
    >>> row_of = np.array([[-1, 4], [3, 5]], np.int32)
    >>> rows_by_age(np.array([0, 0, 1], np.int32), np.array([False, True, True]), row_of)
    array([-1,  3,  5], dtype=int32)
    """
    row = np.empty(len(thing), np.int32)
    _rows_by_age(thing, new, row_of, row)
    return row


@compiled
def _rows_by_age(thing: I32, new: Bool, row_of: I32, row: I32) -> None:
    for pair in range(len(thing)):
        row[pair] = row_of[int(new[pair]), thing[pair]]


def per_object(values: I64, thing: I32, n: int) -> F64:
    """Sum of the values of the pairs of each object, shape (n, width).

    Examples
    --------
    >>> per_object(np.array([[3], [4]]), np.array([1, 1], np.int32), 2).tolist()
    [[0.0], [7.0]]
    """
    found = np.zeros((n, values.shape[1]))
    _per_object(values, thing, found)
    return found


@compiled
def _per_object(values: I64, thing: I32, found: F64) -> None:
    for pair in range(len(values)):
        for column in range(values.shape[1]):
            found[thing[pair], column] += values[pair, column]


def sums(members: sp.csr_matrix, values: NDArray[Any]) -> F64:
    """Sum over the members of each cohort of the values of an organisation.

    Parameters
    ----------
    values
        Shape (organisations,) or (organisations, width).

    Returns
    -------
    Shape (cohorts,) or (cohorts, width).

    Examples
    --------
    >>> sums(sp.csr_matrix([[1.0, 0.0, 1.0], [0.0, 0.0, 0.0]]), np.array([2, 3, 4])).tolist()
    [6.0, 0.0]
    """
    found = np.zeros((members.shape[0], *values.shape[1:]))
    if values.ndim == 1:
        _sums(members.indptr, members.indices, values, found)
    else:
        _sums_of_rows(members.indptr, members.indices, values, found)
    return found


@compiled
def _sums(starts: I32, orgs: I32, values: NDArray[Any], found: F64) -> None:
    for cohort in range(len(found)):
        total = 0.0
        for member in range(starts[cohort], starts[cohort + 1]):
            total += values[orgs[member]]
        found[cohort] = total


@compiled
def _sums_of_rows(starts: I32, orgs: I32, values: NDArray[Any], found: F64) -> None:
    last = len(orgs) - 1
    for cohort in range(len(found)):
        for member in range(starts[cohort], starts[cohort + 1]):
            ask_for(values, orgs[min(member + AHEAD, last)])
            for column in range(values.shape[1]):
                found[cohort, column] += values[orgs[member], column]


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
    stops = np.empty(members.shape[0], np.int64)
    room = _room(members.indptr, members.indices, usage.indptr, usage.shape[1])
    column, users, requests = np.empty(room + 1, np.int32), np.empty(room), np.empty(room)
    so_far = np.zeros(usage.shape[1]), np.zeros(usage.shape[1])
    cells = (members.indptr, members.indices), (usage.indptr, usage.indices, usage.data)
    count = _common(*cells, so_far, stops, (column, users, requests))
    row = np.repeat(np.arange(len(stops)), np.diff(stops, prepend=0))
    return row, column[:count], users[:count], requests[:count]


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
    so_far: tuple[F64, F64],
    stops: I64,
    found: tuple[I32, F64, F64],
) -> int:
    """Fill what was found and where each cohort's entries stop; how many there are.

    Users and requests of each object so far are all 0 before and after each cohort; an object
    is written at the next entry each time, and stays there the first time.
    """
    (starts, orgs), (first, objects, amounts) = members, usage
    column, users, requests = found
    used_by, asked = so_far
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
                count += used_by[thing] == 0.0
                used_by[thing] += 1.0
                asked[thing] += amounts[cell]
        for at in range(begin, count):
            thing = column[at]
            users[at], requests[at] = used_by[thing], asked[thing]
            used_by[thing], asked[thing] = 0.0, 0.0
        stops[cohort] = count
    return count
