"""Popular: so many organisations use the object that it is common property."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from analyzer.core.cohort.selection import Cohorts
from analyzer.core.cohort.signals.scale import clip

NAME, FAMILY, UNIT = "popular", "against", "share of organisations"
MEANING = "a good part of all customers use it"
NEEDS = ()


def measure(cohorts: Cohorts) -> NDArray[np.float64]:
    """c(ln(n / N / 0.1) / ln 3), N the active organisations of the window."""
    share = cohorts.size / max(1, cohorts.window.n_active)
    return clip(np.log(share / 0.1) / np.log(3))
