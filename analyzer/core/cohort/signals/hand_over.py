"""Hand-over: a member begins just as another falls silent."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from analyzer.core.cohort.selection import Cohorts
from analyzer.core.cohort.signals.scale import clip, one_hot
from analyzer.core.cohort.window import Window
from analyzer.core.contracts.event_time import DAY_S

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]
Bool = NDArray[np.bool_]

NAME, FAMILY, UNIT = "hand_over", "timing", "share of hand-overs"
MEANING = "new members begin just as others fall silent"
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
    first, last = window.of_orgs("first_pane"), window.of_orgs("last_pane")
    starts, other_starts = _by_pane(cohorts, first, _new(window, first))
    stops, other_stops = _by_pane(cohorts, last, _gone(window, first, last))
    n, m = starts.sum(axis=1), stops.sum(axis=1)
    later = _before(starts[:, ::-1], soon)[:, ::-1]
    after, reverse = ((stops * (near > 0)).sum(axis=1) for near in (later, _before(starts, soon)))
    others = (other_starts * _before(other_stops, soon)).sum(axis=1)
    pairs = other_starts.sum(axis=1) * other_stops.sum(axis=1)
    usual = m * -np.expm1(-n * others / np.maximum(pairs, 1.0))
    mean = np.maximum(reverse, usual)
    excess = after - mean - 2 * np.sqrt(mean + 1)
    return np.where(np.minimum(n, m) >= NEEDED, clip(excess / np.maximum(m / 2, 1.0)), np.nan)


def _new(window: Window, first: I64) -> Bool:
    """Organisations that were never seen before the window; on the first day everybody is new."""
    begin = window.population.first_pane + DAY_S // window.config.pane_s
    return np.asarray(first >= max(begin, window.start_pane))


def _gone(window: Window, first: I64, last: I64) -> Bool:
    """Organisations that have been silent for much longer than they usually are."""
    since = np.maximum(first, window.start_pane)
    pause = (last - since) / np.maximum(window.totals[:, 0], 1)
    silent = window.pane - last
    long = np.maximum(SILENT_S // window.config.pane_s, SILENT_PAUSES * pause)
    return np.asarray(silent >= long)


def _by_pane(cohorts: Cohorts, pane: NDArray[np.int64], which: Bool) -> tuple[F64, F64]:
    """How many of the members' panes, and of all others', are each pane of the window."""
    window = cohorts.window
    at = one_hot(np.where(which, pane - window.start_pane, 0), which)
    at.resize(len(which), window.pane - window.start_pane)
    own = np.asarray((cohorts.members @ at).todense())
    return own, np.asarray(at.sum(axis=0)) - own


def _before(counts: F64, soon: int) -> F64:
    """Sum of the ``soon`` panes before each pane, shape of ``counts``."""
    total = np.pad(counts.cumsum(axis=1), ((0, 0), (1, 0)))[:, :-1]
    return np.asarray(total - np.pad(total, ((0, 0), (soon, 0)))[:, : counts.shape[1]])
