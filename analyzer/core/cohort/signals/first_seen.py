"""First seen: members showed up for the first time within hours of one another."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from analyzer.core.cohort.selection import Cohorts
from analyzer.core.cohort.signals.scale import clip, one_hot
from analyzer.core.contracts.event_time import DAY_S

NAME, FAMILY, UNIT = "first_seen", "identity", "share of organisations"
MEANING = "many members appeared for the first time within the same six hours"


def measure(cohorts: Cohorts) -> NDArray[np.float64]:
    """c((largest share first seen in one 6 h span − 0.25) / 0.5).

    The first day of history is left out, since everybody is new then; NaN before it ends.
    """
    window = cohorts.window
    first = window.of_orgs("first_pane")
    begin = window.population.first_pane + DAY_S // window.config.pane_s
    if window.pane <= begin:
        return np.full(len(cohorts), np.nan)
    known = first >= begin
    span = np.where(known, (first - begin) // max(1, 6 * 3_600 // window.config.pane_s), 0)
    counts = np.asarray((cohorts.members @ one_hot(span, known)).todense())
    return clip((counts.max(axis=1) / cohorts.size - 0.25) / 0.5)
