"""Narrowness: members do what hardly anybody else does."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from analyzer.core.cohort.selection import Cohorts
from analyzer.core.cohort.signals.needs import TEMPLATE
from analyzer.core.cohort.signals.scale import clip, divide
from analyzer.core.contracts.object_kind import Kind

NAME, FAMILY, UNIT = "narrowness", "work", "share of requests"
MEANING = "members' other traffic is on templates that live inside the group"
NEEDS = (TEMPLATE,)


def measure(cohorts: Cohorts) -> NDArray[np.float64]:
    """c(N / 0.4), N the share of traffic on templates that live inside the cohort.

    The defining template is left out.
    """
    return clip(divide(cohorts.together(Kind.TEMPLATE).inside, cohorts.requests) / 0.4)
