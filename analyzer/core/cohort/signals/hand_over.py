"""Hand-over: a member begins just as another falls silent."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from analyzer.core.cohort.selection import Cohorts
from analyzer.core.cohort.signals.scale import clip
from analyzer.core.cohort.window import Window
from analyzer.core.contracts.event_time import DAY_S
from analyzer.core.kernels.jit import compiled

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]
I32 = NDArray[np.int32]
Bool = NDArray[np.bool_]

NAME, FAMILY, UNIT = "hand_over", "timing", "share of hand-overs"
MEANING = "new members begin just as others fall silent"
NEEDS = ()
SOON_S = 3_600
"""A member that begins within this time after another's last request may have taken over."""
SILENT_S, SILENT_PAUSES = 6 * 3_600, 4.0
"""Silent for so long, and for so many of its usual pauses, an organisation has stopped."""
NEEDED = 4
"""Starts, and stops, below which nothing is known."""


def measure(cohorts: Cohorts) -> F64:
    """c((X − μ − 2√(μ + 1)) / (m / 2)) for m stops.

    X counts stops that a start follows within an hour. Were starts and stops independent, there
    would be μ of them, Poisson at most: as many as the daily profiles of everybody else's starts
    and stops give, or as stops that a start *precedes* by an hour, whichever is more, since a
    common wave makes as many of these. NaN for windows below a day, and with fewer than four
    starts or stops. Where dozens come and go every day, chance hides the hand-overs.

    Reference: Cox & Lewis (1972), *Multivariate point processes*, on the cross-intensity of two
    series of events.
    """
    window = cohorts.window
    if window.length_s < DAY_S:
        return np.full(len(cohorts), np.nan)
    soon = max(1, SOON_S // window.config.pane_s)
    found = np.zeros((5, len(cohorts)))
    members = cohorts.matrix.indptr, cohorts.matrix.indices
    _hand_overs(members, *window.once(_comings_and_goings), soon, found)
    n, m, after, reverse, usual = found
    mean = np.maximum(reverse, usual)
    excess = after - mean - 2 * np.sqrt(mean + 1)
    return np.where(np.minimum(n, m) >= NEEDED, clip(excess / np.maximum(m / 2, 1.0)), np.nan)


def _comings_and_goings(window: Window) -> tuple[tuple[I64, I64], tuple[F64, F64]]:
    """Pane in which each organisation starts, and stops, −1 if it does not; how many do in each."""
    first, last = window.of_orgs("first_pane"), window.of_orgs("last_pane")
    length = window.pane - window.start_pane
    starts = np.where(appeared(window, first), first - window.start_pane, -1)
    stops = np.where(fell_silent(window, first, last), last - window.start_pane, -1)
    return (starts, stops), (by_pane(starts, length), by_pane(stops, length))


@compiled
def by_pane(panes: I64, length: int) -> F64:
    """How many of the panes are each pane of the window; those below 0 are none of it."""
    count = np.zeros(length)
    for pane in panes:
        if pane >= 0:
            count[pane] += 1.0
    return count


@compiled
def _hand_overs(
    members: tuple[I32, I32], at: tuple[I64, I64], everyone: tuple[F64, F64], soon: int, found: F64
) -> None:
    """Fill starts, stops, stops that a start follows or precedes soon, and what is usual.

    The last three stay 0 where starts or stops are too few to tell.

    Parameters
    ----------
    at
        Pane in which each organisation starts, and stops; −1 if it does not.
    everyone
        How many start, and stop, in each pane.
    """
    (begins, orgs), (start_of, stop_of) = members, at
    length = len(everyone[0])
    for cohort in range(found.shape[1]):
        who = orgs[begins[cohort] : begins[cohort + 1]]
        starts, stops = by_pane(start_of[who], length), by_pane(stop_of[who], length)
        n, m = starts.sum(), stops.sum()
        found[0, cohort], found[1, cohort] = n, m
        if min(n, m) < NEEDED:
            continue
        other_starts, other_stops = everyone[0] - starts, everyone[1] - stops
        starts_before, stops_before = _running(starts), _running(other_stops)
        after, reverse, others = 0.0, 0.0, 0.0
        for pane in range(length):
            ago, ahead = max(0, pane - soon), min(length, pane + soon + 1)
            if starts_before[ahead] > starts_before[pane + 1]:
                after += stops[pane]
            if starts_before[pane] > starts_before[ago]:
                reverse += stops[pane]
            others += other_starts[pane] * (stops_before[pane] - stops_before[ago])
        pairs = max(1.0, other_starts.sum() * stops_before[length])
        found[2, cohort], found[3, cohort] = after, reverse
        found[4, cohort] = m * -np.expm1(-n * others / pairs)


@compiled
def _running(counts: F64) -> F64:
    """Sum of all before each, and of all."""
    total = np.zeros(len(counts) + 1)
    for i in range(len(counts)):
        total[i + 1] = total[i] + counts[i]
    return total


def appeared(window: Window, first: I64) -> Bool:
    """Organisations that were never seen before the window; on the first day everybody is new."""
    begin = window.population.first_pane + DAY_S // window.config.pane_s
    return np.asarray(first >= max(begin, window.start_pane))


def fell_silent(window: Window, first: I64, last: I64) -> Bool:
    """Organisations that have been silent for much longer than they usually are."""
    since = np.maximum(first, window.start_pane)
    pause = (last - since) / np.maximum(window.totals[:, 0], 1)
    silent = window.pane - last
    long = np.maximum(SILENT_S // window.config.pane_s, SILENT_PAUSES * pause)
    return np.asarray(silent >= long)
