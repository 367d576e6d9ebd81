"""Who uses what, as sparse matrices; compiled where scipy would sort or multiply too much."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from analyzer.core.kernels.bits import listed
from analyzer.core.kernels.jit import AHEAD, ask_for, compiled

I32 = NDArray[np.int32]
I64 = NDArray[np.int64]
F64 = NDArray[np.float64]
Bool = NDArray[np.bool_]


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


@compiled
def transposed(starts: I32, columns: I32, n: int) -> tuple[I32, I32]:
    """Where the rows of each of ``n`` columns of a matrix start, and these rows, rising.

    Examples
    --------
    >>> transposed(np.array([0, 2, 3], np.int32), np.array([0, 1, 0], np.int32), 2)
    (array([0, 2, 3], dtype=int32), array([0, 1, 0], dtype=int32))
    """
    first, rows = np.zeros(n + 1, np.int32), np.empty(len(columns), np.int32)
    for column in columns:
        first[column + 1] += 1
    first = np.cumsum(first).astype(np.int32)
    at = first.copy()
    for row in range(len(starts) - 1):
        for cell in range(starts[row], starts[row + 1]):
            rows[at[columns[cell]]] = row
            at[columns[cell]] += 1
    return first, rows


@dataclass(frozen=True, slots=True)
class Pairs:
    """The (organisation, object) pairs that were used, by kind of object; then in their order."""

    org: I32
    place: I32
    """Shape (used pairs,), the object of each, as its place among the used objects."""
    new: Bool
    requests: F64
    row: I32
    """Number of each among all pairs."""
    stops: I64
    """Shape (kinds,), where the pairs of each kind stop."""
    things: I32
    """Shape (used objects,), by kind, rising."""
    thing_stops: I64
    """Shape (kinds,), where the objects of each kind stop."""

    def of(self, kind: int) -> slice:
        """Where the pairs of a kind are."""
        return slice(self.stops[kind - 1] if kind else 0, self.stops[kind])

    def things_of(self, kind: int) -> I32:
        """The used objects of a kind, rising."""
        return self.things[self._first_thing(kind) : self.thing_stops[kind]]

    def column_of(self, kind: int) -> I32:
        """The object of each pair of a kind, as its number among :meth:`things_of`."""
        return self.place[self.of(kind)] - np.int32(self._first_thing(kind))

    def _first_thing(self, kind: int) -> int:
        return int(self.thing_stops[kind - 1]) if kind else 0


def used(
    rows: I32, requests: I64, pairs: tuple[I32, I32, int], of_ends: tuple[I32, I64], kinds: int
) -> Pairs:
    """The pairs with requests; what is not used is not looked at.

    Parameters
    ----------
    rows
        Numbers of the pairs with requests, rising.
    requests
        Shape (pairs,).
    pairs
        Organisation and object of each pair, and the number from which on they are new.
    of_ends
        The number that each organisation gets, shape (all organisations,); and the kind of each
        object, below ``kinds``, shape (objects,).

    Examples
    --------
    >>> org, thing = np.array([0, 1, 2], np.int32), np.array([1, 0, 0], np.int32)
    >>> number_of, kind = np.array([0, -1, 1], np.int32), np.array([0, 1])
    >>> rows, requests = np.array([0, 2], np.int32), np.array([3, 0, 1])
    >>> found = used(rows, requests, (org, thing, 2), (number_of, kind), kinds=2)
    >>> found.org, found.new, found.stops
    (array([1, 0], dtype=int32), array([ True, False]), array([1, 2]))
    >>> found.things_of(1), found.place, found.column_of(1)
    (array([1], dtype=int32), array([0, 1], dtype=int32), array([0], dtype=int32))
    """
    return Pairs(*_used(rows, requests, pairs, of_ends, kinds))


@compiled
def _used(
    rows: I32, requests: I64, pairs: tuple[I32, I32, int], of_ends: tuple[I32, I64], kinds: int
) -> tuple[I32, I32, Bool, F64, I32, I64, I32, I64]:
    """The columns of :class:`Pairs`."""
    (org, thing, first_new), (number_of, kind) = pairs, of_ends
    n = len(rows)
    used_thing, used_kind, at = (
        np.empty(n, np.int32),
        np.empty(n, np.int8),
        np.zeros(kinds, np.int64),
    )
    bits = np.zeros(len(kind) // 64 + 1, np.uint64)
    for i in range(n):
        number = thing[rows[i]]
        used_thing[i], used_kind[i] = number, kind[number]
        at[kind[number]] += 1
        bits[number >> 6] |= np.uint64(1) << np.uint64(number & 63)
    things, place_of, thing_stops = _by_kind(listed(bits), kind, kinds)
    stops = np.cumsum(at)
    at = stops - at
    orgs, places, numbers = np.empty(n, np.int32), np.empty(n, np.int32), np.empty(n, np.int32)
    new, amounts = np.empty(n, np.bool_), np.empty(n)
    for i in range(n):
        pair, place = rows[i], at[used_kind[i]]
        at[used_kind[i]] = place + 1
        orgs[place], places[place] = number_of[org[pair]], place_of[used_thing[i]]
        new[place], amounts[place], numbers[place] = pair >= first_new, requests[pair], pair
    return orgs, places, new, amounts, numbers, stops, things, thing_stops


@compiled
def _by_kind(rising: I32, kind: I64, kinds: int) -> tuple[I32, I32, I64]:
    """These objects by kind, rising; the place of each object; and where each kind stops."""
    at = np.zeros(kinds, np.int64)
    for number in rising:
        at[kind[number]] += 1
    stops = np.cumsum(at)
    at = stops - at
    things, place_of = np.empty(len(rising), np.int32), np.empty(len(kind), np.int32)
    for number in rising:
        place = at[kind[number]]
        at[kind[number]] = place + 1
        things[place], place_of[number] = number, place
    return things, place_of, stops


@compiled
def known(rows: I32, number_of: I32) -> I64:
    """Numbers of the rows that are known, from 0 on, and have one, from 0 on; in their order.

    Examples
    --------
    >>> known(np.array([2, -1, 0], np.int32), np.array([5, 6, -1], np.int32))
    array([5])
    """
    found, count = np.empty(len(rows), np.int64), 0
    for row in rows:
        if row >= 0 and number_of[row] >= 0:
            found[count] = number_of[row]
            count += 1
    return found[:count]


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


def per_object(values: I64, rows: I32, thing: I32, n: int) -> F64:
    """Sum of the values of the pairs of each object, shape (n, width).

    Pairs whose first value is 0 are passed over.

    Parameters
    ----------
    values
        Shape (all pairs, width).
    rows, thing
        Shape (pairs,), row of each pair among all, and its object.

    Examples
    --------
    >>> rows, thing = np.array([2, 0], np.int32), np.array([1, 1], np.int32)
    >>> per_object(np.array([[3], [9], [4]]), rows, thing, 2).tolist()
    [[0.0], [7.0]]
    """
    found = np.zeros((n, values.shape[1]))
    _per_object(values, rows, thing, found)
    return found


@compiled
def _per_object(values: I64, rows: I32, thing: I32, found: F64) -> None:
    for i in range(len(rows)):
        if values[rows[i], 0] == 0:
            continue
        for column in range(values.shape[1]):
            found[thing[i], column] += values[rows[i], column]


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
