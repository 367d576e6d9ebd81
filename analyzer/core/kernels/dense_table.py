"""A table with one row per key: columns that grow with the index of their keys."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from analyzer.core.kernels.hash_index import HashIndex, firsts

Array = NDArray[Any]


class DenseTable:
    """Rows numbered by first sight of their key, with named columns and a blank for each.

    Parameters
    ----------
    blanks
        Column name → value of a new row; its numpy type is the column's.

    Examples
    --------
    >>> table = DenseTable({"count": np.int64(0)})
    >>> rows = table.intern(np.array([5, 6], np.uint64))
    >>> table["count"][rows] += 2
    >>> table["count"]
    array([2, 2])
    """

    def __init__(self, blanks: dict[str, np.generic]) -> None:
        self._blanks = {"key": np.uint64(0), **blanks}
        self._index = HashIndex()
        self._columns = {name: np.full(1_024, blank) for name, blank in self._blanks.items()}

    def __len__(self) -> int:
        return len(self._index)

    def __getitem__(self, name: str) -> Array:
        """The column as a view; writing to it changes the table."""
        return self._columns[name][: len(self)]

    def find(self, keys: NDArray[np.uint64]) -> NDArray[np.int32]:
        """Row of each key, -1 if unknown."""
        return self._index.find(keys)

    def intern(self, keys: NDArray[np.uint64]) -> NDArray[np.int32]:
        """Row of each key; unknown keys get new rows with blank columns."""
        before = len(self)
        rows = self._index.intern(keys)
        if len(self) > before:
            self._grow()
            self["key"][before:] = keys[firsts(rows, before, len(self))]
        return rows

    def keep(self, alive: NDArray[np.bool_]) -> NDArray[np.int32]:
        """Drop the other rows; returns old row → new row (-1 if dropped)."""
        renumbered = np.where(alive, np.cumsum(alive) - 1, -1).astype(np.int32)
        columns = {name: self[name][alive].copy() for name in self._blanks}
        self._index = HashIndex(columns["key"])
        self._columns = columns
        self._grow()
        return renumbered

    def state(self) -> dict[str, Array]:
        """The columns as they are."""
        return {name: self[name] for name in self._blanks}

    def restore(self, state: dict[str, Array]) -> None:
        """Put back what :meth:`state` gave."""
        self._index = HashIndex(state["key"])
        self._columns = {name: state[name].copy() for name in self._blanks}
        self._grow()

    def _grow(self) -> None:
        capacity = len(self._columns["key"])
        if len(self) <= capacity and capacity:
            return
        size = max(1_024, 2 * len(self))
        for name, blank in self._blanks.items():
            grown = np.empty(size, blank.dtype)
            grown[:capacity], grown[capacity:] = self._columns[name], blank
            self._columns[name] = grown
