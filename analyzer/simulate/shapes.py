"""Arrival and token shapes, fitted to public traces and kept as a few numbers.

Day profiles, the spread of client rates, day-to-day factors and burstiness summarise the
314 API clients of ServeGen (alibaba/ServeGen, Apache-2.0); token lengths summarise the Azure
LLM inference traces of 2023 (Azure/AzurePublicDataset, CC-BY-4.0). The fit is
``tests/tools/fit_shapes.py``; no row of either trace is shipped.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from analyzer.simulate.draws import F64, I64, Rng

DAY_MS = 86_400_000
HOUR_MS = 3_600_000
FLAT, EVENING, NIGHT, OFFICE = range(4)

# fmt: off
PROFILES: F64 = np.array([
    # Relative rate per local hour; k-means centres (k = 4) of the normalised daily profiles.
    [1.06, 1.14, 1.17, 1.14, 1.00, .98, 1.10, 1.10, .98, .96, 1.11, 1.09,
     1.00, .95, .90, .87, .86, .89, .97, .87, 1.01, .90, .97, .99],
    [.85, .63, .42, .35, .34, .31, .34, .50, .56, .71, 1.00, 1.13,
     .97, 1.03, 1.16, 1.12, 1.32, 1.46, 1.77, 2.05, 1.77, 1.59, 1.40, 1.20],
    [.23, 2.23, 5.34, 2.46, .61, .09, .07, .23, .34, .37, .56, 1.41,
     .85, .99, .58, .64, 1.99, 1.47, .82, .65, .71, .59, .45, .29],
    [.33, .19, .16, .12, .13, .12, .15, .23, .68, 1.54, 2.07, 2.06,
     1.29, 1.31, 1.84, 1.93, 2.18, 2.13, 1.52, 1.01, .95, .82, .76, .49],
])
# fmt: on
WEEKEND = np.array([1.0, 0.85, 0.9, 0.35])
"""Factor of a Saturday or Sunday, by profile."""

CHAT, CODE = range(2)
CODE_SHARE = 0.31
"""Share of the code trace among the requests of both."""
INPUT_MU, INPUT_SD = np.array([6.64, 7.00]), np.array([0.98, 1.35])
"""Moments of log(1 + input tokens), conversations and code."""
OUTPUT_MU, OUTPUT_SD = np.array([5.03, 2.86]), np.array([0.85, 0.81])
"""Moments of log(1 + output tokens), conversations and code."""
TEMPLATE_SPREAD = 0.7
"""Part of the standard deviation that lies between templates, not inside one; a guess."""


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How the requests of some accounts fall in time; arrays of shape (accounts,)."""

    per_day: F64
    """Mean requests per active day."""
    profile: I64
    """Row of ``PROFILES``."""
    tz_h: F64
    """Hours ahead of UTC."""
    session: F64
    """Mean requests per session, >= 1."""
    gap_s: F64
    """Median seconds between requests of a session."""
    day_shape: F64
    """Gamma shape of the day-to-day factor; small means some days only."""


def arrivals(rng: Rng, rhythm: Rhythm, start_ms: int, end_ms: int) -> tuple[I64, I64]:
    """Draw request times: days, then sessions within a day, then requests within a session.

    Parameters
    ----------
    rng
        Source of randomness.
    rhythm
        One row per account.
    start_ms, end_ms
        Interval [start, end), epoch ms.

    Returns
    -------
    Times (epoch ms, unsorted) and the row in ``rhythm`` of each, both of dtype int64.
    """
    first_day = start_ms // DAY_MS - 1
    days = np.arange(first_day, end_ms // DAY_MS + 2)
    n = len(rhythm.per_day)
    factor = rng.gamma(rhythm.day_shape[:, None], 1 / rhythm.day_shape[:, None], (n, len(days)))
    weekend = np.where((days + 3) % 7 >= 5, 1.0, 0.0)  # day 0 of the epoch was a Thursday
    factor *= 1 + weekend[None, :] * (WEEKEND[rhythm.profile][:, None] - 1)
    counts = rng.poisson(factor * (rhythm.per_day / rhythm.session)[:, None])
    who, day = (
        np.repeat(index, counts.ravel()) for index in np.indices(counts.shape).reshape(2, -1)
    )
    begins = days[day] * DAY_MS + _time_of_day_ms(rng, rhythm.profile[who])
    begins -= (rhythm.tz_h[who] * HOUR_MS).astype(np.int64)
    sizes = rng.geometric(1 / rhythm.session[who])
    times, session = within_sessions(rng, begins, sizes, rhythm.gap_s[who])
    keep = (times >= start_ms) & (times < end_ms)
    return times[keep], who[session[keep]]


def _time_of_day_ms(rng: Rng, profile: I64) -> I64:
    cumulative = np.cumsum(PROFILES, axis=1)
    target = rng.random(len(profile)) * cumulative[profile, -1]
    hour = (cumulative[profile] < target[:, None]).sum(axis=1)
    return np.asarray(hour * HOUR_MS + rng.integers(0, HOUR_MS, len(profile)), np.int64)


def within_sessions(rng: Rng, begins: I64, sizes: I64, gap_s: F64) -> tuple[I64, I64]:
    """Times of the requests of sessions, and the session of each.

    Parameters
    ----------
    rng
        Source of randomness.
    begins
        First request, epoch ms, shape (sessions,).
    sizes
        Requests, shape (sessions,).
    gap_s
        Median seconds between requests, shape (sessions,).
    """
    session = np.repeat(np.arange(len(begins)), sizes)
    gaps = np.exp(rng.normal(np.log(gap_s[session]), 1.1)) * 1_000
    firsts = np.cumsum(sizes) - sizes
    gaps[firsts] = 0
    walked = np.cumsum(gaps)
    return (begins[session] + walked - walked[firsts][session]).astype(np.int64), session
