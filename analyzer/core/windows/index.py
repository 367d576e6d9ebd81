"""64-bit keys → dense numbers 0, 1, 2 … in order of first sight; open addressing in numpy."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

U64 = NDArray[np.uint64]
I32 = NDArray[np.int32]

_MIX = np.uint64(0x9E3779B97F4A7C15)
_MAX_LOAD = 0.6


class HashIndex:
    """A growing set of 64-bit keys, each with the number of its first sight.

    About 24 bytes a key; lookups and insertions take whole columns.

    Examples
    --------
    >>> index = HashIndex()
    >>> index.intern(np.array([7, 9, 7], np.uint64))
    array([0, 1, 0], dtype=int32)
    >>> index.find(np.array([9, 8], np.uint64))
    array([ 1, -1], dtype=int32)
    """

    def __init__(self, keys: U64 | None = None) -> None:
        self._keys = np.zeros(1_024, np.uint64)
        self._numbers = np.full(1_024, -1, np.int32)
        self._count = 0
        if keys is not None and len(keys):
            self.intern(keys)

    def __len__(self) -> int:
        return self._count

    def find(self, keys: U64) -> I32:
        """Number of each key; -1 where it is unknown."""
        result = np.full(len(keys), -1, np.int32)
        slots = self._slots(keys)
        pending = np.arange(len(keys))
        while len(pending):
            numbers = self._numbers[slots]
            hit = (self._keys[slots] == keys[pending]) & (numbers >= 0)
            result[pending[hit]] = numbers[hit]
            on = ~hit & (numbers >= 0)
            pending = pending[on]
            slots = (slots[on] + 1) & (len(self._keys) - 1)
        return result

    def intern(self, keys: U64) -> I32:
        """Number of each key; unknown keys get the next numbers in order of first sight."""
        numbers = self.find(keys)
        unknown = np.flatnonzero(numbers < 0)
        if len(unknown):
            fresh, first, inverse = np.unique(keys[unknown], return_index=True, return_inverse=True)
            rank = np.empty(len(fresh), np.int32)
            rank[np.argsort(first, kind="stable")] = np.arange(len(fresh), dtype=np.int32)
            rank += np.int32(self._count)
            self._reserve(self._count + len(fresh))
            self._insert(fresh, rank)
            self._count += len(fresh)
            numbers[unknown] = rank[inverse]
        return numbers

    def _slots(self, keys: U64) -> NDArray[np.int64]:
        mixed = keys * _MIX
        mixed ^= mixed >> np.uint64(32)
        return (mixed & np.uint64(len(self._keys) - 1)).astype(np.int64)

    def _reserve(self, count: int) -> None:
        size = len(self._keys)
        while count > size * _MAX_LOAD:
            size *= 2
        if size > len(self._keys):
            used = self._numbers >= 0
            keys, numbers = self._keys[used], self._numbers[used]
            self._keys = np.zeros(size, np.uint64)
            self._numbers = np.full(size, -1, np.int32)
            self._insert(keys, numbers)

    def _insert(self, keys: U64, numbers: I32) -> None:
        """Put distinct, unknown keys into the table: claim a slot, see who won, go on."""
        slots = self._slots(keys)
        while len(keys):
            free = self._numbers[slots] < 0
            self._keys[slots[free]] = keys[free]
            self._numbers[slots[free]] = numbers[free]
            lost = self._keys[slots] != keys
            lost |= self._numbers[slots] != numbers
            keys, numbers = keys[lost], numbers[lost]
            slots = (slots[lost] + 1) & (len(self._keys) - 1)
