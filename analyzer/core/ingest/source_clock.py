"""What time it is in one source, believed only as far as independent accounts bear it out.

A watermark that follows the greatest time seen is moved for good by one wrong clock, and
everybody else's events are late. Here time moves on in three ways::

    step      a row little ahead of the clock moves it at once       … 10:00 10:01 10:02
    run       a pause: it must be followed by rows of many           … 10:02 18:30 18:30 18:31
              accounts without one that falls back
    quorum    clocks disagree: a share of the accounts lately seen   10:02 10:52 10:03 10:53 …
              must have reached a time

A row ahead of the clock is taken all the same, into its own pane, where it waits until time
comes to it. One further ahead than ``far_ms`` is held until the clock comes near it (files) or
taken as long as there are few of them (topics, where nothing can be held over a restart).

Everything follows row by row from the order of the source: batches change nothing.
"""

from __future__ import annotations

import base64
import zlib
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from analyzer.core.contracts.event_time import NO_WATERMARK
from analyzer.core.ingest.clock_rows import (
    HELD_MOST,
    HOLDING,
    LAST,
    LATENESS,
    PASSED,
    QUORUM,
    REACHED,
    REFUSED,
    REFUTED_ROWS,
    ROWS,
    SETTLED,
    SLOTS,
    STALE,
    STALE_TIMES,
    START_MOST,
    WAITING,
    judge,
    settle,
)

I64 = NDArray[np.int64]
I8 = NDArray[np.int8]


@dataclass(frozen=True, slots=True)
class ClockRules:
    """How a source's time is told; see :class:`~analyzer.core.config.CoreConfig`."""

    far_ms: int
    lateness_ms: int
    pane_ms: int
    quorum: float
    stale_after_ms: int


class Judged(NamedTuple):
    """Verdicts on rows."""

    verdicts: I8
    """Shape (n,), of the rows given."""
    rows: I64
    """Rows held before, or among these, that are decided now; counted from 1 over the source."""
    decided: I8
    """``PASSED`` or ``REFUSED`` for each of them."""


