"""What is usual for cohorts of each sort by now: the calibration, slowly adapted.

Innocent cohorts move the means of their stratum with a half-life of :data:`HALF_LIFE` cohorts,
so that a campaign which stays below the threshold for days hardly becomes usual. Who is under
alert is never learned: that is for :class:`~analyzer.core.campaign.step.CampaignStep` to say.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from analyzer.core.cohort.catalog import NAMES, in_order
from analyzer.core.contracts.calibration import HIGH, STRATA, Calibration, borrowed
from analyzer.core.kernels.e_values import conformal
from analyzer.core.kernels.jit import compiled

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]

HALF_LIFE = 20_000
"""Cohorts of a stratum after which what was known counts half."""


class Baseline:
    """Means per stratum; the order of the calls is part of the answer.

    Parameters
    ----------
    calibration
        Where to begin. A signal that it does not know begins at 0.
    """

    def __init__(self, calibration: Calibration) -> None:
        self._objects, self._means = borrowed(*_columns(calibration))

    @property
    def _high(self) -> F64:
        return self._means[:, -len(NAMES) :]

    def e_values(self, strata: I64, suspicion: F64) -> F64:
        """How many times stranger each cohort is than innocent ones of its sort, ≥ 0."""
        return conformal(suspicion, self._means[strata, 0], self._objects[strata])

    def usual(self, strata: I64) -> tuple[F64, F64]:
        """Mean of each signal for each cohort's sort, and what few exceed; (cohorts, signals)."""
        return self._means[strata, 1 : 1 + len(NAMES)], self._high[strata]

    def learn(self, strata: I64, features: F64, suspicion: F64) -> None:
        """Take innocent cohorts in, in an order that does not depend on who sent them.

        Means are forgotten exponentially; ``high`` is followed by steps up or down.

        Reference: Robbins & Monro (1951), *A stochastic approximation method*.
        """
        values = np.column_stack([suspicion, features])
        sums = np.zeros((3, STRATA, values.shape[1]))
        _add_up(strata, values, self._high, sums)
        count, total, below = sums
        kept = 0.5 ** (count / HALF_LIFE)
        means = self._means[:, : 1 + len(NAMES)]
        means[:] = kept * means + (1 - kept) * total / np.maximum(count, 1)
        step = (HIGH * count - below)[:, 1:] / HALF_LIFE
        self._high[:] = np.clip(self._high + step, 0.0, 1.0)

    def state(self) -> dict[str, Any]:
        """All of it, as plain data; its columns are of the signals named."""
        return {"signals": list(NAMES), "objects": self._objects, "means": self._means}

    def restore(self, state: dict[str, Any]) -> None:
        """Put back what :meth:`state` gave; what it does not know stays as calibrated."""
        names, means = state["signals"], state["means"]
        mean, high = means[:, 1 : 1 + len(names)], means[:, 1 + len(names) :]
        found = np.column_stack([means[:, 0], in_order(mean, names), in_order(high, names)])
        self._objects[:] = state["objects"]
        self._means[:] = np.where(np.isnan(found), self._means, found)


@compiled
def _add_up(strata: I64, values: F64, high: F64, sums: F64) -> None:
    """Add up by stratum who has each value, the values, and how many are not above the high.

    Parameters
    ----------
    values
        Shape (cohorts, 1 + signals), suspicion first, which has no high; NaN is "unknown".
    high
        Shape (strata, signals).
    sums
        Shape (3, strata, 1 + signals).
    """
    for row in range(len(strata)):
        stratum = strata[row]
        for column in range(values.shape[1]):
            value = values[row, column]
            if not np.isnan(value):
                sums[0, stratum, column] += 1.0
                sums[1, stratum, column] += value
                if column > 0 and value <= high[stratum, column - 1]:
                    sums[2, stratum, column] += 1.0


def _columns(calibration: Calibration) -> tuple[F64, F64]:
    """Objects, and means of suspicion and signals with their highs, of every stratum."""
    objects, values = np.zeros(STRATA), np.full((STRATA, 1 + 2 * len(NAMES)), np.nan)
    for stratum in calibration.strata:
        columns = np.array([list(map(_known, stratum.mean)), list(map(_known, stratum.high))])
        mean, high = in_order(columns, calibration.signals)
        objects[stratum.number] = stratum.objects
        values[stratum.number] = [stratum.suspicion, *mean, *high]
    return objects, values


def _known(value: float | None) -> float:
    return np.nan if value is None else value
