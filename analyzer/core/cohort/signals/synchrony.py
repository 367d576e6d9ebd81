"""Synchrony: members' traffic rises and falls together."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from analyzer.core.cohort.selection import Cohorts
from analyzer.core.cohort.signals.scale import clip

F64 = NDArray[np.float64]

NAME, FAMILY, UNIT = "synchrony", "timing", "variance ratio"
MEANING = "members are busy and quiet at the same hours, beyond everybody's daily rhythm"
NEEDS = ()


def measure(cohorts: Cohorts) -> F64:
    """c(ln(V / 2) / ln 8), V = Σₕ(Σᵢ rᵢₕ)² ÷ Σᵢₕ rᵢₕ².

    rᵢₕ = cᵢₕ − cᵢ pₕ is what organisation i did in part h of the window beyond the
    population's profile p (counts capped at 3). V is 1 under independence, whatever the
    dispersion. NaN for windows of fewer than 6 parts.
    """
    window = cohorts.window
    if window.parts.shape[1] < 6:
        return np.full(len(cohorts), np.nan)
    profile, apart = window.rhythm
    together = cohorts.total(window.parts) - np.outer(cohorts.requests, profile)
    ratio = (together**2).sum(axis=1) / np.maximum(cohorts.total(apart), 1e-9)
    return clip(np.log(np.maximum(ratio / 2, 1e-9)) / np.log(8))
