"""One block: nearly all traffic comes from one place, as from a campus or an office."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from analyzer.core.cohort.selection import Cohorts
from analyzer.core.cohort.signals.needs import ADDRESS
from analyzer.core.cohort.signals.scale import clip, divide
from analyzer.core.contracts.object_kind import Kind

NAME, FAMILY, UNIT = "one_block", "against", "share of requests"
MEANING = "nearly all traffic comes from a single address block, as from a campus or an office"
NEEDS = (ADDRESS,)


def measure(cohorts: Cohorts) -> NDArray[np.float64]:
    """c((share of traffic on the top block − 0.7) / 0.25); NaN where no address is known."""
    blocks = cohorts.together(Kind.BLOCK)
    return clip((divide(blocks.top, blocks.requests) - 0.7) / 0.25)
