"""Many templates: every member does its own thing, as the customers of a reseller do."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from analyzer.core.cohort.selection import Cohorts
from analyzer.core.cohort.signals.scale import clip, divide, row_sums
from analyzer.core.contracts.columns import Kind

NAME, FAMILY, UNIT = "many_templates", "against", "effective templates per member"
MEANING = "members use as many different templates as unrelated developers would"


def measure(cohorts: Cohorts) -> NDArray[np.float64]:
    """c(ln(eᴴ / n / 0.6) / ln 5), H the entropy of the members' traffic over templates."""
    shared = cohorts.shared(Kind.TEMPLATE)
    n = len(cohorts)
    total = row_sums(shared, shared.requests, n)
    p = shared.requests / np.maximum(total[shared.row], 1.0)
    entropy = row_sums(shared, -p * np.log(np.maximum(p, 1e-12)), n)
    effective = np.where(total > 0, np.exp(entropy), np.nan)
    return clip(np.log(divide(effective, cohorts.size) / 0.6) / np.log(5))
