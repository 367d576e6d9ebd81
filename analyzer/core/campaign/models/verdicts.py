"""Verdicts: how likely a campaign is a true one, learned from what people said of others.

River's StandardScaler | LogisticRegression over the signal vectors of judged campaigns. It is
shown beside the other readings and moves the confidence by which people rank alerts. It takes
no part in deciding: what the null tests failed stays failed, whatever it says.

Reference: Bottou (2010), Large-scale machine learning with stochastic gradient descent.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from analyzer.core.cohort.catalog import NAMES
from analyzer.core.cohort.models.safe_pickle import dump, load, probe

if TYPE_CHECKING:
    from river import compose

NEEDED = 3
"""Campaigns of each kind, true and false, before anything is said."""
STEP = 0.1
TRUST = 0.1
"""The probability counts as no nearer to 0 or 1 than this: people err, and judge what they see."""
SURE = 0.95
"""Nor does the confidence that it meets, else the fused score, mostly near 1, would not move."""


class Verdicts:
    """Learns campaigns one by one; the order of the calls is part of the answer.

    Weights begin at zero, so there is nothing to seed.
    """

    def __init__(self) -> None:
        self.true, self.false = 0, 0

    @cached_property
    def _model(self) -> compose.Pipeline:
        """Made when it is first asked: River takes a second to load."""
        from river import linear_model, optim, preprocessing  # noqa: PLC0415 - as above

        return preprocessing.StandardScaler() | linear_model.LogisticRegression(
            optimizer=optim.SGD(STEP)
        )

    def score_one(self, features: Sequence[float]) -> float | None:
        """Probability in [0, 1] that the campaign is a true one; None until it knows enough."""
        if min(self.true, self.false) < NEEDED:
            return None
        return float(self._model.predict_proba_one(_named(features)).get(True, 0.5))

    def learn_one(self, vectors: Sequence[Sequence[float]], *, true: bool) -> None:
        """Take a judged campaign: the vectors of its findings, which together weigh one."""
        if not vectors:
            return
        self.true, self.false = self.true + true, self.false + (not true)
        for features in vectors:
            self._model.learn_one(_named(features), true, w=1 / len(vectors))

    def snapshot(self) -> bytes:
        """The model and its counts as bytes."""
        return dump((self.true, self.false, self._model))

    def restore(self, data: bytes) -> None:
        """Put back what :meth:`snapshot` gave.

        Raises
        ------
        StateError
            If the bytes are no such model.
        """
        probe(lambda: _try_out(*load(data)))
        self.true, self.false, self._model = load(data)


def _try_out(true: int, false: int, model: compose.Pipeline) -> None:
    """Use a copy once in every way; any error will do."""
    features = dict.fromkeys(NAMES, 0.5)
    model.predict_proba_one(features).get(True, 0.5)
    model.learn_one(features, True, w=1 / (1 + abs(true) + abs(false)))


def moved(confidence: float, probability: float | None) -> float:
    """A confidence in [0, 1] after hearing the model: the product of the odds, both bounded.

    Examples
    --------
    >>> moved(0.5, 0.75), moved(0.8, 0.5), moved(1.0, None), round(moved(1.0, 0.0), 2)
    (0.75, 0.8, 1.0, 0.68)
    """
    if probability is None:
        return confidence
    p = min(1 - TRUST, max(TRUST, probability))
    c = min(SURE, max(1 - SURE, confidence))
    return c * p / (c * p + (1 - c) * (1 - p))


def _named(features: Sequence[float]) -> dict[str, float]:
    return dict(zip(NAMES, np.nan_to_num(np.array(features)).tolist(), strict=True))
