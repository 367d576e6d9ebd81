"""Payment sharing: separate organisations pay with the same means."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from analyzer.core.cohort.selection import Cohorts
from analyzer.core.cohort.signals.scale import clip
from analyzer.core.contracts.object_kind import Kind

NAME, FAMILY, UNIT = "payment_sharing", "identity", "share of organisations"
MEANING = "organisations that should be independent pay with the same means"
NEEDS = (("payment_ref",),)


def measure(cohorts: Cohorts) -> NDArray[np.float64]:
    """c((share of members whose payment reference serves ≥ 2 organisations − usual) / 0.4).

    Usual is the population's share, at least 0.1. NaN where fewer than 5 members have a
    reference, or where the cohort is defined by one.
    """
    usage = cohorts.window.usage(Kind.PAYMENT)
    n = cohorts.total(usage.has)
    usual = max(0.1, float(usage.sharing.sum()) / max(1, int(usage.has.sum())))
    share = cohorts.total(usage.sharing) / np.maximum(n, 1.0)
    known = (n >= 5) & (cohorts.kind != Kind.PAYMENT)
    return np.where(known, clip((share - usual) / 0.4), np.nan)
