"""Repeated items: members send the same prompts as one another, as learners of a course do."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from analyzer.core.cohort.selection import Cohorts
from analyzer.core.cohort.signals.needs import PROMPT, TEMPLATE
from analyzer.core.cohort.signals.scale import clip
from analyzer.core.cohort.signals.work_queue import repeated_on_object

NAME, FAMILY, UNIT = "repeated_items", "against", "share of repeated prompts"
MEANING = "the same prompts come again and again, as from a course, a test or a viral post"
NEEDS = (TEMPLATE, PROMPT)


def measure(cohorts: Cohorts) -> NDArray[np.float64]:
    """c((share of repeated prompts on the object − population's − 0.05) / 0.3).

    A shared work queue sends each item once; learners, tests and viral prompts repeat theirs.
    NaN unless the cohort is defined by a template on which at least 20 prompts had a hash.
    """
    usual = cohorts.window.usual_repeats
    prompts, share = repeated_on_object(cohorts)
    return np.where(prompts >= 20, clip((share - usual - 0.05) / 0.3), np.nan)
