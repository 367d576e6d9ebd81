"""Sampling parameters: members ask with the same unusual settings."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from analyzer.core.cohort.selection import Cohorts
from analyzer.core.cohort.signals.scale import clip, concentration
from analyzer.core.contracts.object_kind import Kind

NAME, FAMILY, UNIT = "params_homogeneity", "elicitation", "nats"
MEANING = "members ask with the same sampling parameters, which are rare elsewhere"
NEEDS = (("temperature", "top_p", "max_tokens", "n", "logprobs"),)


def measure(cohorts: Cohorts) -> NDArray[np.float64]:
    """c((KL − 3/n) / 1.2) of the commonest parameter set; NaN where none are given."""
    return clip(concentration(cohorts, Kind.PARAMS) / 1.2)
