"""Client homogeneity: members use one client far more than the population does."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from analyzer.core.cohort.selection import Cohorts
from analyzer.core.cohort.signals.scale import clip, concentration
from analyzer.core.contracts.object_kind import Kind

NAME, FAMILY, UNIT = "client_homogeneity", "client", "nats"
MEANING = "members run the same client software, which is rare elsewhere"
NEEDS = (("user_agent", "tls_ja4"),)


def measure(cohorts: Cohorts) -> NDArray[np.float64]:
    """c((KL − 3/n) / 0.8), the greater of TLS fingerprints and user agents.

    NaN where neither is known, or where the cohort is defined by a client.
    """
    both = [concentration(cohorts, kind) for kind in (Kind.TLS, Kind.AGENT)]
    defined = (cohorts.kind == Kind.TLS) | (cohorts.kind == Kind.AGENT)
    greatest = np.fmax(*both)
    return np.where(defined, np.nan, clip(greatest / 0.8))
