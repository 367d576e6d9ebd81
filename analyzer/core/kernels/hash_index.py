"""64-bit keys → dense numbers 0, 1, 2 … in order of first sight; a hash table, compiled."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from analyzer.core.kernels.jit import AHEAD, ask_for, borrowing, compiled

U64 = NDArray[np.uint64]
I32 = NDArray[np.int32]
I64 = NDArray[np.int64]

_MIX = np.uint64(0x9E3779B97F4A7C15)
_HALF = np.uint64(32)
_MAX_LOAD = 0.6


class HashIndex:
    """A growing set of 64-bit keys, each with the number of its first sight.

    About 40 bytes a key; lookups and insertions take whole columns.

    Examples
    --------
    >>> index = HashIndex()
    >>> index.intern(np.array([7, 9, 7], np.uint64))
    array([0, 1, 0], dtype=int32)
    >>> index.find(np.array([9, 8], np.uint64))
    array([ 1, -1], dtype=int32)
    """

    def __init__(self, keys: U64 | None = None) -> None:
        self._slots = np.zeros((1_024, 2), np.uint64)
        """Open addressing: key, and its number plus one; 0 where the slot is free."""
        self._count = 0
        if keys is not None and len(keys):
            self.intern(keys)

    def __len__(self) -> int:
        return self._count

    @property
    def keys(self) -> U64:
        """All keys, by their numbers."""
        used = self._slots[self._slots[:, 1] > 0]
        keys = np.empty(len(used), np.uint64)
        keys[used[:, 1].astype(np.int64) - 1] = used[:, 0]
        return keys

    def find(self, keys: U64) -> I32:
        """Number of each key; -1 where it is unknown."""
        numbers = np.empty(len(keys), np.int32)
        _find(self._slots, keys, numbers)
        return numbers

    def intern(self, keys: U64) -> I32:
        """Number of each key; unknown keys get the next numbers in order of first sight."""
        numbers = np.empty(len(keys), np.int32)
        done = 0
        while True:
            most = int(len(self._slots) * _MAX_LOAD)
            done, self._count = _intern(self._slots, keys, numbers, done, self._count, most)
            if done == len(keys):
                return numbers
            grown = np.zeros((2 * len(self._slots), 2), np.uint64)
            _move(self._slots, grown)
            self._slots = grown


@compiled
def firsts(numbers: I32, before: int, now: int) -> I64:
    """Where each number from ``before`` up to ``now`` comes first, all in order of first sight.

    Examples
    --------
    >>> firsts(np.array([2, 0, 2, 3], np.int32), 2, 4)
    array([0, 3])
    """
    found, number = np.empty(now - before, np.int64), before
    for row in range(len(numbers)):
        if number < now and numbers[row] == number:
            found[number - before] = row
            number += 1
    return found


@borrowing
def slot_of(slots: U64, key: np.uint64) -> int:
    """Where the key is, or the free slot where it belongs."""
    at = _home(slots, key)
    while slots[at, 1] and slots[at, 0] != key:
        at = (at + 1) & (len(slots) - 1)
    return at


@borrowing
def look_ahead(slots: U64, keys: U64, i: int) -> None:
    """Ask memory for the slot of a key that comes soon after the i-th."""
    ask_for(slots, _home(slots, keys[min(i + AHEAD, len(keys) - 1)]))


@borrowing
def _home(slots: U64, key: np.uint64) -> int:
    """Where the search for a key begins."""
    mixed = key * _MIX
    return int(mixed ^ (mixed >> _HALF)) & (len(slots) - 1)


@compiled
def _find(slots: U64, keys: U64, numbers: I32) -> None:
    for i in range(len(keys)):
        look_ahead(slots, keys, i)
        numbers[i] = np.int64(slots[slot_of(slots, keys[i]), 1]) - 1


@compiled
def _intern(
    slots: U64, keys: U64, numbers: I32, done: int, count: int, most: int
) -> tuple[int, int]:
    """Go on with ``keys[done:]`` until there are ``most``; how many are done and there now."""
    for i in range(done, len(keys)):
        look_ahead(slots, keys, i)
        at = slot_of(slots, keys[i])
        if not slots[at, 1]:
            if count >= most:
                return i, count
            count += 1
            slots[at, 0], slots[at, 1] = keys[i], np.uint64(count)
        numbers[i] = np.int64(slots[at, 1]) - 1
    return len(keys), count


@compiled
def _move(slots: U64, grown: U64) -> None:
    for i in range(len(slots)):
        if slots[i, 1]:
            at = slot_of(grown, slots[i, 0])
            grown[at, 0], grown[at, 1] = slots[i, 0], slots[i, 1]
