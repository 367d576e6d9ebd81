"""Balance: the members' volumes are too equal."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from analyzer.core.cohort.selection import Cohorts
from analyzer.core.cohort.signals.scale import clip
from analyzer.core.kernels.jit import compiled
from analyzer.core.kernels.matrix_sums import row_totals

F64 = NDArray[np.float64]

NAME, FAMILY, UNIT = "balance", "balance", "dispersion index"
MEANING = "members send almost equally many requests"
NEEDS = ()


def measure(cohorts: Cohorts) -> F64:
    """Dispersion of the members' counts below a zero-truncated Poisson null.

    The mean over all traffic and over traffic on the defining object of
    c((D₀ − ln D) / max(D₀, 0.7)) · c(D₀ √n / 6), with D₀ = ln(1 + 1.5 m), m the mean count and
    D the variance of the counts over that of a zero-truncated Poisson of the same mean.

    Reference: Johnson, Kemp & Kotz, *Univariate Discrete Distributions*, section 4.10.
    """
    requests = cohorts.window.totals[:, 0].astype(np.float64)
    everywhere = _evenness(cohorts.size, cohorts.requests, cohorts.total(requests**2))
    squares = row_totals(cohorts.matrix.indptr, cohorts.matrix.data**2)
    on_object = _evenness(cohorts.size, cohorts.requests_on_object, squares)
    return (everywhere + on_object) / 2


def _evenness(n: F64, total: F64, squares: F64) -> F64:
    mean = total / n
    variance = np.maximum(squares - n * mean**2, 0.0) / np.maximum(n - 1, 1.0)
    null = truncated_poisson_variance(mean)
    usual = np.log1p(1.5 * mean)
    dispersion = np.maximum(variance, 1e-9) / np.maximum(null, 1e-3)
    evenness = clip((usual - np.log(dispersion)) / np.maximum(usual, 0.7))
    return np.where(mean > 1.05, evenness * clip(usual * np.sqrt(n) / 6), 0.0)


def truncated_poisson_variance(mean: F64) -> F64:
    """Variance of a zero-truncated Poisson with the given means (≥ 1).

    λ solves mean = λ / (1 − e^−λ); the variance is mean · (1 + λ − mean).

    Examples
    --------
    >>> truncated_poisson_variance(np.array([1.582, 50.0])).round(2)
    array([ 0.66, 50.  ])
    """
    variance = np.empty(len(mean))
    _truncated(mean, variance)
    return variance


@compiled
def _truncated(means: F64, variance: F64) -> None:
    for i in range(len(means)):
        mean = means[i]
        rate = max(mean - 1 / max(mean, 1.0), 1e-6)
        for _ in range(30):
            before, rate = rate, max(mean * -np.expm1(-rate), 1e-6)
            if rate == before:
                break
        variance[i] = mean * (1 + rate - mean)
