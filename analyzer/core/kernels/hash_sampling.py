"""Who is counted when more comes than there is room for: whoever is known, and a sample of the new.

A flood of new accounts or templates, be it growth or an attack, must not take all memory. What
is known stays exact; of what is new a fixed part by stable hash is taken, the same in every
shard and in every replay, so that shares and cohorts stay those of a fair sample.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from analyzer.core.kernels.group_by import leasts
from analyzer.core.kernels.hash_index import HashIndex

U64 = NDArray[np.uint64]
Bool = NDArray[np.bool_]

SHARE_OF_ROOM = 8
"""What comes new in one pane may take an eighth of the room that is left."""
_MIX = np.uint64(0xD6E8FEB86659FD93)
MOST_HALVINGS = 40


class Admission:
    """Takes of the new keys those whose mixed hash ends in ``halvings`` zero bits.

    Reference: Gibbons & Tirthapura (2001), Estimating simple functions on the union of data
    streams (sampling by trailing zeros of a hash).

    Examples
    --------
    >>> admission = Admission()
    >>> keys = np.arange(100, dtype=np.uint64)
    >>> int(admission.take(keys, known=keys < 2, room=240).sum()), admission.halvings
    (27, 2)
    """

    def __init__(self) -> None:
        self.halvings = 0
        """One in 2^halvings of what is new is taken."""

    def asked(self, count: int, room: int) -> bool:
        """True if so many rows may have more new ones among them than are taken."""
        return self.halvings > 0 or SHARE_OF_ROOM * count > room

    def take(self, keys: U64, known: Bool, room: int) -> Bool:
        """Mask of the keys to be counted; halves the share of new ones until they fit.

        Parameters
        ----------
        keys, known
            Shape (n,): a hash of each, and whether it is held already.
        room
            How many more can be held altogether.
        """
        zeros = _zeros(keys)
        while True:
            taken: Bool = known | (zeros >= self.halvings)
            new = int((taken & ~known).sum())
            if SHARE_OF_ROOM * new <= room or self.halvings == MOST_HALVINGS:
                return taken
            self.halvings += 1

    def relax(self) -> None:
        """There is room again: take twice as many."""
        self.halvings = max(0, self.halvings - 1)


def may_be_taken(rows: U64, keys: U64, room: int) -> Bool:
    """Mask of what an :class:`Admission` may take as new, of what has come of a pane so far.

    What it is not told is what is known. But that is at most ``room``, and what comes new of it
    at most its share: if more than both end in as many zero bits as a key does, the key is not
    taken unless it is known.

    Parameters
    ----------
    rows, keys
        Shape (n,): hashes of what is counted, which may come again and with another key, and
        the keys by which each is sampled.
    room
        How many can be held altogether.

    Examples
    --------
    >>> keys = np.arange(100, dtype=np.uint64)
    >>> int(may_be_taken(keys, keys, 100).sum()), int(may_be_taken(keys, keys, 8).sum())
    (100, 6)
    """
    index = HashIndex()
    numbers, zeros = index.intern(rows).astype(np.int64), _zeros(keys)
    fewest, most = leasts(numbers, len(index), zeros), -leasts(numbers, len(index), -zeros)
    ending = np.cumsum(np.bincount(fewest, minlength=MOST_HALVINGS + 1)[::-1])[::-1]
    crowded = SHARE_OF_ROOM * (ending[:MOST_HALVINGS] - room) > room
    taken: Bool = most[numbers] >= int(crowded.sum())
    return taken


def _zeros(keys: U64) -> NDArray[np.int64]:
    """How many zero bits the mixed hash of each key ends in, as far as it matters."""
    mixed: U64 = keys * _MIX
    mixed ^= mixed >> np.uint64(32)
    mixed |= np.uint64(1 << MOST_HALVINGS)
    lowest = mixed & -mixed
    return np.log2(lowest.astype(np.float64)).astype(np.int64)
