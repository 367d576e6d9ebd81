"""Half-Space Trees that do not learn what is strangest, with their state as bytes.

River's Half-Space Trees behind its QuantileFilter, over vectors of values in [0, 1]: what
scores above a quantile of all scores is strange and is not learned, so that what is under
suspicion does not become normal. The trees are arrays, which
:mod:`analyzer.core.kernels.half_spaces` walks down; River keeps the quantile, and its models are
the form in which they are saved. They take most of a second to load: who saves nothing goes
without.

Reference: Tan, Ting & Liu (2011), Fast anomaly detection for streaming data.
"""

from __future__ import annotations

import math
import random  # noqa: TID251 - seeded, and drawn from as River does
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from analyzer.core.cohort.models.safe_pickle import dump, load, probe
from analyzer.core.kernels import half_spaces

if TYPE_CHECKING:
    from river import anomaly, stats

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]

TREES, HEIGHT = 10, 6
PADDING = 0.15
"""Part of a space at either end in which it is not split."""


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
        """Made when the first vector is learned."""

    @cached_property
    def _quantile(self) -> stats.Quantile:
        """Of all scores."""
        from river import stats  # noqa: PLC0415 - River is not loaded before it is needed

        return stats.Quantile(self._strange)

    @cached_property
    def _model(self) -> anomaly.QuantileFilter:
        """What is saved."""
        from river import anomaly  # noqa: PLC0415 - as above

        trees = anomaly.HalfSpaceTrees(
            n_trees=TREES,
            height=HEIGHT,
            window_size=self._window,
            limits=dict.fromkeys(self._splits, (0.0, 1.0)),
            seed=self._seed,
        )
        model = anomaly.QuantileFilter(trees, q=self._strange, protect_anomaly_detector=True)
        model.quantile = self._quantile
        return model

    @property
    def known(self) -> bool:
        """True once enough was learned for a score to mean something."""
        return self._learned >= self._window

    def score(self, vectors: F64) -> F64:
        """How strange each vector is, in [0, 1]; vectors of shape (n, names)."""
        return np.clip(self._score(np.ascontiguousarray(vectors)), 0.0, 1.0)

    def are_strange(self, scores: F64) -> NDArray[np.bool_]:
        """True for scores above the quantile of those seen so far."""
        return np.asarray(scores >= self._limit())

    def _limit(self) -> float:
        """As River's ``classify`` has it: no score is strange while the quantile is 0."""
        return self._quantile.get() or math.inf

    def learn(self, vectors: F64) -> None:
        """Take vectors in, in order, unless they are of the strangest; shape (n, names)."""
        vectors = np.ascontiguousarray(vectors)
        if self._nodes is None:
            splits = _drawn(self._splits, self._seed)
            self._nodes = _Nodes(splits, self._names, self._window)
        while len(vectors):
            vectors = vectors[self._learn_some(vectors, self._nodes) :]

    def _learn_some(self, vectors: F64, nodes: _Nodes) -> int:
        """Take vectors in until the next generation of trees begins; how many of them.

        Until then no score depends on what is learned, so all are scored at once.
        """
        scores = nodes.score(vectors).tolist()
        for row, score in enumerate(scores):
            self._learned += 1
            strange = score >= self._limit()
            begins = not strange and nodes.learn(vectors[row : row + 1])
            self._quantile.update(score)
            if begins:
                return row + 1
        return len(scores)

    def _score(self, vectors: F64) -> F64:
        return np.zeros(len(vectors)) if self._nodes is None else self._nodes.score(vectors)

    def snapshot(self) -> bytes:
        """The model, the names that it knows and its count as bytes."""
        if self._nodes is not None:
            self._nodes.write_to(self._model.anomaly_detector, self._splits)
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
        self._quantile = self._model.quantile
        trees: Any = self._model.anomaly_detector
        self._seed = trees.seed
        self._nodes = None
        if trees.trees:
            self._nodes = _Nodes(_splits_of(trees), self._names, self._window)
            self._nodes.read_from(trees)

    def _try_out(self, learned: int, names: tuple[str, ...], model: anomaly.QuantileFilter) -> None:
        """Use a copy once in every way; any error will do."""
        vector = {str(name): 0.5 for name in names}
        model.classify(model.score_one(vector) + min(0.0, learned))  # type: ignore[no-untyped-call] # River's
        model.learn_one(vector)  # type: ignore[no-untyped-call] # River's


