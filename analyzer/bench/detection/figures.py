"""Figures with intervals: a share by Wilson, a rate by Poisson, a mean or median by bootstrap."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import numpy as np
from numpy.typing import NDArray
from scipy import stats

F64 = NDArray[np.float64]

Z = 1.959964
ROUNDS = 2_000


class Figure(msgspec.Struct, frozen=True):
    """A number, its 95 % interval, and how many cases it rests on."""

    value: float | None
    low: float | None
    high: float | None
    cases: int

    def __str__(self) -> str:
        if self.value is None:
            return "-"
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"


NOTHING = Figure(None, None, None, 0)


def share(hits: int, cases: int) -> Figure:
    """A share with Wilson's interval.

    Reference: Wilson (1927), *Probable inference, the law of succession*.

    Examples
    --------
    >>> str(share(9, 10))
    '0.900 [0.596, 0.982]'
    """
    if not cases:
        return NOTHING
    p = hits / cases
    spread = 1 + Z**2 / cases
    centre = (p + Z**2 / (2 * cases)) / spread
    half = Z * float(np.sqrt(p * (1 - p) / cases + Z**2 / (4 * cases**2))) / spread
    return Figure(p, max(0.0, centre - half), min(1.0, centre + half), cases)


def rate(events: int, exposure: float) -> Figure:
    """Events per unit of exposure with the exact Poisson interval; ``cases`` is the events.

    Reference: Garwood (1936), *Fiducial limits for the Poisson distribution*.

    Examples
    --------
    >>> str(rate(0, 10.0))
    '0.000 [0.000, 0.369]'
    """
    if not exposure:
        return NOTHING
    low = float(stats.chi2.ppf(0.025, 2 * events)) / 2 if events else 0.0
    high = float(stats.chi2.ppf(0.975, 2 * events + 2)) / 2
    return Figure(events / exposure, low / exposure, high / exposure, events)


def median(values: list[float]) -> Figure:
    """Median with the percentile bootstrap's interval."""
    return _bootstrap(values, np.median)


def mean(values: list[float]) -> Figure:
    """Mean with the percentile bootstrap's interval."""
    return _bootstrap(values, np.mean)


def _bootstrap(values: list[float], statistic: Callable[..., F64]) -> Figure:
    if not values:
        return NOTHING
    data = np.array(values)
    rng = np.random.default_rng(1)
    drawn = statistic(data[rng.integers(0, len(data), (ROUNDS, len(data)))], axis=1)
    low, high = np.percentile(drawn, [2.5, 97.5])
    return Figure(float(statistic(data)), float(low), float(high), len(data))
