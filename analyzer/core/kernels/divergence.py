"""How far one share is from another, in nats."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from analyzer.core.kernels.jit import borrowing, compiled

F64 = NDArray[np.float64]


def over_share(share: F64, base: F64) -> F64:
    """Binary Kullback-Leibler divergence of ``share`` from ``base`` in nats, 0 if below it.

    Reference: Cover & Thomas, *Elements of Information Theory*, section 2.3.

    Examples
    --------
    >>> over_share(np.array([1.0, 0.1]), np.array([0.5, 0.5])).round(3)
    array([0.693, 0.   ])
    """
    divergence = np.empty(len(share))
    _over_shares(share, base, divergence)
    return divergence


@compiled
def _over_shares(share: F64, base: F64, divergence: F64) -> None:
    for i in range(len(share)):
        divergence[i] = nats_over(share[i], base[i])


@borrowing
def nats_over(share: float, base: float) -> float:
    """As :func:`over_share`, of one."""
    if share <= base:
        return 0.0
    p, q = min(max(share, 1e-12), 1 - 1e-12), min(max(base, 1e-12), 1 - 1e-12)
    return float(p * np.log(p / q) + (1 - p) * np.log((1 - p) / (1 - q)))
