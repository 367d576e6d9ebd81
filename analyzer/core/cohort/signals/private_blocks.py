"""Private blocks: traffic from address blocks that hardly anybody else uses."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from analyzer.core.cohort.selection import Cohorts
from analyzer.core.cohort.signals.needs import ADDRESS
from analyzer.core.cohort.signals.scale import clip, divide
from analyzer.core.contracts.object_kind import Kind

NAME, FAMILY, UNIT = "private_blocks", "infrastructure", "share of requests"
MEANING = "traffic comes from address blocks that only members use"
NEEDS = (ADDRESS,)


def measure(cohorts: Cohorts) -> NDArray[np.float64]:
    """c(P / 0.4), P the share of traffic on blocks that live inside the cohort.

    The block with most traffic is left out, see :mod:`analyzer.core.cohort.together`.
    """
    inside = cohorts.together(Kind.BLOCK).inside_besides_top
    return clip(divide(inside, cohorts.requests) / 0.4)
