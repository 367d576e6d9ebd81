"""Severity: how urgent a campaign is, from what kind it is and its own reading."""

from __future__ import annotations

import numpy as np

from analyzer.core.campaign.campaign_state import Campaign
from analyzer.core.cohort.fusion import strong_families
from analyzer.core.contracts.records import Severity

CRITICAL, MANY = 1_000, 100
"""Member organisations from which extraction is critical, or high."""
SURE, FAMILIES = 0.9, 4
"""Probability and strong families of evidence from which it is high however small."""


def severity_of(campaign: Campaign) -> Severity:
    """Extraction is for acting; everything else is for information."""
    state = campaign.state
    if state.kind != "extraction_campaign":
        return "low"
    members = len(campaign.confirmed())
    if members >= CRITICAL:
        return "critical"
    if members >= MANY or (state.extraction >= SURE and _families(campaign) >= FAMILIES):
        return "high"
    return "medium"


def _families(campaign: Campaign) -> int:
    vectors = campaign.vectors()
    if not vectors:
        return 0
    return int(strong_families(np.array(vectors), campaign.state.outside).max())
