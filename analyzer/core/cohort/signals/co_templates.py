"""Co-template overlap: members share further templates more than their degrees predict."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from analyzer.core.cohort.selection import Cohorts
from analyzer.core.cohort.signals.needs import TEMPLATE
from analyzer.core.cohort.signals.scale import clip, excess_overlap
from analyzer.core.contracts.object_kind import Kind

NAME, FAMILY, UNIT = "co_templates", "work", "nats per member"
MEANING = "members share further prompt templates far more often than chance"
NEEDS = (TEMPLATE,)


def measure(cohorts: Cohorts) -> NDArray[np.float64]:
    """c(LLR / 6) of templates, see :func:`~analyzer.core.cohort.signals.scale.excess_overlap`."""
    return clip(excess_overlap(cohorts, Kind.TEMPLATE) / 6)
