"""Output length: members draw longer answers than the population."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from analyzer.core.cohort.selection import Cohorts
from analyzer.core.cohort.signals.scale import clip

NAME, FAMILY, UNIT = "output_length", "elicitation", "standard deviations"
MEANING = "answers are longer than usual"
NEEDS = ()


def measure(cohorts: Cohorts) -> NDArray[np.float64]:
    """c((z − 2/√n) / 0.4), z the members' mean of ln(output + 1) in population deviations."""
    window = cohorts.window
    z = window.deviation(cohorts.mean(window.log_output))
    return clip((z - 2 / np.sqrt(cohorts.size)) / 0.4)
