"""The passes of :class:`~analyzer.core.ingest.source_clock.SourceClock` over its rows, compiled.

A clock is five arrays: its rules and its state, whose places are named below; the last time that
each of ``SLOTS`` accounts has shown, and after how many rows; the rows looked at before it has a
time; and the rows of a file that wait. The latter three have two columns, a time and a row or slot.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

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

NEAR, FAR, LATENESS, PANE, QUORUM, HOLDING, STALE_AFTER = range(7)
(
    ROWS, SETTLED, REACHED, DOUBT, REFUTED, OUTSTANDING, WAITING, LAST,
    ANCHOR, ANCHOR_REACHED, STALE, RUN, RUN_ROW, RUN_FROM, RUN_TO,
    REFUTED_ROWS,
) = range(16)  # fmt: skip
DOUBTFUL, DOUBT_STEP, REFUTED_OFTEN, REFUTED_STEP, MOST = 256, 8, 128, 64, 1_024


@compiled
def judge(
    times: I64, slots: I64, appended: I64, rules: I64, state: I64, seen: I64, start: I64,
    held: I64, verdicts: I8, decided: I64,
) -> int:  # fmt: skip
    """Fill the verdicts; how many held rows were decided."""
    count = 0
    for i in range(len(times)):
        state[ROWS] += 1
        row, append = state[ROWS], appended[i] if len(appended) else 0
        if state[SETTLED] == 0:
            start[row - 1, 0], start[row - 1, 1] = times[i], slots[i]
            verdicts[i] = HELD if rules[HOLDING] else PASSED
            if _enough(rules, start, row):
                count = settle(rules, state, seen, start, held, decided, count)
            continue
        verdict = _next(times[i], slots[i], row, rules, state, seen)
        if len(appended):
            _watch_stale(append, rules, state)
        if verdict == REFUSED:
            verdict = _far(times[i], row, append, rules, state, held)
        verdicts[i] = verdict
        if state[WAITING] > 0:
            count = _decide(rules, state, held, row, decided, count)
    return count


@compiled
def _enough(rules: I64, start: I64, n: int) -> bool:
    """Whether the start of a source can be judged."""
    if n >= START_MOST or rules[QUORUM] == 0:
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
def settle(
    rules: I64, state: I64, seen: I64, start: I64, held: I64, decided: I64, count: int
) -> int:
    """Give the source a time that a quorum of its first rows has reached, and judge them."""
    n = state[ROWS]
    times = np.sort(start[:n, 0])
    state[SETTLED], state[REACHED] = 1, times[n - _needed(rules, n)]
    for i in range(n):  # all of them are witnesses from the first on
        seen[start[i, 1], 0], seen[start[i, 1], 1] = start[i, 0], i + 1
    for i in range(n):
        verdict = _next(start[i, 0], start[i, 1], i + 1, rules, state, seen)
        if rules[HOLDING] == 0:
            continue
        if verdict == REFUSED and state[WAITING] < HELD_MOST:
            held[state[WAITING], 0], held[state[WAITING], 1] = start[i, 0], i + 1
            state[WAITING] += 1
        else:
            decided[count, 0], decided[count, 1] = i + 1, PASSED
            count += 1
    return _decide(rules, state, held, n, decided, count)


@compiled
def _needed(rules: I64, n: int) -> int:
    """How many of ``n`` are a quorum, at least one."""
    return int(max(1, (rules[QUORUM] * n + 99) // 100))


@compiled
def _next(t: int, slot: int, row: int, rules: I64, state: I64, seen: I64) -> int:
    """Verdict on one row, ``REFUSED`` if it is far ahead; moves the clock."""
    near, reached = rules[NEAR], state[REACHED]
    seen[slot, 0], seen[slot, 1] = t, row
    pane = rules[PANE]
    late = (t // pane + 1) * pane <= reached - rules[LATENESS]
    if t < reached - near:
        state[DOUBT] = min(state[DOUBT] + DOUBT_STEP, MOST)
    else:
        state[DOUBT] = max(state[DOUBT] - 1, 0)
    state[REFUTED] = max(state[REFUTED] - 1, 0)
    if row % RECENT_ROWS == 0:
        state[OUTSTANDING] = max(state[OUTSTANDING] - 1, 0)
    if t <= reached + near:
        _ordinary(t, row, rules, state, seen)
        return LATE if late else PASSED
    _forward(t, row, rules, state, seen)
    if t > state[REACHED] + rules[FAR]:
        return REFUSED
    return AHEAD if t - reached > rules[LATENESS] else PASSED


@compiled
def _ordinary(t: int, row: int, rules: I64, state: I64, seen: I64) -> None:
    """A row at or near the clock ends a run; it moves the clock unless clocks disagree."""
    if state[RUN] > 0:
        if state[RUN_TO] > t + rules[NEAR]:
            state[REFUTED] = min(state[REFUTED] + REFUTED_STEP, MOST)
            state[REFUTED_ROWS] += state[RUN]
        state[RUN] = 0
    state[LAST] = row
    if state[DOUBT] <= DOUBTFUL or rules[QUORUM] == 0:
        state[REACHED] = max(state[REACHED], t)
    elif row % 16 == 0:
        state[REACHED] = _quorum(row, rules, state, seen)


@compiled
def _forward(t: int, row: int, rules: I64, state: I64, seen: I64) -> None:
    """A row ahead of the clock: by a run of them, or by a quorum, it moves on."""
    if state[RUN] == 0:
        state[RUN_ROW], state[RUN_FROM], state[RUN_TO] = row, t, t
    state[RUN] += 1
    state[RUN_FROM], state[RUN_TO] = min(state[RUN_FROM], t), max(state[RUN_TO], t)
    before, reached = state[REACHED], state[REACHED]
    calm = state[DOUBT] <= DOUBTFUL and state[REFUTED] <= REFUTED_OFTEN
    if calm and _bears_out(row, rules, state, seen):
        reached = max(reached, state[RUN_FROM])
        state[RUN] = 0
    if t > reached + rules[NEAR]:
        reached = max(reached, _quorum(row, rules, state, seen))
    state[REACHED] = reached
    if reached > before + rules[NEAR]:
        state[OUTSTANDING] = 0


@compiled
def _bears_out(row: int, rules: I64, state: I64, seen: I64) -> bool:
    """Whether the run is of accounts enough to believe where it begins."""
    if state[RUN] < RUN_LEAST:
        return False
    recent, inside = 0, 0
    for slot in range(SLOTS):
        if seen[slot, 1] > 0 and row - seen[slot, 1] < RECENT_ROWS:
            recent += 1
            inside += state[RUN_ROW] <= seen[slot, 1] <= row
    need = min(RUN_LEAST, recent)
    if state[RUN_TO] - state[RUN_FROM] < RUN_SPAN * rules[NEAR]:
        share = RUN_SHARE if row > YOUNG_ROWS else rules[QUORUM]
        need = max(need, share * recent // 100)
    return inside >= need


@compiled
def _quorum(row: int, rules: I64, state: I64, seen: I64) -> int:
    """Greatest time that a quorum has reached, or the majority by more than ``far_ms``."""
    reached, accounts, ahead = state[REACHED], 0, 0
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
    most = times[n - (n // 2 + 1)] - rules[FAR]
    return int(max(reached, times[n - _needed(rules, n)], most))


@compiled
def _far(t: int, row: int, append: int, rules: I64, state: I64, held: I64) -> int:
    """What becomes of a row far ahead of the clock."""
    if rules[HOLDING]:
        if state[WAITING] == HELD_MOST:
            return REFUSED
        held[state[WAITING], 0], held[state[WAITING], 1] = t, row
        state[WAITING] += 1
        return HELD
    told = PLAUSIBLE_MS[0] <= append < PLAUSIBLE_MS[1]
    if (told and t > append + rules[FAR]) or state[OUTSTANDING] >= OUTSTANDING_MOST:
        return REFUSED
    state[OUTSTANDING] += 1
    return AHEAD


@compiled
def _decide(rules: I64, state: I64, held: I64, row: int, decided: I64, count: int) -> int:
    """Pass what the clock has come near to, refuse what has waited too long."""
    near, kept = state[REACHED] + rules[FAR], 0
    for i in range(state[WAITING]):
        t, at = held[i, 0], held[i, 1]
        if t <= near or row - at >= HELD_ROWS:
            decided[count, 0], decided[count, 1] = at, PASSED if t <= near else REFUSED
            count += 1
        else:
            held[kept, 0], held[kept, 1] = t, at
            kept += 1
    state[WAITING] = kept
    return count


@compiled
def _watch_stale(append: int, rules: I64, state: I64) -> None:
    """See now and then whether a source far behind its record times catches up."""
    if not PLAUSIBLE_MS[0] <= append < PLAUSIBLE_MS[1]:
        return
    since = append - state[ANCHOR]
    if 0 <= since < STALE_SPAN_MS:
        return
    if 0 < since < 2 * STALE_SPAN_MS and state[ANCHOR] > 0:  # else its records paused
        behind = append - state[REACHED]
        gained = state[REACHED] - state[ANCHOR_REACHED]
        if behind > rules[STALE_AFTER] and gained < 2 * since:
            state[STALE] = min(state[STALE] + 1, STALE_TIMES)
        else:
            state[STALE] = 0
    state[ANCHOR], state[ANCHOR_REACHED] = append, state[REACHED]
