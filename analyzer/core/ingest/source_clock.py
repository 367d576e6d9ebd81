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
from analyzer.core.kernels.jit import compiled

I64 = NDArray[np.int64]
I8 = NDArray[np.int8]

PASSED, AHEAD, LATE, REFUSED, HELD = range(5)
"""Verdicts: counted; counted, and further ahead than the lateness; its pane is sealed; too far
ahead; to be decided later."""

SLOTS = 256
"""Accounts remembered, by a stable hash, with the last time that each has shown."""
RECENT_ROWS = 1_024
"""Rows after which what an account has shown counts no more."""
RUN_LEAST = 4
"""Accounts, and rows, in a run that moves the clock, if time goes on within it."""
RUN_SHARE = 40
"""Per cent of the accounts lately seen that it needs if it is but a moment: a batch of one gateway
is a run of its accounts alone."""
YOUNG_ROWS = 128
"""Up to here few accounts are known yet, and a quorum of them is needed."""
RUN_SPAN = 6
"""Time goes on within a run that spans so many steps."""
FEW = 4
"""Fewer accounts than this are no quorum."""
START_LEAST, START_MOST, START_ACCOUNTS = 16, 32, 8
"""Rows looked at before a source has a time at all."""
HELD_MOST, HELD_ROWS = 1_024, 512
"""Rows held of a file, and rows after which one that nothing bears out is refused."""
OUTSTANDING_MOST = 4_096
"""Rows of a topic taken far ahead of its clock and not borne out yet."""
STALE_SPAN_MS = 10_000
"""Record time after which a source that is far behind must have caught up by as much again."""
STALE_TIMES = 2
"""So often on end it must have failed to."""
PLAUSIBLE_MS = (10**12, 10**14)
"""Record times outside of this (2001 to 5138) are none, or in another unit."""

_NEAR, _FAR, _LATENESS, _PANE, _QUORUM, _HOLDING, _STALE_AFTER = range(7)
(
    _ROWS, _SETTLED, _REACHED, _DOUBT, _REFUTED, _OUTSTANDING, _WAITING, _LAST,
    _ANCHOR, _ANCHOR_REACHED, _STALE, _RUN, _RUN_ROW, _RUN_FROM, _RUN_TO,
    _REFUTED_ROWS,
) = range(16)  # fmt: skip
_DOUBTFUL, _DOUBT_STEP, _REFUTED_OFTEN, _REFUTED_STEP, _MOST = 256, 8, 128, 64, 1_024


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
            self._state[_SETTLED] = 1
            self._state[_REACHED] = watermark_ms + self._rules[_LATENESS]

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
        if not self._state[_SETTLED]:
            return NO_WATERMARK
        return int(self._state[_REACHED] - self._rules[_LATENESS])

    @property
    def rows(self) -> int:
        """Rows judged so far."""
        return int(self._state[_ROWS])

    @property
    def refuted(self) -> int:
        """Rows so far that were ahead of the clock and after which others fell back."""
        return int(self._state[_REFUTED_ROWS])

    @property
    def stale(self) -> bool:
        """Whether the source is far behind its record times and does not catch up."""
        return int(self._state[_STALE]) >= STALE_TIMES

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
        self._rules[_HOLDING] = append_ms is None and self._rules[_QUORUM] > 0
        verdicts = np.empty(len(times_ms), np.int8)
        slots = (accounts >> np.uint64(56)).astype(np.int64)
        appended = np.zeros(0, np.int64) if append_ms is None else append_ms.astype(np.int64)
        decided = np.empty((len(times_ms) + HELD_MOST + START_MOST, 2), np.int64)
        count = _judge(
            np.ascontiguousarray(times_ms, np.int64), slots, appended, self._rules, self._state,
            self._seen, self._start, self._held, verdicts, decided,
        )  # fmt: skip
        return Judged(verdicts, decided[:count, 0], decided[:count, 1].astype(np.int8))

    def finish(self) -> Judged:
        """The source has ended: what is held at its very end passes if it is not alone."""
        decided = np.empty((HELD_MOST + START_MOST, 2), np.int64)
        count = 0
        if not self._state[_SETTLED] and self._state[_ROWS]:
            count = _settle(
                self._rules, self._state, self._seen, self._start, self._held, decided, 0
            )
        held = self._held[: int(self._state[_WAITING])]
        last = held[:, 1] > self._state[_LAST]
        passed = last & (last.sum() > 1 or self._state[_ROWS] <= START_MOST)
        rows = np.concatenate([decided[:count, 0], held[:, 1]])
        verdicts = np.concatenate([decided[:count, 1], np.where(passed, PASSED, REFUSED)])
        if passed.any():
            reached = max(int(self._state[_REACHED]), int(held[passed, 0].max()))
            self._state[_REACHED] = reached
        self._state[_WAITING] = 0
        return Judged(np.empty(0, np.int8), rows, verdicts.astype(np.int8))

    def mark(self) -> str:
        """All that it knows as text without white space, less than 3,000 characters."""
        table = self._seen.copy()
        known = table[:, 1] > 0
        table[known, 0] -= self._state[_REACHED]
        table[known, 1] -= self._state[_ROWS]
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
        bounds = ((_WAITING, 0), (_SETTLED, 1), (_ROWS, 2**62))
        if any(not 0 <= state[field] <= most for field, most in bounds):
            return False
        if not state[_SETTLED] and state[_ROWS] >= START_MOST:
            return False
        self._state[:] = state
        self._start[:] = start.reshape(-1, 2)
        known = (times != 0) | (rows != 0)
        self._seen[:, 0] = np.where(known, times + state[_REACHED], 0)
        self._seen[:, 1] = np.where(known, rows + state[_ROWS], 0)
        return True


