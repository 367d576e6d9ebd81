"""Rotation: requests come from address blocks that nobody has ever used before."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from analyzer.core.cohort.selection import Cohorts
from analyzer.core.cohort.signals.needs import ADDRESS
from analyzer.core.cohort.signals.scale import clip, divide
from analyzer.core.contracts.event_time import DAY_S
from analyzer.core.contracts.object_kind import Kind

NAME, FAMILY, UNIT = "rotation", "infrastructure", "share of requests"
MEANING = "requests keep coming from address blocks never seen before"
NEEDS = (ADDRESS,)


def measure(cohorts: Cohorts) -> NDArray[np.float64]:
    """c((share on never-seen blocks − population's − 0.1) / 0.4) · c(requests / 30).

    A block is never seen if its first use lies inside the window. The population's share is
    taken off, so that the first days, when every block is new, accuse nobody. NaN until there
    is a day of history before the window.
    """
    window = cohorts.window
    if window.start_pane * window.config.pane_s < (
        window.population.first_pane * window.config.pane_s + DAY_S
    ):
        return np.full(len(cohorts), np.nan)
    usage, blocks = window.usage(Kind.BLOCK), cohorts.together(Kind.BLOCK)
    fresh = usage.volume[window.fresh(Kind.BLOCK)]
    usual = float(fresh.sum() / max(1.0, usage.volume.sum()))
    share = divide(blocks.fresh, blocks.requests)
    return clip((share - usual - 0.1) / 0.4) * clip(blocks.requests / 30)
