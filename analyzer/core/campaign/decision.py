"""Which cohorts of a pane are found: all that must hold at once.

A cohort is a suspect if its fused score passes the threshold, two families of evidence are
strong, and it neither sits in one place nor is a loose group. Suspects are found as far as the
rate of false discoveries allows: their suspicion against that of innocent cohorts of the same
sort makes an e-value, and e-BH decides over all cohorts judged in the pane.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analyzer.core.campaign.baseline import Baseline
from analyzer.core.cohort.catalog import NAMES
from analyzer.core.cohort.fusion import FAMILIES_NEEDED, STRONG, Fusion, strong_families
from analyzer.core.config import CoreConfig
from analyzer.core.contracts.calibration import strata_of
from analyzer.core.contracts.cohort_columns import FACTS, CohortColumns
from analyzer.core.contracts.object_kind import Kind
from analyzer.core.kernels.e_values import discoveries

F64 = NDArray[np.float64]
Bool = NDArray[np.bool_]

SHARPNESS = 3.0
"""Power of the odds that makes the suspicion: the higher, the more the few strangest of the
innocent set what is usual, and the more a clear case stands out from them."""
MOST_ODDS = 1e6
ONE_PLACE, MOSTLY_HERE = 0.5, 0.5
"""From this value of ``one_block``, or share of traffic from the common block, on, the members
sit in one place."""
PAID_TOGETHER = 0.5
LIVES_INSIDE, KEEPS_INSIDE = 0.6, 0.4
"""From these values of ``private_blocks`` or ``narrowness`` on, a group keeps to itself."""


@dataclass(frozen=True, slots=True)
class Judged:
    """How the cohorts of a pane stand; arrays of shape (cohorts,)."""

    outside: F64
    """Outside evidence in [-1, 1]."""
    score: F64
    """Fused score in [0, 1]; of an account alone, its anomaly."""
    suspicion: F64
    """Odds to the power of :data:`SHARPNESS`; 0 where something else than the score excuses."""
    suspect: Bool
    """True where the score passes and nothing excuses."""
    found: Bool
    """True for suspects that e-BH lets pass, and for accounts that the triage named."""


def judge(
    cohorts: CohortColumns, outside: F64, fusion: Fusion, baseline: Baseline, config: CoreConfig
) -> Judged:
    """Decide on all cohorts of a pane.

    Parameters
    ----------
    outside
        Outside evidence in [-1, 1], shape (cohorts,). It counts in the score and so in the
        e-value, which then holds as far as the evidence does.
    """
    score = fusion.score(cohorts.features, outside)
    suspicion = suspicion_of(cohorts, score, outside)
    doubtful = (cohorts.newcomers == 1) | (cohorts.kind == Kind.GRAPH)
    threshold = config.alert_threshold
    suspect = (suspicion > 0) & (score >= np.where(doubtful, _raised(threshold), threshold))
    alone = cohorts.kind == Kind.ACCOUNT
    found = alone | suspect
    e = baseline.e_values(strata_of(cohorts), suspicion)
    found[~alone] &= discoveries(e[~alone], config.fdr)
    score = np.where(alone, cohorts.facts[:, FACTS.index("anomaly")], score)
    return Judged(outside, score, suspicion, suspect, found)


def suspicion_of(cohorts: CohortColumns, score: F64, outside: F64 | float = 0.0) -> F64:
    """How suspicious each cohort looks, ≥ 0; shape (cohorts,)."""
    odds = np.minimum(score / np.maximum(1 - score, 1 / MOST_ODDS), MOST_ODDS)
    guilty = strong_families(cohorts.features, outside) >= FAMILIES_NEEDED
    guilty &= (cohorts.kind != Kind.ACCOUNT) & ~_one_place(cohorts) & ~_loose(cohorts)
    return np.where(guilty, odds**SHARPNESS, 0.0)


def focus_of(facts: F64) -> F64:
    """Share of the members' traffic on the defining object; shape of ``facts`` but the last."""
    requests = np.maximum(1.0, facts[..., FACTS.index("requests")])
    return np.asarray(facts[..., FACTS.index("requests_on_object")] / requests)


def _one_place(cohorts: CohortColumns) -> Bool:
    """Cohorts that sit in one place, as a class or an office, and pay each on their own.

    A block's users need common work besides the common place, and most of their traffic from
    elsewhere.
    """
    working = _from(cohorts, "narrowness", STRONG) | _from(cohorts, "co_templates", STRONG)
    mostly_here = focus_of(cohorts.facts) >= MOSTLY_HERE
    place = _from(cohorts, "one_block", ONE_PLACE)
    place |= (cohorts.kind == Kind.BLOCK) & (~working | mostly_here)
    return place & ~_from(cohorts, "payment_sharing", PAID_TOGETHER)


def _loose(cohorts: CohortColumns) -> Bool:
    """Groups of the graph whose members do not keep to themselves: chance or a common hub."""
    inside = _from(cohorts, "narrowness", KEEPS_INSIDE)
    inside |= _from(cohorts, "private_blocks", LIVES_INSIDE)
    return np.asarray((cohorts.kind == Kind.GRAPH) & ~inside)


def _from(cohorts: CohortColumns, name: str, least: float) -> Bool:
    """Where a signal is at least so strong; where it is unknown, it is not."""
    return np.asarray(cohorts.features[:, NAMES.index(name)] >= least)


def _raised(threshold: float) -> float:
    """The threshold where no new object speaks: the odds times e, one nat higher."""
    return math.e * threshold / (1 + (math.e - 1) * threshold)
