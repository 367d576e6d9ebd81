"""Creation scan: members' accounts were made at about the same time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from analyzer.core.cohort.selection import Cohorts
from analyzer.core.cohort.signals.scale import clip
from analyzer.core.cohort.window import Window
from analyzer.core.contracts.event_time import DAY_S
from analyzer.core.kernels.divergence import nats_over
from analyzer.core.kernels.jit import compiled

F64 = NDArray[np.float64]
I32 = NDArray[np.int32]
I64 = NDArray[np.int64]

NAME, FAMILY, UNIT = "creation_scan", "identity", "nats"
MEANING = "many of the accounts were created within a few days"
NEEDS = (("account_created_ms",),)
STEP_MS = 2 * DAY_S * 1_000


def measure(cohorts: Cohorts) -> F64:
    """c(KL − 6/n), the greatest divergence over 4-day creation windows sliding by 2 days.

    The share of members created in a window is measured against the share of all active
    organisations; NaN where fewer than 5 members have a creation time.

    Reference: Kulldorff (1997), a spatial scan statistic.
    """
    step, base = cohorts.window.once(_steps)
    n = cohorts.total(step >= 0)
    excess = np.zeros(len(cohorts))
    members = cohorts.matrix.indptr, cohorts.matrix.indices
    _scan(members, step, (n, base), np.zeros((2, len(base) + 1), np.int64), excess)
    return np.where(n >= 5, clip(excess - 6 / np.maximum(n, 1.0)), np.nan)


def _steps(window: Window) -> tuple[I64, F64]:
    """Step in which each organisation was created, −1 if unknown; share of all in two of them."""
    created = window.of_orgs("created_ms")
    known = created >= 0
    if not known.any():
        return np.full(len(created), -1), np.zeros(0)
    step = np.where(known, (created - created[known].min()) // STEP_MS, -1)
    everyone = np.bincount(step[known]).astype(np.float64)
    return step, (everyone + np.append(everyone[1:], 0.0)) / known.sum()


@compiled
def _scan(
    members: tuple[I32, I32], step: I64, null: tuple[F64, F64], count: I64, excess: F64
) -> None:
    """Greatest divergence over pairs of a step and the one after it in which members are.

    Parameters
    ----------
    count
        Members in each step, and whether it was looked at; 0 before and after each cohort.
    """
    (starts, orgs), (n, base) = members, null
    for cohort in range(len(excess)):
        for member in range(starts[cohort], starts[cohort + 1]):
            if step[orgs[member]] >= 0:
                count[0, step[orgs[member]]] += 1
        for member in range(starts[cohort], starts[cohort + 1]):
            last = step[orgs[member]]
            if last < 0 or count[1, last]:
                continue
            count[1, last] = 1
            for first in range(max(0, last - 1), last + 1):
                share = float(count[0, first] + count[0, first + 1]) / max(n[cohort], 1.0)
                excess[cohort] = max(excess[cohort], nats_over(share, base[first]))
        for member in range(starts[cohort], starts[cohort + 1]):
            if step[orgs[member]] >= 0:
                count[:, step[orgs[member]]] = 0
