"""Half-Space Trees that do not learn what is strangest, with their state as bytes.

River's Half-Space Trees behind its QuantileFilter, over vectors of values in [0, 1]: what
scores above a quantile of all scores is strange and is not learned, so that what is under
suspicion does not become normal.

Reference: Tan, Ting & Liu (2011), Fast anomaly detection for streaming data.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from analyzer.core.cohort.models.safe_pickle import dump, load, probe

if TYPE_CHECKING:
    from river import anomaly

TREES, HEIGHT = 10, 6


class Trees:
    """Scores vectors and learns them; the order of the calls is part of the answer.

    Parameters
    ----------
    names
        What the values of a vector are called, in order.
    window
        Vectors to learn before anything is known, and from one generation of trees to the next.
    strange
        Quantile of scores, in [0, 1], from which a vector is strange.
    seed
        Seed of the trees.
    """

    def __init__(self, names: Sequence[str], *, window: int, strange: float, seed: int) -> None:
        self._strange, self._seed = strange, seed
        self._names = self._splits = tuple(names)
        """What a vector holds, and what the trees ask for: a restored model asks for the names
        that it was made with."""
        self._window = window
        self._learned = 0

    @cached_property
    def _model(self) -> anomaly.QuantileFilter:
        """Made when it is first asked: River takes a second to load."""
        from river import anomaly  # noqa: PLC0415 - as above

        trees = anomaly.HalfSpaceTrees(
            n_trees=TREES,
            height=HEIGHT,
            window_size=self._window,
            limits=dict.fromkeys(self._names, (0.0, 1.0)),
            seed=self._seed,
        )
        return anomaly.QuantileFilter(trees, q=self._strange, protect_anomaly_detector=True)

    @property
    def known(self) -> bool:
        """True once enough was learned for a score to mean something."""
        return self._learned >= self._window

    def score_one(self, vector: Sequence[float]) -> float:
        """In [0, 1], high is strange."""
        return min(1.0, max(0.0, float(self._model.score_one(self._named(vector)))))

    def is_strange(self, score: float) -> bool:
        """True if the score is above the quantile of those seen so far."""
        return bool(self._model.classify(score))  # type: ignore[no-untyped-call] # River's

    def learn_one(self, vector: Sequence[float]) -> None:
        """Take the vector in, unless it is one of the strangest."""
        self._learned += 1
        self._model.learn_one(self._named(vector))  # type: ignore[no-untyped-call] # River's

    def _named(self, vector: Sequence[float]) -> dict[str, float]:
        named = dict(zip(self._names, vector, strict=True))
        return {name: named.get(name, 0.0) for name in self._splits}

    def snapshot(self) -> bytes:
        """The model, the names that it knows and its count as bytes."""
        return dump((self._learned, self._splits, self._model))

    def restore(self, data: bytes) -> None:
        """Put back what :meth:`snapshot` gave.

        Raises
        ------
        StateError
            If the bytes are no such model.
        """
        probe(lambda: self._try_out(*load(data)))
        self._learned, self._splits, self._model = load(data)

    def _try_out(self, learned: int, names: tuple[str, ...], model: anomaly.QuantileFilter) -> None:
        """Use a copy once in every way; any error will do."""
        vector = {str(name): 0.5 for name in names}
        model.classify(model.score_one(vector) + min(0.0, learned))  # type: ignore[no-untyped-call] # River's
        model.learn_one(vector)  # type: ignore[no-untyped-call] # River's
