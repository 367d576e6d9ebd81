"""When a key was first seen, forgotten after a while; a hash table, compiled."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from analyzer.core.kernels.hash_index import look_ahead, slot_of
from analyzer.core.kernels.jit import compiled

U64 = NDArray[np.uint64]

_MAX_LOAD = 0.6


class LastSeen:
    """Keys with the pane that they came in first; those of old panes count as not seen.

    Examples
    --------
    >>> seen = LastSeen()
    >>> seen.fresh(np.array([7, 7], np.uint64), pane=3, oldest=1)
    array([ True, False])
    >>> seen.fresh(np.array([7], np.uint64), pane=4, oldest=3)
    array([False])
    >>> seen.fresh(np.array([7], np.uint64), pane=9, oldest=8)
    array([ True])
    """

    def __init__(self) -> None:
        self._slots = np.zeros((1_024, 2), np.uint64)
        """Open addressing: key, and its pane plus one; 0 where the slot is free."""
        self._used = 0

    def fresh(self, keys: U64, pane: int, oldest: int) -> NDArray[np.bool_]:
        """Mask of the keys that did not come before, since the pane ``oldest``."""
        if self._used + len(keys) > len(self._slots) * _MAX_LOAD:
            self._make_room(len(keys), oldest)
        fresh = np.empty(len(keys), np.bool_)
        self._used += _take(self._slots, keys, pane, oldest, fresh)
        return fresh

    def _make_room(self, more: int, oldest: int) -> None:
        """Forget what is old, and leave room for as many again."""
        alive = self._slots[self._slots[:, 1] > np.uint64(max(oldest, 0))]
        size = len(self._slots)
        while 2 * (len(alive) + more) > size * _MAX_LOAD:
            size *= 2
        self._slots = np.zeros((size, 2), np.uint64)
        _put(self._slots, alive)
        self._used = len(alive)


@compiled
def _take(slots: U64, keys: U64, pane: int, oldest: int, fresh: NDArray[np.bool_]) -> int:
    """Fill the mask; how many slots are taken that were free."""
    taken = 0
    for i in range(len(keys)):
        look_ahead(slots, keys, i)
        at = slot_of(slots, keys[i])
        taken += slots[at, 1] == 0
        fresh[i] = np.int64(slots[at, 1]) <= max(oldest, 0)
        if fresh[i]:
            slots[at, 0], slots[at, 1] = keys[i], np.uint64(pane + 1)
    return taken


@compiled
def _put(slots: U64, alive: U64) -> None:
    for i in range(len(alive)):
        at = slot_of(slots, alive[i, 0])
        slots[at, 0], slots[at, 1] = alive[i, 0], alive[i, 1]