@compiled
def _judge(
    times: I64, slots: I64, appended: I64, rules: I64, state: I64, seen: I64, start: I64,
    held: I64, verdicts: I8, decided: I64,
) -> int:  # fmt: skip
    """Fill the verdicts; how many held rows were decided."""
    count = 0
    for i in range(len(times)):
        state[_ROWS] += 1
        row, append = state[_ROWS], appended[i] if len(appended) else 0
        if state[_SETTLED] == 0:
            start[row - 1, 0], start[row - 1, 1] = times[i], slots[i]
            verdicts[i] = HELD if rules[_HOLDING] else PASSED
            if _enough(rules, start, row):
                count = _settle(rules, state, seen, start, held, decided, count)
            continue
        verdict = _next(times[i], slots[i], row, rules, state, seen)
        if len(appended):
            _watch_stale(append, rules, state)
        if verdict == REFUSED:
            verdict = _far(times[i], row, append, rules, state, held)
        verdicts[i] = verdict
        if state[_WAITING] > 0:
            count = _decide(rules, state, held, row, decided, count)
    return count


@compiled
def _enough(rules: I64, start: I64, n: int) -> bool:
    """Whether the start of a source can be judged."""
    if n >= START_MOST or rules[_QUORUM] == 0:
        return True
    if n < START_LEAST:
        return False
    accounts = 0
    for i in range(n):
        new = 1
        for j in range(i):
            if start[j, 1] == start[i, 1]:
                new = 0
        accounts += new
    return accounts >= START_ACCOUNTS


@compiled
def _settle(
    rules: I64, state: I64, seen: I64, start: I64, held: I64, decided: I64, count: int
) -> int:
    """Give the source a time that a quorum of its first rows has reached, and judge them."""
    n = state[_ROWS]
    times = np.sort(start[:n, 0])
    state[_SETTLED], state[_REACHED] = 1, times[n - _needed(rules, n)]
    for i in range(n):  # all of them are witnesses from the first on
        seen[start[i, 1], 0], seen[start[i, 1], 1] = start[i, 0], i + 1
    for i in range(n):
        verdict = _next(start[i, 0], start[i, 1], i + 1, rules, state, seen)
        if rules[_HOLDING] == 0:
            continue
        if verdict == REFUSED and state[_WAITING] < HELD_MOST:
            held[state[_WAITING], 0], held[state[_WAITING], 1] = start[i, 0], i + 1
            state[_WAITING] += 1
        else:
            decided[count, 0], decided[count, 1] = i + 1, PASSED
            count += 1
    return _decide(rules, state, held, n, decided, count)


