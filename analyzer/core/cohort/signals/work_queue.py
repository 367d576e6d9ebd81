"""Work queue: prompts almost never repeat among members, though they do elsewhere."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from analyzer.core.cohort.population import PROMPTED, REPEATED
from analyzer.core.cohort.selection import Cohorts
from analyzer.core.cohort.signals.needs import PROMPT, TEMPLATE
from analyzer.core.cohort.signals.scale import clip

F64 = NDArray[np.float64]

NAME, FAMILY, UNIT = "work_queue", "work", "share of repeated prompts"
MEANING = "hardly any prompt is sent twice, as if one queue were shared out"
NEEDS = (TEMPLATE, PROMPT)


def measure(cohorts: Cohorts) -> F64:
    """c((p₀ − min(object, members + 0.02)) / p₀) · c((n − 8)/25) · c(max(q, 0.3 r) p₀ / 6).

    p₀ is the population's share of repeated prompts; "object" and "members" are those on the
    defining object and of the members altogether; q and r are the prompts on them. NaN where
    prompts carry no hash.
    """
    usual = cohorts.window.usual_repeats
    if usual < 0.01:
        return np.full(len(cohorts), np.nan)
    on_object, object_share = repeated_on_object(cohorts)
    everywhere = cohorts.totals[:, PROMPTED]
    member_share = cohorts.totals[:, REPEATED] / np.maximum(everywhere, 1.0)
    share = np.fmin(object_share, member_share + 0.02)
    strength = clip((usual - share) / usual) * clip((cohorts.size - 8) / 25)
    value = strength * clip(np.maximum(on_object, 0.3 * everywhere) * usual / 6)
    return np.where(everywhere > 0, value, np.nan)


def repeated_on_object(cohorts: Cohorts) -> tuple[F64, F64]:
    """Prompts on the defining template by all its users, and their repeated share (or NaN)."""
    prompted, repeated = cohorts.prompts_on_object.T
    return prompted, np.where(prompted > 0, repeated / np.maximum(prompted, 1.0), np.nan)
