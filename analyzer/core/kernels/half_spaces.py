"""Walks down complete binary trees that halve a space again and again, for many vectors at once.

The nodes of a tree stand row by row: those below node ``i`` are ``2 i + 1``, to the left, and
``2 i + 2``.

Reference: Tan, Ting & Liu (2011), Fast anomaly detection for streaming data.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from analyzer.core.kernels.jit import borrowing, compiled

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]
Splits = tuple[I64, F64]
"""Feature and threshold of each node above the leaves, both of shape (trees, nodes); a feature
below 0 is one that vectors do not have, and is 0."""


def masses(vectors: F64, splits: Splits, mass: I64, least: float) -> F64:
    """How common each vector is: Σ mass · 2^depth down all trees, until mass is below ``least``.

    Parameters
    ----------
    vectors
        Shape (n, features).
    mass
        Shape (trees, nodes), leaves and all.

    Returns
    -------
    Shape (n,).

    Examples
    --------
    >>> splits, mass = (np.array([[0]]), np.array([[0.5]])), np.array([[3, 1, 2]])
    >>> masses(np.array([[0.1], [0.9]]), splits, mass, 0.0).tolist()
    [5.0, 7.0]
    """
    found = np.empty(len(vectors))
    _masses(vectors, splits, (mass, least), found)
    return found


@compiled
def _masses(vectors: F64, splits: Splits, of_nodes: tuple[I64, float], found: F64) -> None:
    mass, least = of_nodes
    inner = splits[0].shape[1]
    for row in range(len(vectors)):
        total = 0.0
        for tree in range(len(mass)):
            node, weight = 0, 1.0
            total += mass[tree, node]
            while node < inner and mass[tree, node] >= least:
                node, weight = _below(vectors, row, splits, tree, node), 2 * weight
                total += mass[tree, node] * weight
        found[row] = total


@compiled
def add(vectors: F64, splits: Splits, mass: I64) -> None:
    """Add one to the mass of each node that a vector comes by; shapes as in :func:`masses`."""
    inner = splits[0].shape[1]
    for row in range(len(vectors)):
        for tree in range(len(mass)):
            node = 0
            mass[tree, node] += 1
            while node < inner:
                node = _below(vectors, row, splits, tree, node)
                mass[tree, node] += 1


@borrowing
def _below(vectors: F64, row: int, splits: Splits, tree: int, node: int) -> int:
    feature, threshold = splits
    at = feature[tree, node]
    value = vectors[row, at] if at >= 0 else 0.0
    return 2 * node + (1 if value < threshold[tree, node] else 2)