@compiled
def _needed(rules: I64, n: int) -> int:
    """How many of ``n`` are a quorum, at least one."""
    return int(max(1, (rules[_QUORUM] * n + 99) // 100))


@compiled
def _next(t: int, slot: int, row: int, rules: I64, state: I64, seen: I64) -> int:
    """Verdict on one row, ``REFUSED`` if it is far ahead; moves the clock."""
    near, reached = rules[_NEAR], state[_REACHED]
    seen[slot, 0], seen[slot, 1] = t, row
    pane = rules[_PANE]
    late = (t // pane + 1) * pane <= reached - rules[_LATENESS]
    if t < reached - near:
        state[_DOUBT] = min(state[_DOUBT] + _DOUBT_STEP, _MOST)
    else:
        state[_DOUBT] = max(state[_DOUBT] - 1, 0)
    state[_REFUTED] = max(state[_REFUTED] - 1, 0)
    if row % RECENT_ROWS == 0:
        state[_OUTSTANDING] = max(state[_OUTSTANDING] - 1, 0)
    if t <= reached + near:
        _ordinary(t, row, rules, state, seen)
        return LATE if late else PASSED
    _forward(t, row, rules, state, seen)
    if t > state[_REACHED] + rules[_FAR]:
        return REFUSED
    return AHEAD if t - reached > rules[_LATENESS] else PASSED


@compiled
def _ordinary(t: int, row: int, rules: I64, state: I64, seen: I64) -> None:
    """A row at or near the clock ends a run; it moves the clock unless clocks disagree."""
    if state[_RUN] > 0:
        if state[_RUN_TO] > t + rules[_NEAR]:
            state[_REFUTED] = min(state[_REFUTED] + _REFUTED_STEP, _MOST)
            state[_REFUTED_ROWS] += state[_RUN]
        state[_RUN] = 0
    state[_LAST] = row
    if state[_DOUBT] <= _DOUBTFUL or rules[_QUORUM] == 0:
        state[_REACHED] = max(state[_REACHED], t)
    elif row % 16 == 0:
        state[_REACHED] = _quorum(row, rules, state, seen)


@compiled
def _forward(t: int, row: int, rules: I64, state: I64, seen: I64) -> None:
    """A row ahead of the clock: by a run of them, or by a quorum, it moves on."""
    if state[_RUN] == 0:
        state[_RUN_ROW], state[_RUN_FROM], state[_RUN_TO] = row, t, t
    state[_RUN] += 1
    state[_RUN_FROM], state[_RUN_TO] = min(state[_RUN_FROM], t), max(state[_RUN_TO], t)
    before, reached = state[_REACHED], state[_REACHED]
    calm = state[_DOUBT] <= _DOUBTFUL and state[_REFUTED] <= _REFUTED_OFTEN
    if calm and _bears_out(row, rules, state, seen):
        reached = max(reached, state[_RUN_FROM])
        state[_RUN] = 0
    if t > reached + rules[_NEAR]:
        reached = max(reached, _quorum(row, rules, state, seen))
    state[_REACHED] = reached
    if reached > before + rules[_NEAR]:
        state[_OUTSTANDING] = 0


@compiled
def _bears_out(row: int, rules: I64, state: I64, seen: I64) -> bool:
    """Whether the run is of accounts enough to believe where it begins."""
    if state[_RUN] < RUN_LEAST:
        return False
    recent, inside = 0, 0
    for slot in range(SLOTS):
        if seen[slot, 1] > 0 and row - seen[slot, 1] < RECENT_ROWS:
            recent += 1
            inside += state[_RUN_ROW] <= seen[slot, 1] <= row
    need = min(RUN_LEAST, recent)
    if state[_RUN_TO] - state[_RUN_FROM] < RUN_SPAN * rules[_NEAR]:
        share = RUN_SHARE if row > YOUNG_ROWS else rules[_QUORUM]
        need = max(need, share * recent // 100)
    return inside >= need


@compiled
def _quorum(row: int, rules: I64, state: I64, seen: I64) -> int:
    """Greatest time that a quorum has reached, or the majority by more than ``far_ms``."""
    reached, accounts, ahead = state[_REACHED], 0, 0
    for slot in range(SLOTS):
        if seen[slot, 1] > 0 and row - seen[slot, 1] < RECENT_ROWS:
            accounts += 1
            ahead += seen[slot, 0] > reached
    if accounts < FEW or (ahead < _needed(rules, accounts) and 2 * ahead <= accounts):
        return int(reached)
    times, n = np.empty(accounts, np.int64), 0
    for slot in range(SLOTS):
        if seen[slot, 1] > 0 and row - seen[slot, 1] < RECENT_ROWS:
            times[n] = seen[slot, 0]
            n += 1
    times = np.sort(times)
    most = times[n - (n // 2 + 1)] - rules[_FAR]
    return int(max(reached, times[n - _needed(rules, n)], most))


@compiled
def _far(t: int, row: int, append: int, rules: I64, state: I64, held: I64) -> int:
    """What becomes of a row far ahead of the clock."""
    if rules[_HOLDING]:
        if state[_WAITING] == HELD_MOST:
            return REFUSED
        held[state[_WAITING], 0], held[state[_WAITING], 1] = t, row
        state[_WAITING] += 1
        return HELD
    told = PLAUSIBLE_MS[0] <= append < PLAUSIBLE_MS[1]
    if (told and t > append + rules[_FAR]) or state[_OUTSTANDING] >= OUTSTANDING_MOST:
        return REFUSED
    state[_OUTSTANDING] += 1
    return AHEAD


@compiled
def _decide(rules: I64, state: I64, held: I64, row: int, decided: I64, count: int) -> int:
    """Pass what the clock has come near to, refuse what has waited too long."""
    near, kept = state[_REACHED] + rules[_FAR], 0
    for i in range(state[_WAITING]):
        t, at = held[i, 0], held[i, 1]
        if t <= near or row - at >= HELD_ROWS:
            decided[count, 0], decided[count, 1] = at, PASSED if t <= near else REFUSED
            count += 1
        else:
            held[kept, 0], held[kept, 1] = t, at
            kept += 1
    state[_WAITING] = kept
    return count


@compiled
def _watch_stale(append: int, rules: I64, state: I64) -> None:
    """See now and then whether a source far behind its record times catches up."""
    if not PLAUSIBLE_MS[0] <= append < PLAUSIBLE_MS[1]:
        return
    since = append - state[_ANCHOR]
    if 0 <= since < STALE_SPAN_MS:
        return
    if 0 < since < 2 * STALE_SPAN_MS and state[_ANCHOR] > 0:  # else its records paused
        behind = append - state[_REACHED]
        gained = state[_REACHED] - state[_ANCHOR_REACHED]
        if behind > rules[_STALE_AFTER] and gained < 2 * since:
            state[_STALE] = min(state[_STALE] + 1, STALE_TIMES)
        else:
            state[_STALE] = 0
    state[_ANCHOR], state[_ANCHOR_REACHED] = append, state[_REACHED]
