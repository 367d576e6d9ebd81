"""Half-Space Trees that do not learn what is strangest, with their state as bytes.

River's Half-Space Trees behind its QuantileFilter, over vectors of values in [0, 1]: what
scores above a quantile of all scores is strange and is not learned, so that what is under
suspicion does not become normal. River makes the trees and keeps the quantile and the state;
:mod:`analyzer.core.kernels.half_spaces` walks down them.

Reference: Tan, Ting & Liu (2011), Fast anomaly detection for streaming data.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from analyzer.core.cohort.models.safe_pickle import dump, load, probe
from analyzer.core.kernels import half_spaces

if TYPE_CHECKING:
    from river import anomaly

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]

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
        self._nodes: _Nodes | None = None

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

    def score(self, vectors: F64) -> F64:
        """How strange each vector is, in [0, 1]; vectors of shape (n, names)."""
        return np.clip(self._score(np.ascontiguousarray(vectors)), 0.0, 1.0)

    def are_strange(self, scores: F64) -> NDArray[np.bool_]:
        """True for scores above the quantile of those seen so far."""
        return np.asarray(self._model.classify(scores))  # type: ignore[no-untyped-call] # River's

    def learn(self, vectors: F64) -> None:
        """Take vectors in, in order, unless they are of the strangest; shape (n, names)."""
        vectors = np.ascontiguousarray(vectors)
        for row in range(len(vectors)):
            vector = vectors[row : row + 1]
            self._learned += 1
            if self._nodes is None:  # River makes its trees as it learns the first
                named = dict(zip(self._names, vector[0].tolist(), strict=True))
                asked = {name: named.get(name, 0.0) for name in self._splits}
                self._model.learn_one(asked)  # type: ignore[no-untyped-call] # River's
                self._nodes = _Nodes(self._model.anomaly_detector, self._names)
                continue
            score = self._score(vector)
            if not self.are_strange(score)[0]:
                self._nodes.learn(vector)
            self._model.quantile.update(float(score[0]))

    def _score(self, vectors: F64) -> F64:
        return np.zeros(len(vectors)) if self._nodes is None else self._nodes.score(vectors)

    def snapshot(self) -> bytes:
        """The model, the names that it knows and its count as bytes."""
        if self._nodes is not None:
            self._nodes.write_back()
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
        trees: Any = self._model.anomaly_detector
        self._nodes = _Nodes(trees, self._names) if trees.trees else None

    def _try_out(self, learned: int, names: tuple[str, ...], model: anomaly.QuantileFilter) -> None:
        """Use a copy once in every way; any error will do."""
        vector = {str(name): 0.5 for name in names}
        model.classify(model.score_one(vector) + min(0.0, learned))  # type: ignore[no-untyped-call] # River's
        model.learn_one(vector)  # type: ignore[no-untyped-call] # River's


class _Nodes:
    """The nodes of River's trees as arrays of shape (trees, nodes), for the walk down.

    Parameters
    ----------
    trees
        Have been made; counter and first window stay with them.
    names
        What the values of a vector are called.
    """

    def __init__(self, trees: Any, names: Sequence[str]) -> None:
        self._trees = trees
        self._most = trees.n_trees * trees.window_size * (2 ** (trees.height + 1) - 1)
        rows = [list(_by_level(tree)) for tree in trees.trees]
        inner = 2**trees.height - 1
        column = {name: number for number, name in enumerate(names)}
        self._splits = (
            np.array([[column.get(node.feature, -1) for node in row[:inner]] for row in rows]),
            np.array([[node.threshold for node in row[:inner]] for row in rows]),
        )
        self._before = np.array([[node.r_mass for node in row] for row in rows], np.int64)
        self._now = np.array([[node.l_mass for node in row] for row in rows], np.int64)

    def score(self, vectors: F64) -> F64:
        """River's score of each vector, 0 in the first window."""
        trees = self._trees
        if trees._first_window:  # noqa: SLF001 - River tells it by this alone
            return np.zeros(len(vectors))
        common = half_spaces.masses(vectors, self._splits, self._before, trees.size_limit)
        return np.asarray(1 - common / self._most)

    def learn(self, vector: F64) -> None:
        """As River's ``learn_one`` once the trees are made; shape (1, names)."""
        half_spaces.add(vector, self._splits, self._now)
        trees = self._trees
        trees.counter += 1
        if trees.counter == trees.window_size:
            self._before, self._now = self._now, np.zeros_like(self._now)
            trees._first_window, trees.counter = False, 0  # noqa: SLF001 - as above

    def write_back(self) -> None:
        """Give River's nodes the masses that they have come to."""
        for tree, before, now in zip(
            self._trees.trees, self._before.tolist(), self._now.tolist(), strict=True
        ):
            for node, old, new in zip(_by_level(tree), before, now, strict=True):
                node.r_mass, node.l_mass = old, new


def _by_level(tree: Any) -> Iterator[Any]:
    """All nodes row by row, each row from left to right."""
    row = [tree]
    while row:
        yield from row
        row = [below for node in row for below in getattr(node, "children", ())]