Split = tuple[str, float]
"""Name of the value by which a node splits its space, and where."""


class _Nodes:
    """The nodes of all trees as arrays of shape (trees, nodes), for the walk down.

    Parameters
    ----------
    splits
        Of the nodes above the leaves of each tree, row by row.
    names
        What the values of a vector are called.
    window
        Vectors from one generation of trees to the next.
    """

    def __init__(self, splits: list[list[Split]], names: Sequence[str], window: int) -> None:
        nodes = 2 * len(splits[0]) + 1
        self._window = window
        self._most = len(splits) * window * nodes
        column = {name: number for number, name in enumerate(names)}
        self._splits = (
            np.array([[column.get(name, -1) for name, _ in tree] for tree in splits]),
            np.array([[at for _, at in tree] for tree in splits]),
        )
        self._before, self._now = np.zeros((2, len(splits), nodes), np.int64)
        self._first, self._count = True, 0
        """Whether this is the first window, and vectors that it has learned."""

    def score(self, vectors: F64) -> F64:
        """River's score of each vector, 0 in the first window."""
        if self._first:
            return np.zeros(len(vectors))
        common = half_spaces.masses(vectors, self._splits, self._before, 0.1 * self._window)
        return np.asarray(1 - common / self._most)

    def learn(self, vector: F64) -> bool:
        """As River's ``learn_one``; shape (1, names).

        True if with this vector a new generation of trees has begun.
        """
        half_spaces.add(vector, self._splits, self._now)
        self._count += 1
        if self._count < self._window:
            return False
        self._before, self._now = self._now, np.zeros_like(self._now)
        self._first, self._count = False, 0
        return True

    def read_from(self, trees: Any) -> None:
        """Take over the masses of River's nodes."""
        rows = [list(_by_level(tree)) for tree in trees.trees]
        self._before = np.array([[node.r_mass for node in row] for row in rows], np.int64)
        self._now = np.array([[node.l_mass for node in row] for row in rows], np.int64)
        self._first = trees._first_window  # noqa: SLF001 - River tells it by this alone
        self._count = trees.counter

    def write_to(self, trees: Any, names: Sequence[str]) -> None:
        """Give River's nodes the masses that they have come to.

        Parameters
        ----------
        names
            What its trees ask for.
        """
        if not trees.trees:  # River makes them as it learns something
            trees.learn_one(dict.fromkeys(names, 0.0))
        for tree, before, now in zip(
            trees.trees, self._before.tolist(), self._now.tolist(), strict=True
        ):
            for node, old, new in zip(_by_level(tree), before, now, strict=True):
                node.r_mass, node.l_mass = old, new
        trees._first_window = self._first  # noqa: SLF001 - as above
        trees.counter = self._count


def _drawn(names: Sequence[str], seed: int) -> list[list[Split]]:
    """Splits of the nodes above the leaves of each tree, row by row, as River draws them."""
    rng = random.Random(seed)  # noqa: S311 - nothing secret
    found = []
    for _ in range(TREES):
        tree: list[Split] = [("", 0.0)] * (2**HEIGHT - 1)
        _draw(rng, dict.fromkeys(sorted(names), (0.0, 1.0)), tree, 0)
        found.append(tree)
    return found


def _draw(
    rng: random.Random, space: dict[str, tuple[float, float]], tree: list[Split], node: int
) -> None:
    """Split a space, and the halves to the left and to the right of it."""
    if node >= len(tree):
        return
    widths = [high - low for low, high in space.values()]
    name = rng.choices(list(space), widths)[0]
    low, high = space[name]
    margin = PADDING * (high - low)
    at = rng.uniform(low + margin, high - margin)
    tree[node] = name, at
    _draw(rng, {**space, name: (low, at)}, tree, 2 * node + 1)
    _draw(rng, {**space, name: (at, high)}, tree, 2 * node + 2)


def _splits_of(trees: Any) -> list[list[Split]]:
    """Those of River's trees, as :func:`_drawn` gives them."""
    above = 2**trees.height - 1
    return [[(n.feature, n.threshold) for n in list(_by_level(t))[:above]] for t in trees.trees]


def _by_level(tree: Any) -> Iterator[Any]:
    """All nodes row by row, each row from left to right."""
    row = [tree]
    while row:
        yield from row
        row = [below for node in row for below in getattr(node, "children", ())]
