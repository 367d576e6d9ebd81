"""How many used each object before a border in time that only moves on."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from analyzer.core.kernels.jit import compiled

I32 = NDArray[np.int32]


class EarlierUsers:
    """Users of each object among the first pairs, counted on as there are more of these.

    It follows from the pairs: whoever gives them new numbers makes a new one.

    Examples
    --------
    >>> earlier, things = EarlierUsers(), np.array([1, 0, 1], np.int32)
    >>> earlier.among(things[:1], 2).tolist()
    [0, 1]
    >>> earlier.among(things[:3], 2).tolist()
    [1, 2]
    """

    def __init__(self) -> None:
        self._users = np.zeros(0, np.int32)
        self._counted = 0

    def among(self, things: I32, n: int) -> I32:
        """How many of the pairs are of each object.

        Parameters
        ----------
        things
            The object of each pair: those that were given before, and more.
        n
            How many objects there are.

        Returns
        -------
        Shape (n,); it changes at the next call.
        """
        if n > len(self._users):
            grown = np.zeros(n * 3 // 2, np.int32)
            grown[: len(self._users)] = self._users
            self._users = grown
        _count_on(things[self._counted :], self._users)
        self._counted = len(things)
        return self._users[:n]


@compiled
def _count_on(things: I32, users: I32) -> None:
    for thing in things:
        users[thing] += 1
