"""Creation scan: members' accounts were made at about the same time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from analyzer.core.cohort.selection import Cohorts
from analyzer.core.cohort.signals.scale import clip, over_share
from analyzer.core.contracts.event_time import DAY_S

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]

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
        step = np.where(known, (created - created[known].min()) // STEP_MS, -1)
        everyone = np.bincount(step[known]).astype(np.float64)
        row, at, share = _pairs(cohorts, step, len(everyone))
        base = everyone + np.append(everyone[1:], 0.0)
        divergence = over_share(share / np.maximum(n, 1.0)[row], base[at] / known.sum())
        np.maximum.at(excess, row, divergence)
    return np.where(n >= 5, clip(excess - 6 / np.maximum(n, 1.0)), np.nan)


def _pairs(cohorts: Cohorts, step: I64, steps: int) -> tuple[I64, I64, F64]:
    """Members in each step and the one after it together, where there are any.

    Returns
    -------
    Cohort, first step and number of members: one entry per (cohort, pair of steps).
    """
    members = cohorts.matrix
    row = np.repeat(np.arange(len(cohorts)), np.diff(members.indptr))
    at = step[members.indices]
    row, at = row[at >= 0], at[at >= 0]
    width = steps + 1
    both = np.concatenate([row * width + at, (row * width + at - 1)[at > 0]])
    key, count = np.unique(both, return_counts=True)
    return key // width, key % width, count.astype(np.float64)
