"""Triage: single accounts that are unlike all others, by an online model.

The :mod:`.trees` over one vector per account and day. Light, balanced accounts
of a campaign look normal here: this finds the one heavy extractor, and nothing else.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from analyzer.core.cohort.models.trees import Trees

TRAITS = ("volume", "output_length", "focus", "fresh_prompts")
WINDOW = 200
STRANGE = 0.95
"""Quantile of scores from which an account is strange; such accounts are not learned."""


class Triage:
    """Scores vectors and learns them, in order; the order is part of the answer.

    Parameters
    ----------
    seed
        Seed of the trees.
    """

    def __init__(self, seed: int) -> None:
        self._trees = Trees(TRAITS, window=WINDOW, strange=STRANGE, seed=seed)
        self.snapshot, self.restore = self._trees.snapshot, self._trees.restore

    def judge(self, vectors: NDArray[np.float64]) -> NDArray[np.float64]:
        """AnomalyModel of each account in [0, 1], 0 where it is nothing unusual or unknown.

        Parameters
        ----------
        vectors
            Shape (accounts, traits), each value in [0, 1].
        """
        if not self._trees.known:
            return np.zeros(len(vectors))
        scores = self._trees.score(vectors)
        return np.where(self._trees.are_strange(scores), scores, 0.0)

    def learn(self, vectors: NDArray[np.float64]) -> None:
        """Take accounts of all sorts in, in order, but for the strangest; shape as above."""
        self._trees.learn(vectors)
