"""Who is counted when more comes than there is room for: whoever is known, and a sample of the new.

A flood of new accounts or templates, be it growth or an attack, must not take all memory. What
is known stays exact; of what is new a fixed part by stable hash is taken, the same in every
shard and in every replay, so that shares and cohorts stay those of a fair sample.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

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
        mixed: U64 = keys * _MIX
        mixed ^= mixed >> np.uint64(32)
        while True:
            taken: Bool = known | (mixed & np.uint64((1 << self.halvings) - 1) == 0)
            new = int((taken & ~known).sum())
            if SHARE_OF_ROOM * new <= room or self.halvings == MOST_HALVINGS:
                return taken
            self.halvings += 1

    def relax(self) -> None:
        """There is room again: take twice as many."""
        self.halvings = max(0, self.halvings - 1)
