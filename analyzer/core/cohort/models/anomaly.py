"""AnomalyModel: how unlike the cohorts seen so far a cohort is.

:mod:`.trees` over the signal vectors of all cohorts of one window length.
Most cohorts are innocent, so what is rare is worth a look; but rare is not guilty: this reading
explains and ranks, and never makes an alert.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from analyzer.core.cohort.fusion import FITTED, FITTED_COLUMNS
from analyzer.core.cohort.models.trees import Trees

F64 = NDArray[np.float64]

WARMUP = 100
PROTECT_ABOVE = 0.98
"""Quantile of scores above which a cohort is not learned: campaigns must not become normal."""


class AnomalyModel:
    """Scores a vector, then learns it; the order of the calls is part of the answer.

    Parameters
    ----------
    seed
        Seed of the trees.
    """

    def __init__(self, seed: int) -> None:
        self._trees = Trees(FITTED, window=WARMUP, strange=PROTECT_ABOVE, seed=seed)
        self.snapshot, self.restore = self._trees.snapshot, self._trees.restore

    def score(self, features: F64) -> list[float] | list[None]:
        """In [0, 1], high is strange; None while fewer than ``WARMUP`` cohorts are known.

        Parameters
        ----------
        features
            Shape (cohorts, signals).
        """
        if not self._trees.known:
            return [None] * len(features)
        scores: list[float] = self._trees.score(_known(features)).tolist()
        return scores

    def learn(self, features: F64) -> None:
        """Take cohorts in, in order, unless they are of the strangest; shape as above."""
        self._trees.learn(_known(features))


def _known(features: F64) -> F64:
    return np.nan_to_num(features[:, FITTED_COLUMNS])
