"""Strangeness: how unlike the cohorts seen so far a cohort is.

River's Half-Space Trees over the signal vectors of all cohorts of one window length. Most
cohorts are innocent, so what is rare is worth a look; but rare is not guilty: this reading
explains and ranks, and never makes an alert.

Reference: Tan, Ting & Liu (2011), Fast anomaly detection for streaming data.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from river import anomaly

from analyzer.core.catalog import NAMES
from analyzer.core.models.saved import dump, load

TREES, HEIGHT, WARMUP = 10, 6, 100
PROTECT_ABOVE = 0.98
"""Quantile of scores above which a cohort is not learned: campaigns must not become normal."""


class Strangeness:
    """Scores a vector, then learns it; the order of the calls is part of the answer.

    Parameters
    ----------
    seed
        Seed of the trees.
    """

    def __init__(self, seed: int) -> None:
        trees = anomaly.HalfSpaceTrees(
            n_trees=TREES,
            height=HEIGHT,
            window_size=WARMUP,
            limits=dict.fromkeys(NAMES, (0.0, 1.0)),
            seed=seed,
        )
        self._model = anomaly.QuantileFilter(trees, q=PROTECT_ABOVE, protect_anomaly_detector=True)
        self._learned = 0

    def score_one(self, features: NDArray[np.float64]) -> float | None:
        """In [0, 1], high is strange; None while fewer than ``WARMUP`` cohorts are known."""
        if self._learned < WARMUP:
            return None
        return min(1.0, max(0.0, float(self._model.score_one(_named(features)))))

    def learn_one(self, features: NDArray[np.float64]) -> None:
        """Take the cohort in, unless it is one of the strangest."""
        self._learned += 1
        self._model.learn_one(_named(features))  # type: ignore[no-untyped-call] # River's

    def snapshot(self) -> bytes:
        """The model and its count as bytes."""
        return dump((self._learned, self._model))

    def restore(self, data: bytes) -> None:
        """Put back what :meth:`snapshot` gave.

        Raises
        ------
        StateError
            If the bytes are no such model.
        """
        self._learned, self._model = load(data)


def _named(features: NDArray[np.float64]) -> dict[str, float]:
    return dict(zip(NAMES, np.nan_to_num(features).tolist(), strict=True))
