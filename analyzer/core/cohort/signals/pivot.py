"""Pivot: members move to a new model faster than the population."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from analyzer.core.cohort.selection import Cohorts
from analyzer.core.cohort.signals.scale import clip
from analyzer.core.cohort.window import Window
from analyzer.core.contracts.event_time import DAY_S
from analyzer.core.contracts.object_kind import Kind

NAME, FAMILY, UNIT = "pivot", "timing", "share of requests"
MEANING = "members moved to the new model together, ahead of everybody else"
NEEDS = ()
NEW_FOR_S = 7 * DAY_S


def measure(cohorts: Cohorts) -> NDArray[np.float64]:
    """c((members' share on new models − population's − 3 sd/√n) / 0.2).

    A model is new for seven days after its first use; models of the first day of history
    are not new. NaN while there is no new model.
    """
    share = cohorts.window.once(_share_on_new)
    if share is None:
        return np.full(len(cohorts), np.nan)
    usual, spread = float(share.mean()), float(share.std())
    return clip((cohorts.mean(share) - usual - 3 * spread / np.sqrt(cohorts.size)) / 0.2)


def _share_on_new(window: Window) -> NDArray[np.float64] | None:
    """Share of each organisation's requests on new models; None while there is no new model."""
    models = window.pairs.things_of(Kind.MODEL)
    first = window.population.objects["first_pane"][models]
    pane_s = window.config.pane_s
    new = (first >= window.pane - NEW_FOR_S // pane_s) & (
        first >= window.population.first_pane + DAY_S // pane_s
    )
    if not new.any():
        return None
    use = window.usage(Kind.MODEL).matrix
    on_new = np.asarray(use @ new.astype(np.float64)).ravel()
    return np.asarray(on_new / np.maximum(window.totals[:, 0], 1))
