"""The kinds of groups, going on to learn online: River's softmax regression over the shipped one.

It begins with the fitted weights and takes one step of stochastic gradient descent for each
reading of a campaign that people have judged::

    verdict        lesson
    true           the likeliest kind of operation was right
    false          the likeliest kind of innocents was right

What a verdict moves is the probability of each kind, for this and all like campaigns, by the
next reading. What it can't move is the guard of :mod:`analyzer.core.campaign.kind`, whose bounds
are fixed, nor the sign of a weight that must not turn.

Reference: Bottou (2010), Large-scale machine learning with stochastic gradient descent.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from analyzer.core.campaign.campaign_state import Reading
from analyzer.core.campaign.measure import FEATURES
from analyzer.core.campaign.models.kind_model import OPERATION, KindModel, bounds_of
from analyzer.errors import StateError

if TYPE_CHECKING:
    from river import linear_model

F64 = NDArray[np.float64]

STEP = 0.002
"""Of the descent: one reading moves the odds of a campaign like it by about a half."""


class KindLearner:
    """The shipped model and what verdicts have taught since.

    Scores are those of River's ``predict_proba_one``, for many groups in one product; the order
    of the lessons is part of the answer.
    """

    def __init__(self, shipped: KindModel) -> None:
        self.model = shipped
        self._shipped = shipped
        self._bounds = bounds_of(shipped.classes)
        self.lessons = 0
        """Readings learned from."""

    @property
    def version(self) -> str:
        """Version of the shipped model, and how many readings were learned from since."""
        return f"{self.model.version}.{self.lessons}" if self.lessons else self.model.version

    def learn_one(self, readings: Iterable[Reading], *, true: bool) -> None:
        """Take the latest readings of a judged campaign."""
        for reading in readings:
            vector = np.array([[reading.features.get(name, np.nan) for name in FEATURES]])
            kind = self._likeliest(reading, true=true)
            if kind is not None:
                self._learn(self.model.columns(vector, reading.window_s)[0], kind)

    def _likeliest(self, reading: Reading, *, true: bool) -> str | None:
        """The likeliest kind that the verdict leaves."""
        left = [
            kind
            for kind, class_ in zip(self.model.kinds, self.model.classes, strict=True)
            if (class_ == OPERATION) == true
        ]
        return max(left, key=lambda kind: (reading.kinds.get(kind, 0.0), kind), default=None)

    def _learn(self, columns: F64, kind: str) -> None:
        river = as_river(self.model)
        river.learn_one(named(columns), kind)  # type: ignore[no-untyped-call] # River has no types
        learned = [[river.weights[k][i] for k in self.model.kinds] for i in range(len(columns))]
        low, high = self._bounds
        self.model = self.model.with_weights(np.clip(np.array(learned), low, high))
        self.lessons += 1

    def state(self) -> dict[str, Any]:
        """What was learned, as plain data; nothing before the first lesson."""
        weights = self.model.weights.tolist() if self.lessons else []
        return {"version": self._shipped.version, "lessons": self.lessons, "weights": weights}

    def restore(self, state: dict[str, Any]) -> None:
        """Put back what :meth:`state` gave; lessons to another shipped model are void.

        Raises
        ------
        StateError
            If the weights are no such matrix.
        """
        self.model, self.lessons = self._shipped, 0
        if state["version"] != self._shipped.version or not state["lessons"]:
            return
        weights = np.array(state["weights"], np.float64)
        if weights.shape != self.model.weights.shape or not np.isfinite(weights).all():
            raise StateError("the weights of the kinds are damaged")
        self.model, self.lessons = self.model.with_weights(weights), state["lessons"]


def as_river(model: KindModel) -> linear_model.SoftmaxRegression:
    """The same model in River's own form: it predicts the same and can go on learning."""
    from river import linear_model, optim  # noqa: PLC0415 - takes a second to load

    river = linear_model.SoftmaxRegression(optimizer=optim.SGD(STEP))
    for kind, column in zip(model.kinds, model.weights.T.tolist(), strict=True):
        river.weights[kind].update(enumerate(column))
    return river


def named(columns: F64) -> dict[int, float]:
    """Columns of one reading, as River takes them."""
    return dict(enumerate(columns.tolist()))
