"""Guards a file's watermark against single records from a far future.

A Kafka record can be measured against its append time; a line of a file can't. So a record
more than ``max_jump_ms`` ahead of its source is held back until a run of others, with no
ordinary record in between, confirms that time really went on::

    ordinary ordinary FAR ordinary …            FAR is refused
    ordinary ordinary FAR FAR FAR … (8 of them) time went on: all are passed
"""

from __future__ import annotations

from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

CONFIRMATIONS = 8

R = TypeVar("R")


class JumpGuard(Generic[R]):
    """Passes rows on in their order; holds back, then passes or refuses, those that jump.

    The first rows of a source have nothing to be measured against: they are held until
    ``CONFIRMATIONS`` of them are there, and those after which time went far back are refused.
    """

    def __init__(self, max_jump_ms: int) -> None:
        self._max_jump_ms = max_jump_ms
        self._reached: int | None = None
        self._held: list[tuple[int, R]] = []

    @property
    def holds(self) -> bool:
        """Whether rows are held back."""
        return bool(self._held)

    def calm(self, times_ms: NDArray[np.int64]) -> bool:
        """Take the next rows' times, if none of them jumps and none is held; else do nothing."""
        if not len(times_ms):
            return True
        if self._reached is None or self._held:
            return False
        reached = np.maximum.accumulate(times_ms)
        before = np.maximum(np.concatenate([[self._reached], reached[:-1]]), self._reached)
        if (times_ms > before + self._max_jump_ms).any():
            return False
        self._reached = max(self._reached, int(reached[-1]))
        return True

    def pass_on(self, rows: list[R], times_ms: list[int]) -> tuple[list[R], list[R]]:
        """Rows to go on with and rows refused, given the next rows of the source."""
        passed: list[R] = []
        refused: list[R] = []
        for row, time_ms in zip(rows, times_ms, strict=True):
            self._judge(row, time_ms, passed, refused)
        return passed, refused

    def finish(self) -> tuple[list[R], list[R]]:
        """The source has ended: a single held row is refused, a run of them is passed."""
        held, self._held = self._held, []
        if len(held) == 1 and self._reached is not None:
            return [], [held[0][1]]
        return self._split(held)

    def _judge(self, row: R, time_ms: int, passed: list[R], refused: list[R]) -> None:
        if self._reached is None:
            self._hold(time_ms, row, passed, refused)
        elif time_ms <= self._reached + self._max_jump_ms:
            refused += [held for _, held in self._held]
            self._held = []
            self._reached = max(self._reached, time_ms)
            passed.append(row)
        else:
            self._hold(time_ms, row, passed, refused)

    def _hold(self, time_ms: int, row: R, passed: list[R], refused: list[R]) -> None:
        self._held.append((time_ms, row))
        if len(self._held) >= CONFIRMATIONS:
            good, bad = self._split(self._held)
            self._held = []
            passed += good
            refused += bad

    def _split(self, held: list[tuple[int, R]]) -> tuple[list[R], list[R]]:
        """Passed and refused: a row is refused if a later one is far below it."""
        passed: list[R] = []
        refused: list[R] = []
        least_after: int | None = None
        for time_ms, row in reversed(held):
            if least_after is not None and time_ms > least_after + self._max_jump_ms:
                refused.append(row)
            else:
                passed.append(row)
                self._reached = max(time_ms, time_ms if self._reached is None else self._reached)
            least_after = time_ms if least_after is None else min(least_after, time_ms)
        return passed[::-1], refused[::-1]