class SourceClock:
    """Judges the rows of one source in their order."""

    def __init__(self, rules: ClockRules) -> None:
        believing = rules.quorum == 0
        near = max(rules.lateness_ms // 2, 60_000)
        self._rules = np.array(
            [
                2**61 if believing else near,
                rules.far_ms,
                rules.lateness_ms,
                rules.pane_ms,
                round(rules.quorum * 100),
                0,
                rules.stale_after_ms,
            ],
            np.int64,
        )
        self._state = np.zeros(16, np.int64)
        self._seen = np.zeros((SLOTS, 2), np.int64)
        self._start = np.zeros((START_MOST, 2), np.int64)
        self._held = np.zeros((HELD_MOST, 2), np.int64)

    def resume(self, watermark_ms: int | None) -> None:
        """Go on from a watermark alone; from None anew."""
        self._state[:] = 0
        self._seen[:] = 0
        if watermark_ms is not None:
            self._state[SETTLED] = 1
            self._state[REACHED] = watermark_ms + self._rules[LATENESS]

    def state(self) -> dict[str, I64]:
        """All of it, with the rows that wait: for going on in the middle of a file."""
        return {
            "state": self._state, "seen": self._seen, "start": self._start, "held": self._held,
        }  # fmt: skip

    def put_back(self, state: dict[str, I64]) -> None:
        """Put back what :meth:`state` gave."""
        own = self.state()
        for name, column in own.items():
            column[:] = state[name]

    @property
    def watermark_ms(self) -> int:
        """Time reached less the lateness; ``NO_WATERMARK`` before there is one."""
        if not self._state[SETTLED]:
            return NO_WATERMARK
        return int(self._state[REACHED] - self._rules[LATENESS])

    @property
    def rows(self) -> int:
        """Rows judged so far."""
        return int(self._state[ROWS])

    @property
    def refuted(self) -> int:
        """Rows so far that were ahead of the clock and after which others fell back."""
        return int(self._state[REFUTED_ROWS])

    @property
    def stale(self) -> bool:
        """Whether the source is far behind its record times and does not catch up."""
        return int(self._state[STALE]) >= STALE_TIMES

    def judge(self, times_ms: I64, accounts: NDArray[np.uint64], append_ms: I64 | None) -> Judged:
        """Take the next rows.

        Parameters
        ----------
        times_ms
            Shape (n,), event times.
        accounts
            Shape (n,), hashes of those whose clocks are independent.
        append_ms
            Shape (n,), record times; None for a file, of which rows far ahead are held back.
        """
        self._rules[HOLDING] = append_ms is None and self._rules[QUORUM] > 0
        verdicts = np.empty(len(times_ms), np.int8)
        slots = (accounts >> np.uint64(56)).astype(np.int64)
        appended = np.zeros(0, np.int64) if append_ms is None else append_ms.astype(np.int64)
        decided = np.empty((len(times_ms) + HELD_MOST + START_MOST, 2), np.int64)
        count = judge(
            np.ascontiguousarray(times_ms, np.int64), slots, appended, self._rules, self._state,
            self._seen, self._start, self._held, verdicts, decided,
        )  # fmt: skip
        return Judged(verdicts, decided[:count, 0], decided[:count, 1].astype(np.int8))

    def finish(self) -> Judged:
        """The source has ended: what is held at its very end passes if it is not alone."""
        decided = np.empty((HELD_MOST + START_MOST, 2), np.int64)
        count = 0
        if not self._state[SETTLED] and self._state[ROWS]:
            count = settle(
                self._rules, self._state, self._seen, self._start, self._held, decided, 0
            )
        held = self._held[: int(self._state[WAITING])]
        last = held[:, 1] > self._state[LAST]
        passed = last & (last.sum() > 1 or self._state[ROWS] <= START_MOST)
        rows = np.concatenate([decided[:count, 0], held[:, 1]])
        verdicts = np.concatenate([decided[:count, 1], np.where(passed, PASSED, REFUSED)])
        if passed.any():
            reached = max(int(self._state[REACHED]), int(held[passed, 0].max()))
            self._state[REACHED] = reached
        self._state[WAITING] = 0
        return Judged(np.empty(0, np.int8), rows, verdicts.astype(np.int8))

    def mark(self) -> str:
        """All that it knows as text without white space, less than 3,000 characters."""
        table = self._seen.copy()
        known = table[:, 1] > 0
        table[known, 0] -= self._state[REACHED]
        table[known, 1] -= self._state[ROWS]
        columns = [self._state, self._start.ravel(), *table.T]
        plain = b"".join(np.ascontiguousarray(column).tobytes() for column in columns)
        planes = np.frombuffer(plain, np.uint8).reshape(-1, 8).T.tobytes()
        return base64.b85encode(zlib.compress(planes, 9)).decode()

    def restore(self, mark: str) -> bool:
        """Put back what :meth:`mark` gave; False, and nothing done, if it is no mark."""
        sizes = np.cumsum([len(self._state), self._start.size, SLOTS, SLOTS])
        try:
            planes = zlib.decompressobj().decompress(base64.b85decode(mark), 8 * int(sizes[-1]) + 1)
            plain = np.frombuffer(planes, np.uint8).reshape(8, -1).T.tobytes()
            numbers = np.frombuffer(plain, np.int64)
        except (ValueError, zlib.error):
            return False
        if len(numbers) != sizes[-1]:
            return False
        state, start, times, rows = np.split(numbers, sizes[:-1])
        bounds = ((WAITING, 0), (SETTLED, 1), (ROWS, 2**62))
        if any(not 0 <= state[field] <= most for field, most in bounds):
            return False
        if not state[SETTLED] and state[ROWS] >= START_MOST:
            return False
        self._state[:] = state
        self._start[:] = start.reshape(-1, 2)
        known = (times != 0) | (rows != 0)
        self._seen[:, 0] = np.where(known, times + state[REACHED], 0)
        self._seen[:, 1] = np.where(known, rows + state[ROWS], 0)
        return True
