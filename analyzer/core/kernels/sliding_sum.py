"""Sums over a sliding window, kept by adding what comes and taking away what leaves.

::

    bucket      ──| 1 | 2 | 3 | 4 |…          one bucket per hop
    window            └───────────┘           the last ``length`` panes, whole buckets
    after a hop           └───────────┘       bucket 1 is taken away, bucket 5 is added

At every hop the sums equal those of a brute-force pass over the window's panes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analyzer.core.kernels.bits import listed, mark, no_bits, rank
from analyzer.core.kernels.jit import compiled, ones

Rows = NDArray[np.int32]
Values = NDArray[np.int64]
Words = NDArray[np.uint64]


class SlidingSum:
    """Integer sums per dense row over the last ``length`` panes, exact at every hop.

    Parameters
    ----------
    length, hop
        In panes; hop divides length.
    width
        How many values each row has.

    Examples
    --------
    >>> window = SlidingSum(length=4, hop=2)
    >>> window.add(0, np.array([0, 1], np.int32), np.array([[5], [7]]))
    >>> window.advance(2); window.sums(2)[:, 0]
    array([5, 7])
    >>> window.advance(6); window.sums(2)[:, 0]
    array([0, 0])
    """

    def __init__(self, length: int, hop: int, width: int = 1) -> None:
        self.length, self.hop, self._width = length, hop, width
        self._sums = np.zeros((1_024, width), np.int64)
        self._used = no_bits(1_024)
        """A bit for each row whose first sum is not 0."""
        self._bucket = 0
        self._open: list[tuple[Rows, Values]] = []
        self.closed: dict[int, tuple[Rows, Values]] = {}
        """Number of the bucket → its rows (distinct, rising) and their values."""
        self._longer: list[SlidingSum] = []

    def feeds(self, longer: SlidingSum) -> bool:
        """Whether a window of whole buckets of this one may count them; from now on it does."""
        fits = longer.hop % self.hop == 0
        if fits:
            self._longer.append(longer)
        return fits

    def add(self, pane: int, rows: Rows, values: Values) -> None:
        """Count values, shape (n, width), for distinct or repeated rows in this pane."""
        self.advance(pane)
        self.count(rows, values)

    def count(self, rows: Rows, values: Values) -> None:
        """Count values in the bucket that time has come to."""
        if len(rows):
            self._open.append((rows, values))

    def advance(self, pane: int) -> None:
        """Time has come to the start of this pane: close and expire buckets."""
        bucket = pane // self.hop
        if bucket <= self._bucket:
            return
        self._close()
        self._bucket = bucket
        oldest = bucket - self.length // self.hop
        for number in [number for number in self.closed if number < oldest]:
            _add(self._sums, self._used, *self.closed.pop(number), -1)

    def sums(self, count: int) -> NDArray[np.int64]:
        """Shape (count, width): the closed buckets of the window, by row."""
        self._reserve(count)
        return self._sums[:count]

    def used(self) -> Rows:
        """Rows whose first sum is not 0, rising; found without a look at all the others."""
        return listed(self._used)

    def by_bucket(self) -> tuple[NDArray[np.int64], Rows, Values]:
        """Number of the bucket, row and values of each row of each closed bucket."""
        closed = self.closed.values()
        numbers = np.repeat(
            np.array(list(self.closed), np.int64), [len(rows) for rows, _ in closed]
        )
        no_rows, no_values = np.zeros(0, np.int32), np.zeros((0, self._width), np.int64)
        rows = np.concatenate([no_rows, *(rows for rows, _ in closed)])
        return numbers, rows, np.concatenate([no_values, *(values for _, values in closed)])

    @property
    def empty(self) -> bool:
        """True if nothing is counted now."""
        return not self.closed and not self._open

    def renumber(self, renumbered: Rows) -> None:
        """Rows have new numbers, in the same order; what dropped ones hold is forgotten."""
        alive = renumbered >= 0
        sums = self.sums(len(renumbered))[alive]
        self._sums = np.zeros((max(1_024, len(sums) * 3 // 2), self._width), np.int64)
        self._sums[: len(sums)] = sums
        self._used = no_bits(len(self._sums))
        mark(np.flatnonzero(sums[:, 0]).astype(np.int32), self._used)
        self._open = [_renumbered(renumbered, *part) for part in self._open]
        self.closed = {n: _renumbered(renumbered, *part) for n, part in self.closed.items()}

    def state(self) -> dict[str, Any]:
        """Everything but the sums, which follow from it."""
        return {
            "bucket": self._bucket,
            "open": [_steps(*part) for part in self._open],
            "closed": {number: _steps(*part) for number, part in self.closed.items()},
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Put back what :meth:`state` gave."""
        self._bucket = state["bucket"]
        self._open = [_of_steps(*part) for part in state["open"]]
        self.closed = {int(number): _of_steps(*part) for number, part in state["closed"].items()}
        self._sums[:], self._used[:] = 0, 0
        for rows, values in self.closed.values():
            self._reserve(int(rows[-1:].max(initial=-1)) + 1)
            _add(self._sums, self._used, rows, values, 1)

    def _close(self) -> None:
        if not self._open:
            return
        present, before, rows = _distinct([rows for rows, _ in self._open])
        values = np.zeros((len(rows), self._width), np.int64)
        for part in self._open:
            _add_up(*part, present, before, values)
        self._open = []
        self._reserve(int(rows[-1]) + 1)
        _add(self._sums, self._used, rows, values, 1)
        self.closed[self._bucket] = rows, values
        for longer in self._longer:
            longer.count(rows, values)

    def _reserve(self, count: int) -> None:
        if count > len(self._sums):
            grown = np.zeros((count * 3 // 2, self._width), np.int64)
            grown[: len(self._sums)] = self._sums
            bits = no_bits(len(grown))
            bits[: len(self._used)] = self._used
            self._sums, self._used = grown, bits


class SlidingSums:
    """The same numbers over several windows.

    A window whose hop is a multiple of a shorter one's counts the closed buckets of that one,
    in which each row comes once, instead of what these were made of.

    Parameters
    ----------
    spans
        Length and hop of each window, in panes.
    width
        How many values each row has.

    Examples
    --------
    >>> windows = SlidingSums([(2, 1), (4, 2)])
    >>> windows.add(0, np.array([0], np.int32), np.array([[5]]))
    >>> windows.add(1, np.array([0], np.int32), np.array([[7]]))
    >>> windows.advance(2); [window.sums(1)[0, 0] for window in windows]
    [np.int64(12), np.int64(12)]
    """

    def __init__(self, spans: Sequence[tuple[int, int]], width: int = 1) -> None:
        self._windows = [SlidingSum(length, hop, width) for length, hop in spans]
        self._by_hop = sorted(self._windows, key=lambda window: window.hop)
        self._fed = [
            window
            for number, window in enumerate(self._by_hop)
            if not any(shorter.feeds(window) for shorter in reversed(self._by_hop[:number]))
        ]

    def __iter__(self) -> Iterator[SlidingSum]:
        return iter(self._windows)

    def __getitem__(self, number: int) -> SlidingSum:
        return self._windows[number]

    def add(self, pane: int, rows: Rows, values: Values) -> None:
        """Count values in all windows; see :meth:`SlidingSum.add`."""
        self.advance(pane)
        for window in self._fed:
            window.count(rows, values)

    def advance(self, pane: int) -> None:
        """Time has come to the start of this pane, for the window with the shortest hop first."""
        for window in self._by_hop:
            window.advance(pane)


def _steps(rows: Rows, values: Values) -> tuple[Rows, Values]:
    """The rows as steps from one to the next: small where they rise, and so few bytes saved."""
    return np.diff(rows, prepend=np.int32(0)), values


def _of_steps(steps: Rows, values: Values) -> tuple[Rows, Values]:
    return np.cumsum(steps, dtype=np.int32), values


def _renumbered(renumbered: Rows, rows: Rows, values: Values) -> tuple[Rows, Values]:
    now = renumbered[rows]
    return now[now >= 0], values[now >= 0]


def _distinct(parts: list[Rows]) -> tuple[Words, Rows, Rows]:
    """The different rows of all parts.

    Returns
    -------
    A bit for each row there is; how many rows there are before each word; and the rows, rising.
    """
    present = no_bits(max(int(rows.max()) for rows in parts))
    for rows in parts:
        mark(rows, present)
    return present, rank(present), listed(present)


@compiled
def _add_up(rows: Rows, values: Values, present: Words, before: Rows, added: Values) -> None:
    """Add to the entry of each row, which is as many rows as there are before it."""
    for i in range(len(rows)):
        row = rows[i]
        below = (np.uint64(1) << np.uint64(row & 63)) - np.uint64(1)
        at = before[row >> 6] + ones(present[row >> 6] & below)
        for column in range(values.shape[1]):
            added[at, column] += values[i, column]


@compiled
def _add(sums: Values, used: Words, rows: Rows, values: Values, sign: int) -> None:
    for i in range(len(rows)):
        row = rows[i]
        for column in range(values.shape[1]):
            sums[row, column] += sign * values[i, column]
        bit = np.uint64(1) << np.uint64(row & 63)
        if sums[row, 0] != 0:
            used[row >> 6] |= bit
        else:
            used[row >> 6] &= ~bit
