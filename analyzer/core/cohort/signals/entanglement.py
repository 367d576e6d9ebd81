"""Network entanglement: members share address blocks more than their degrees predict."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from analyzer.core.cohort.selection import Cohorts
from analyzer.core.cohort.signals.needs import ADDRESS
from analyzer.core.cohort.signals.scale import clip, excess_overlap
from analyzer.core.contracts.object_kind import Kind

NAME, FAMILY, UNIT = "entanglement", "infrastructure", "nats per member"
MEANING = "members meet on the same address blocks far more often than chance"
NEEDS = (ADDRESS,)


def measure(cohorts: Cohorts) -> NDArray[np.float64]:
    """c(LLR / 6) of shared blocks, see :func:`.scale.excess_overlap`."""
    return clip(excess_overlap(cohorts, Kind.BLOCK) / 6)
