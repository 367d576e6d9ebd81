"""Softmax regression with bounded weights, every sum in the same order.

A product of matrices by BLAS adds up in an order that depends on its threads and on the
processor, and a descent that is stopped after so many steps carries each last digit on. So the
loss is added up row by row here.
"""

from __future__ import annotations

import math

import numba
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]

SHRINK = 1e-3
STEPS = 150


def regress(x: F64, y: I64, weight: F64, bounds: tuple[F64, F64], free: int) -> F64:
    """Weights of the softmax that fits best, shape (columns, classes).

    The loss of the rows, each with its weight, plus :data:`SHRINK` times the squared weights,
    by :data:`STEPS` steps of L-BFGS-B.

    Parameters
    ----------
    x
        Shape (rows, columns).
    y
        Class of each row, shape (rows,).
    weight
        Of each row, ≥ 0, shape (rows,).
    bounds
        Least and greatest weight, each of shape (columns, classes).
    free
        Columns at the end that are not shrunk.

    Reference: Byrd, Lu, Nocedal & Zhu (1995), a limited memory algorithm for bound constrained
    optimization.
    """
    shape = bounds[0].shape

    def loss(flat: F64) -> tuple[float, F64]:
        weights = flat.reshape(shape)
        gradient, odds = np.zeros(shape), np.empty(shape[1])
        value = _add_up((x, y, weight), weights, odds, gradient)
        shrunk = weights.copy()
        shrunk[len(shrunk) - free :] = 0.0
        gradient += 2 * SHRINK * shrunk
        return value + SHRINK * float((shrunk**2).sum()), gradient.ravel()

    found = minimize(
        loss,
        np.zeros(shape[0] * shape[1]),
        jac=True,
        method="L-BFGS-B",
        bounds=np.stack([bound.ravel() for bound in bounds], axis=1),
        options={"maxiter": STEPS, "maxfun": 2 * STEPS},
    )
    return np.asarray(found.x.reshape(shape), np.float64)


# Not kept on disk: a fit takes minutes, compiling this a second.
@numba.njit  # type: ignore[untyped-decorator] # Numba has no types
def _add_up(rows: tuple[F64, I64, F64], weights: F64, odds: F64, gradient: F64) -> float:
    """Loss of all rows; adds their gradient to ``gradient``."""
    x, y, weight = rows
    loss = 0.0
    for row in range(len(x)):
        odds[:] = 0.0
        for column in range(x.shape[1]):
            value = x[row, column]
            if value != 0.0:
                for kind in range(len(odds)):
                    odds[kind] += value * weights[column, kind]
        most, total = odds.max(), 0.0
        for kind in range(len(odds)):
            odds[kind] = math.exp(odds[kind] - most)
            total += odds[kind]
        loss -= weight[row] * math.log(max(odds[y[row]] / total, 1e-12))
        for kind in range(len(odds)):
            odds[kind] *= weight[row] / total
        odds[y[row]] -= weight[row]
        for column in range(x.shape[1]):
            value = x[row, column]
            if value != 0.0:
                for kind in range(len(odds)):
                    gradient[column, kind] += value * odds[kind]
    return loss
