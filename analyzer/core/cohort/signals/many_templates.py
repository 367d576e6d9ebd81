"""Many templates: every member does its own thing, as the customers of a reseller do."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from analyzer.core.cohort.selection import Cohorts
from analyzer.core.cohort.signals.scale import clip, divide
from analyzer.core.contracts.columns import Kind
from analyzer.core.kernels.jit import compiled

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]

NAME, FAMILY, UNIT = "many_templates", "against", "effective templates per member"
MEANING = "members use as many different templates as unrelated developers would"


def measure(cohorts: Cohorts) -> F64:
    """c(ln(eᴴ / n / 0.6) / ln 5), H the entropy of the members' traffic over templates."""
    shared = cohorts.shared(Kind.TEMPLATE)
    effective = effective_number(shared.starts, shared.requests)
    return clip(np.log(divide(effective, cohorts.size) / 0.6) / np.log(5))


def effective_number(starts: I64, values: F64) -> F64:
    """eᴴ of each range of values, H the entropy of their shares; NaN where all are 0.

    Reference: Hill (1973), Diversity and evenness.

    Examples
    --------
    >>> effective_number(np.array([0, 2, 2]), np.array([3.0, 3.0])).round(6).tolist()
    [2.0, nan]
    """
    found = np.empty(len(starts) - 1)
    _effective(starts, values, found)
    return found


@compiled
def _effective(starts: I64, values: F64, found: F64) -> None:
    for row in range(len(found)):
        total, entropy = 0.0, 0.0
        for i in range(starts[row], starts[row + 1]):
            total += values[i]
        for i in range(starts[row], starts[row + 1]):
            share = values[i] / max(total, 1.0)
            entropy += -share * np.log(max(share, 1e-12))
        found[row] = np.exp(entropy) if total > 0 else np.nan
