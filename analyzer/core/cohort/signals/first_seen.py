"""First seen: members showed up for the first time within hours of one another."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from analyzer.core.cohort.selection import Cohorts
from analyzer.core.cohort.signals.scale import clip
from analyzer.core.cohort.window import Window
from analyzer.core.contracts.event_time import DAY_S
from analyzer.core.kernels.jit import compiled

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]
I32 = NDArray[np.int32]

NAME, FAMILY, UNIT = "first_seen", "identity", "share of organisations"
MEANING = "many members appeared for the first time within the same six hours"
NEEDS = ()


def measure(cohorts: Cohorts) -> NDArray[np.float64]:
    """c((largest share first seen in one 6 h span − 0.25) / 0.5).

    The first day of history is left out, since everybody is new then; NaN before it ends.
    """
    window = cohorts.window
    if window.pane <= _begin(window):
        return np.full(len(cohorts), np.nan)
    span = window.once(_spans)
    most = np.zeros(len(cohorts))
    members = cohorts.matrix.indptr, cohorts.matrix.indices
    _most_together(members, span, np.zeros(int(span.max()) + 1), most)
    return clip((most / cohorts.size - 0.25) / 0.5)


def _begin(window: Window) -> int:
    return window.population.first_pane + DAY_S // window.config.pane_s


def _spans(window: Window) -> I64:
    """Span in which each organisation was first seen, −1 on the first day."""
    since = window.of_orgs("first_pane") - _begin(window)
    return np.where(since >= 0, since // max(1, 6 * 3_600 // window.config.pane_s), -1)


@compiled
def _most_together(members: tuple[I32, I32], span: I64, count: F64, most: F64) -> None:
    """Most members of each cohort in one span; ``count`` is 0 before and after each cohort."""
    starts, orgs = members
    for cohort in range(len(most)):
        for member in range(starts[cohort], starts[cohort + 1]):
            at = span[orgs[member]]
            if at >= 0:
                count[at] += 1.0
                most[cohort] = max(most[cohort], count[at])
        for member in range(starts[cohort], starts[cohort + 1]):
            if span[orgs[member]] >= 0:
                count[span[orgs[member]]] = 0.0
