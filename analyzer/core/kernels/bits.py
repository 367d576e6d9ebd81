"""Sets of row numbers as bits, in words of 64: quick to add to, and listed in rising order."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from analyzer.core.kernels.jit import compiled, ones, zeros_below

I32 = NDArray[np.int32]
U64 = NDArray[np.uint64]


def no_bits(n: int) -> U64:
    """A set that holds none of the rows below ``n``."""
    return np.zeros(n // 64 + 1, np.uint64)


@compiled
def mark(rows: I32, bits: U64) -> None:
    """Set the bit of each of these rows."""
    for row in rows:
        bits[row >> 6] |= np.uint64(1) << np.uint64(row & 63)


@compiled
def listed(bits: U64) -> I32:
    """The rows whose bit is set, rising.

    Examples
    --------
    >>> listed(np.array([5, 1], np.uint64))
    array([ 0,  2, 64], dtype=int32)
    """
    count = 0
    for word in bits:
        count += ones(word)
    rows, count = np.empty(count, np.int32), 0
    for number in range(len(bits)):
        left = bits[number]
        while left:
            rows[count] = 64 * number + zeros_below(left)
            left &= left - np.uint64(1)
            count += 1
    return rows


@compiled
def rank(bits: U64) -> I32:
    """How many rows are set before each word, shape (words,).

    Reference: Jacobson (1989), *Space-efficient static trees and graphs* (rank of a bit).
    """
    before, count = np.empty(len(bits), np.int32), 0
    for number in range(len(bits)):
        before[number] = count
        count += ones(bits[number])
    return before
