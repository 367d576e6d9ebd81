"""Rotation: requests come from address blocks that nobody has ever used before."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from analyzer.core.cohort.selection import Cohorts
from analyzer.core.cohort.signals.scale import clip, divide, most_of
from analyzer.core.contracts.columns import Kind
from analyzer.core.contracts.event_time import DAY_S
from analyzer.core.kernels.jit import compiled

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]
I32 = NDArray[np.int32]
Bool = NDArray[np.bool_]

NAME, FAMILY, UNIT = "rotation", "infrastructure", "share of requests"
MEANING = "requests keep coming from address blocks never seen before"


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
    usage, shared = window.usage(Kind.BLOCK), cohorts.shared(Kind.BLOCK)
    fresh = window.population.objects["first_pane"][usage.objects] >= window.start_pane
    requests, on_fresh = np.zeros((2, len(cohorts)))
    entries = shared.starts, shared.column, shared.requests, shared.own
    _on_fresh(entries, fresh, requests, on_fresh)
    usual = float(usage.volume[fresh].sum() / max(1.0, usage.volume.sum()))
    share = divide(on_fresh, requests)
    return clip((share - usual - 0.1) / 0.4) * clip(requests / 30)


@compiled
def _on_fresh(
    entries: tuple[I64, I32, F64, Bool], fresh: Bool, requests: F64, on_fresh: F64
) -> None:
    """Requests of each cohort, and those on fresh objects that neither define nor lead it."""
    starts, column, amounts, own = entries
    for cohort in range(len(requests)):
        top = most_of(amounts, starts[cohort], starts[cohort + 1])
        for i in range(starts[cohort], starts[cohort + 1]):
            requests[cohort] += amounts[i]
            if fresh[column[i]] and not own[i] and amounts[i] < top:
                on_fresh[cohort] += amounts[i]
