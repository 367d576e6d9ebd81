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
    rows = np.flatnonzero(requests)
    stops = np.zeros(kinds, np.int64)
    _count_used(rows, pairs[1], kind, stops)
    of_org, of_thing = np.empty((2, stops[-1]), np.int32)
    of_new, amount = np.empty(stops[-1], np.bool_), np.empty(stops[-1])
    at = np.append(0, stops[:-1])
    places = of_org, of_thing, of_new, amount
    _take_used((rows, requests), pairs, (number_of, kind), at, places)
    return Pairs(of_org, of_thing, of_new, amount, stops)


@compiled
def _count_used(rows: I64, thing: I32, kind: I64, stops: I64) -> None:
    for pair in rows:
        stops[kind[thing[pair]]] += 1
    for number in range(1, len(stops)):
        stops[number] += stops[number - 1]


@compiled
def _take_used(
    of_used: tuple[I64, I64],
    pairs: tuple[I32, I32, Bool],
    of_ends: tuple[I32, I64],
    at: I64,
    found: tuple[I32, I32, Bool, F64],
) -> None:
    """Fill the columns of what was used; ``at`` is where the next pair of a kind belongs."""
    (org, thing, new), (orgs, things, news, amounts) = pairs, found
    (rows, requests), (number_of, kind) = of_used, of_ends
    for pair in rows:
        place = at[kind[thing[pair]]]
        at[kind[thing[pair]]] = place + 1
        orgs[place], things[place] = number_of[org[pair]], thing[pair]
        news[place], amounts[place] = new[pair], requests[pair]


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


def per_object(values: I64, thing: I32, n: int) -> F64:
    """Sum of the values of the pairs of each object, shape (n, width).

    Pairs whose first value is 0 are passed over.

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
        if values[pair, 0] == 0:
            continue
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
