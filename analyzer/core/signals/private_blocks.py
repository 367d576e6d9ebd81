"""Private blocks: traffic from address blocks that hardly anybody else uses."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from analyzer.core.cohorts import Cohorts
from analyzer.core.signals.scale import clip, inside_share
from analyzer.core.tables import Kind

NAME, FAMILY, UNIT = "private_blocks", "infrastructure", "share of requests"
MEANING = "traffic comes from address blocks that only members use"


def measure(cohorts: Cohorts) -> NDArray[np.float64]:
    """c(P / 0.5), P the share of traffic on blocks that live inside the cohort."""
    return clip(inside_share(cohorts, Kind.BLOCK) / 0.5)
