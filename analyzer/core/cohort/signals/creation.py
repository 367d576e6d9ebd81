"""Creation scan: members' accounts were made at about the same time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from analyzer.core.cohort.selection import Cohorts
from analyzer.core.cohort.signals.scale import clip, one_hot, over_share
from analyzer.core.contracts.event_time import DAY_S

F64 = NDArray[np.float64]

NAME, FAMILY, UNIT = "creation_scan", "identity", "nats"
MEANING = "many of the accounts were created within a few days"
STEP_MS = 2 * DAY_S * 1_000


def measure(cohorts: Cohorts) -> F64:
    """c(KL − 6/n), the greatest divergence over 4-day creation windows sliding by 2 days.

    The share of members created in a window is measured against the share of all active
    organisations; NaN where fewer than 5 members have a creation time.

    Reference: Kulldorff (1997), a spatial scan statistic.
    """
    created = cohorts.window.of_orgs("created_ms")
    known = created >= 0
    n = cohorts.total(known)
    excess = np.zeros(len(cohorts))
    if known.any():
        step = np.where(known, (created - created[known].min()) // STEP_MS, 0)
        steps = one_hot(step, known)
        own = np.asarray((cohorts.members @ steps).todense())
        everyone = np.asarray(steps.sum(axis=0)).ravel()
        share = _pairs(own) / np.maximum(n, 1.0)[:, None]
        base = _pairs(everyone[None, :]) / known.sum()
        excess = over_share(share, np.broadcast_to(base, share.shape)).max(axis=1)
    return np.where(n >= 5, clip(excess - 6 / np.maximum(n, 1.0)), np.nan)


def _pairs(counts: F64) -> F64:
    """Counts of each column and the one after it together."""
    after = np.zeros_like(counts)
    after[:, :-1] = counts[:, 1:]
    return counts + after
