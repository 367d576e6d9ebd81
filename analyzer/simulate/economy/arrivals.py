"""When requests come: people in sessions, programs, clocks. Times are hours of the world."""

from __future__ import annotations

import numpy as np

from analyzer.simulate.draws import F64, I64, Rng

_BASE = np.array(
    # A working day, an evening at home, both.
    [
        [2, 1, 1, 1, 1, 2, 4, 9, 18, 26, 28, 25, 19, 22, 27, 28, 25, 20, 13, 9, 8, 7, 5, 3],
        [9, 5, 3, 2, 2, 2, 3, 5, 6, 7, 8, 9, 10, 10, 10, 11, 12, 15, 20, 26, 30, 30, 25, 16],
        [6, 4, 2, 2, 2, 2, 4, 7, 12, 16, 18, 18, 16, 17, 19, 20, 19, 19, 19, 19, 19, 17, 13, 9],
    ],
    float,
)
OFFICE, EVENING, MIXED = range(3)


class Pattern:
    """How a group of people comes back; arrays of shape (people,).

    Parameters
    ----------
    per_day
        Mean requests a day.
    zone
        Hours ahead of UTC.
    profile
        Row of the day profiles.
    size
        Mean requests a session, >= 1.
    gap_s
        Median seconds between requests of a session.
    weekend
        Factor of a Saturday or Sunday.
    regularity
        Gamma shape of the factor of a day; small means some days only.
    """

    def __init__(
        self, per_day: F64, *, zone: F64, profile: I64, size: F64, gap_s: F64,
        weekend: float = 1.0, regularity: float = 0.8,
    ) -> None:  # fmt: skip
        self.per_day, self.zone, self.profile = per_day, zone, profile
        self.size, self.gap_s = np.maximum(size, 1.0), gap_s
        self.weekend, self.regularity = weekend, regularity


def sessions(
    rng: Rng, pattern: Pattern, begin: F64, end: F64, weekday: int = 0
) -> tuple[F64, I64, I64, I64]:
    """Requests of people: active days, sessions in a day, requests in a session.

    Returns
    -------
    Time, row of the person, number of the session and turn within it, all of shape (n,).
    """
    days = np.arange(-1, int(np.ceil(end.max(initial=1.0) / 24)) + 1)
    shape = pattern.regularity
    factor = rng.gamma(shape, 1 / shape, (len(pattern.per_day), len(days)))
    factor *= np.where((days + weekday) % 7 >= 5, pattern.weekend, 1.0)
    many = rng.poisson(factor * (pattern.per_day / pattern.size)[:, None])
    who = np.repeat(np.repeat(np.arange(len(many)), len(days)), many.ravel())
    day = np.repeat(np.tile(days, len(many)), many.ravel())
    begins = day * 24.0 + _hour(rng, pattern.profile[who]) - pattern.zone[who]
    sizes = _sizes(rng, pattern.size[who])
    session = np.repeat(np.arange(len(who)), sizes)
    gap = np.exp(rng.normal(np.log(pattern.gap_s[who][session]), 1.0)) / 3600
    firsts = np.cumsum(sizes) - sizes
    gap[firsts] = 0.0
    walked = np.cumsum(gap)
    time = begins[session] + walked - np.repeat(walked[firsts], sizes)
    turn = np.arange(len(session)) - np.repeat(firsts, sizes)
    person = who[session]
    keep = (time >= np.maximum(begin[person], 0)) & (time < end[person])
    return time[keep], person[keep], session[keep], turn[keep]


def _sizes(rng: Rng, mean: F64) -> I64:
    heavy = np.exp(rng.normal(-0.4, 0.9, len(mean)))
    return np.asarray(np.maximum(rng.poisson(mean * heavy), 1), np.int64)


def _hour(rng: Rng, profile: I64) -> F64:
    cumulative = np.cumsum(_BASE, axis=1)
    target = rng.random(len(profile)) * cumulative[profile, -1]
    hour = (cumulative[profile] < target[:, None]).sum(axis=1)
    return np.asarray(hour + rng.random(len(profile)))


def programs(rng: Rng, per_day: F64, begin: F64, end: F64, shapes: F64 | None) -> tuple[F64, I64]:
    """Requests of programs: steady, wavy or in batches, each in its own way.

    Parameters
    ----------
    rng, per_day, begin, end
        As for :func:`sessions`.
    shapes
        Relative rates of real clients, shape (clients, ten-minute windows), if there are any.
    """
    steps = int(np.ceil(end.max(initial=1.0) * 6))
    times, rows = [], []
    for row, rate in enumerate(per_day):
        form = _form(rng, steps, shapes)
        counts = rng.poisson(np.minimum(form * rate / 144, 20 * rate / 144 + 40))
        time = (np.repeat(np.arange(steps), counts) + rng.random(int(counts.sum()))) / 6
        times.append(time[(time >= begin[row]) & (time < end[row])])
        rows.append(np.full(len(times[-1]), row))
    if not times:
        return np.zeros(0), np.zeros(0, np.int64)
    return np.concatenate(times), np.concatenate(rows)


def _form(rng: Rng, steps: int, shapes: F64 | None) -> F64:
    kind = int(rng.integers(4))
    hour = np.arange(steps) / 6
    if shapes is not None and kind < 3:
        row = shapes[int(rng.integers(len(shapes)))]
        return np.take(row, np.arange(steps) + int(rng.integers(len(row))), mode="wrap")
    wave = 1 + rng.uniform(0, 0.9) * np.cos(2 * np.pi * (hour - rng.uniform(0, 24)) / 24)
    if kind == 0:
        return np.asarray(wave)
    noise = np.repeat(rng.gamma(0.4, 2.5, steps // 3 + 1), 3)[:steps]
    if kind == 1:
        return np.asarray(wave * noise)
    first, length = rng.uniform(0, 24), rng.uniform(0.3, 5)
    return np.asarray(((hour - first) % 24 < length) * 24 / length)


def clockwork(
    rng: Rng, begin: F64, end: float, period_h: float, *, offset: F64, jitter_h: float, kept: float
) -> tuple[F64, I64]:
    """Jobs on the clock: one a period and row, at ``offset``, a share ``kept`` of them."""
    ticks = np.arange(0, end, period_h)
    row, at = np.divmod(np.arange(len(begin) * len(ticks)), len(ticks))
    time = ticks[at] + offset[row] + np.abs(rng.normal(0, jitter_h, len(row)))
    keep = (rng.random(len(row)) < kept) & (time >= begin[row]) & (time < end)
    return time[keep], row[keep]


def fading(rng: Rng, begin: F64, end: float, mean_h: float, counts: I64) -> tuple[F64, I64]:
    """``counts`` requests a row that grow rarer from ``begin`` on, in small clumps."""
    row = np.repeat(np.arange(len(begin)), counts)
    clump = np.floor(rng.random(len(row)) * np.maximum(counts[row] / 5, 1)).astype(np.int64)
    draw = rng.exponential(mean_h, (len(begin), int(counts.max(initial=1) // 5 + 1)))
    start = begin[row] + draw[row, np.minimum(clump, draw.shape[1] - 1)]
    time = start + rng.gamma(2, 0.12, len(row))
    keep = (time >= 0) & (time < end)
    return time[keep], row[keep]
