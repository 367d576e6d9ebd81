"""Medians and sums of parts of a column, to the last bit as numpy has them."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from analyzer.core.kernels.jit import borrowing, compiled

F64 = NDArray[np.float64]
I32 = NDArray[np.int32]

LANES, BLOCK = 8, 128
"""Numbers are added in so many sums side by side, up to so many numbers; halves of more."""


@compiled
def median(values: NDArray[Any]) -> float:
    """The middle value, or the mean of both middle ones; of none, 0.

    Examples
    --------
    >>> median(np.array([4.0, 1.0, 3.0, 9.0]))
    3.5
    """
    if not len(values):
        return 0.0
    rising = np.sort(values)
    return float((rising[(len(values) - 1) // 2] + rising[len(values) // 2]) / 2)


def medians(members: sp.csr_matrix, values: F64) -> F64:
    """Median of the values over the members of each group, 0 where there is none.

    Examples
    --------
    >>> members = sp.csr_matrix([[1, 0, 1, 1], [1, 1, 0, 0], [0, 0, 0, 0]])
    >>> medians(members, np.array([5.0, 2.0, 7.0, 9.0])).tolist()
    [7.0, 3.5, 0.0]
    """
    found = np.zeros(members.shape[0])
    _medians(members.indptr, members.indices, values, found)
    return found


def medians_of_rows(members: sp.csr_matrix, values: F64) -> F64:
    """As :func:`medians`, with values of its own for each group; shape (groups, organisations)."""
    found = np.zeros(members.shape[0])
    _medians_of_rows(members.indptr, members.indices, values, found)
    return found


@compiled
def _medians(starts: I32, orgs: I32, values: F64, found: F64) -> None:
    for group in range(len(found)):
        found[group] = median(values[orgs[starts[group] : starts[group + 1]]])


@compiled
def _medians_of_rows(starts: I32, orgs: I32, values: F64, found: F64) -> None:
    for group in range(len(found)):
        found[group] = median(values[group][orgs[starts[group] : starts[group + 1]]])


@compiled
def mean(values: F64) -> float:
    """Mean of at least one value, added up as :func:`total` does it.

    Examples
    --------
    >>> mean(np.array([1.0, 2.0]))
    1.5
    """
    return float(total(values) / len(values))


@compiled
def total(values: F64) -> float:
    """Sum of at least one value, added up as numpy does it.

    Reference: Higham (1993), The accuracy of floating point summation (pairwise summation).

    Examples
    --------
    >>> total(np.array([1.0, 2.0]))
    3.0
    """
    if len(values) <= BLOCK:
        return _block(values, 0, len(values))
    width = 1  # halves of halves, row by row, until each is a block
    while width * (BLOCK - 2 * LANES) < len(values):
        width *= 2
    start, stop = np.zeros((2, 2 * width), np.int64)
    added = np.zeros(2 * width)
    stop[1] = len(values)
    for part in range(1, width):
        half = (stop[part] - start[part]) // 2
        if stop[part] - start[part] > BLOCK:
            middle = start[part] + half - half % LANES
            start[2 * part], stop[2 * part] = start[part], middle
            start[2 * part + 1], stop[2 * part + 1] = middle, stop[part]
    for part in range(2 * width - 1, 0, -1):
        if stop[part] - start[part] > BLOCK:
            added[part] = added[2 * part] + added[2 * part + 1]
        else:
            added[part] = _block(values, start[part], stop[part])
    return float(added[1])


@borrowing
def _block(values: F64, start: int, stop: int) -> float:
    total = 0.0
    at = start
    if stop - start >= LANES:
        a, b, c, d = values[at], values[at + 1], values[at + 2], values[at + 3]
        e, f, g, h = values[at + 4], values[at + 5], values[at + 6], values[at + 7]
        at += LANES
        while at + LANES <= stop:
            a += values[at]
            b += values[at + 1]
            c += values[at + 2]
            d += values[at + 3]
            e += values[at + 4]
            f += values[at + 5]
            g += values[at + 6]
            h += values[at + 7]
            at += LANES
        total = ((a + b) + (c + d)) + ((e + f) + (g + h))
    for i in range(at, stop):
        total += values[i]
    return total
