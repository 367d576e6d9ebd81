"""Many templates: every member does its own thing, as the customers of a reseller do."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from analyzer.core.cohort.selection import Cohorts
from analyzer.core.cohort.signals.needs import TEMPLATE
from analyzer.core.cohort.signals.scale import clip, divide
from analyzer.core.contracts.object_kind import Kind

F64 = NDArray[np.float64]

NAME, FAMILY, UNIT = "many_templates", "against", "effective templates per member"
MEANING = "members use as many different templates as unrelated developers would"
NEEDS = (TEMPLATE,)


def measure(cohorts: Cohorts) -> F64:
    """c(ln(eᴴ / n / 0.6) / ln 5), H the entropy of the members' traffic over templates."""
    effective = cohorts.together(Kind.TEMPLATE).effective
    return clip(np.log(divide(effective, cohorts.size) / 0.6) / np.log(5))
