"""Triage: single accounts that are unlike all others, by an online model.

River's Half-Space Trees over one vector per account and day. Light, balanced accounts of a
campaign look normal here: this finds the one heavy extractor, and nothing else.

Reference: Tan, Ting & Liu (2011), Fast anomaly detection for streaming data.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from river import anomaly

from analyzer.core.models.saved import dump, load

TRAITS = ("volume", "output_length", "focus", "fresh_prompts")
TREES, HEIGHT, WINDOW = 10, 6, 200
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
        trees = anomaly.HalfSpaceTrees(
            n_trees=TREES,
            height=HEIGHT,
            window_size=WINDOW,
            limits=dict.fromkeys(TRAITS, (0.0, 1.0)),
            seed=seed,
        )
        self._model = anomaly.QuantileFilter(trees, q=STRANGE, protect_anomaly_detector=True)
        self._learned = 0

    def judge(self, vectors: NDArray[np.float64]) -> NDArray[np.float64]:
        """Strangeness of each account in [0, 1], 0 where it is nothing unusual or unknown.

        Parameters
        ----------
        vectors
            Shape (accounts, traits), each value in [0, 1].
        """
        found = np.zeros(len(vectors))
        if self._learned < WINDOW:
            return found
        for row, vector in enumerate(vectors.tolist()):
            score = float(self._model.score_one(_named(vector)))
            strange = self._model.classify(score)  # type: ignore[no-untyped-call] # River's
            found[row] = score if strange else 0.0
        return np.clip(found, 0.0, 1.0)

    def learn(self, vectors: NDArray[np.float64]) -> None:
        """Take accounts of all sorts in, in order, but for the strangest; shape as above."""
        for vector in vectors.tolist():
            self._model.learn_one(_named(vector))  # type: ignore[no-untyped-call] # River's
        self._learned += len(vectors)

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


def _named(vector: list[float]) -> dict[str, float]:
    return dict(zip(TRAITS, vector, strict=True))
