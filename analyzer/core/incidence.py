"""Who uses what, as sparse matrices; compiled where scipy would sort or multiply too much."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from analyzer.core.compiled import compiled

I32 = NDArray[np.int32]
I64 = NDArray[np.int64]
F64 = NDArray[np.float64]


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

    row: I32
    """Shape (used pairs,), number of the pair among all."""
    org: I32
    thing: I32
    requests: F64
    stops: I64
    """Shape (kinds,), where the pairs of each kind stop."""


def used(requests: I64, org: I32, thing: I32, kind: I64, kinds: int) -> Pairs:
    """The pairs with requests.

    Parameters
    ----------
    requests, org, thing
        Shape (pairs,); organisation and object of each pair.
    kind
        Shape (objects,), below ``kinds``.

    Examples
    --------
    >>> things = np.array([1, 0, 0], np.int32)
    >>> found = used(np.array([3, 0, 1]), np.arange(3, dtype=np.int32), things, np.array([0, 1]), 2)
    >>> found.row, found.stops
    (array([2, 0], dtype=int32), array([1, 2]))
    """
    stops = np.zeros(kinds, np.int64)
    _count_used(requests, thing, kind, stops)
    row, of_org, of_thing = np.empty((3, stops[-1]), np.int32)
    amount = np.empty(stops[-1])
    at = np.append(0, stops[:-1])
    _take_used(requests, (org, thing), kind, at, (row, of_org, of_thing, amount))
    return Pairs(row, of_org, of_thing, amount, stops)


@compiled
def _count_used(requests: I64, thing: I32, kind: I64, stops: I64) -> None:
    for pair in range(len(requests)):
        if requests[pair]:
            stops[kind[thing[pair]]] += 1
    for number in range(1, len(stops)):
        stops[number] += stops[number - 1]


@compiled
def _take_used(
    requests: I64, ends: tuple[I32, I32], kind: I64, at: I64, found: tuple[I32, I32, I32, F64]
) -> None:
    """Fill row, organisation, object and requests; ``at`` is where the next of a kind belongs."""
    (org, thing), (rows, orgs, things, amounts) = ends, found
    for pair in range(len(requests)):
        if requests[pair]:
            place = at[kind[thing[pair]]]
            at[kind[thing[pair]]] = place + 1
            rows[place], orgs[place], things[place] = pair, org[pair], thing[pair]
            amounts[place] = requests[pair]


def users(thing: I32, first_pane: I64, since: int, n: int) -> tuple[I64, I64]:
    """How many of the pairs of each object are older, and how many of them are new.

    Parameters
    ----------
    thing, first_pane
        Shape (pairs,), object and first pane of each pair.
    since
        A pair is new from this pane on.

    Returns
    -------
    Two arrays of shape (n,).

    Examples
    --------
    >>> users(np.array([1, 1, 0], np.int32), np.array([9, 3, 8]), since=5, n=2)
    (array([0, 1]), array([1, 1]))
    """
    older, new = np.zeros((2, n), np.int64)
    _users(thing, first_pane, since, older, new)
    return older, new


@compiled
def _users(thing: I32, first_pane: I64, since: int, older: I64, new: I64) -> None:
    for pair in range(len(thing)):
        if first_pane[pair] < since:
            older[thing[pair]] += 1
        else:
            new[thing[pair]] += 1


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
    for cohort in range(len(found)):
        for member in range(starts[cohort], starts[cohort + 1]):
            for column in range(values.shape[1]):
                found[cohort, column] += values[orgs[member], column]


def row_totals(starts: I32, values: F64) -> F64:
    """Sum of the values of each row of a matrix, shape (rows,).

    Examples
    --------
    >>> row_totals(np.array([0, 2, 2, 3], np.int32), np.array([1.0, 2.0, 5.0])).tolist()
    [3.0, 0.0, 5.0]
    """
    found = np.empty(len(starts) - 1)
    _row_totals(starts, values, found)
    return found


@compiled
def _row_totals(starts: I32, values: F64, found: F64) -> None:
    for row in range(len(found)):
        total = 0.0
        for cell in range(starts[row], starts[row + 1]):
            total += values[cell]
        found[row] = total


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
    column, users, requests = np.empty(room, np.int32), np.empty(room), np.empty(room)
    place = np.full(usage.shape[1], -1, np.int32)
    cells = (members.indptr, members.indices), (usage.indptr, usage.indices, usage.data)
    count = _common(*cells, place, stops, (column, users, requests))
    row = np.repeat(np.arange(len(stops)), np.diff(stops, prepend=0))
    return row, column[:count], users[:count], requests[:count]


@compiled
def _room(starts: I32, orgs: I32, first: I32, columns: int) -> int:
    """Entries that there are at most."""
    room = 0
    for cohort in range(len(starts) - 1):
        cells = 0
        for member in range(starts[cohort], starts[cohort + 1]):
            cells += first[orgs[member] + 1] - first[orgs[member]]
        room += min(cells, columns)
    return room


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
