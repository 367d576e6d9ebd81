"""What the steps did, told to the meter."""

from __future__ import annotations

from typing import Any

import numpy as np

from analyzer.core.contracts.blocks import PaneBlock
from analyzer.core.contracts.records import Alert, ShadowAlert
from analyzer.core.contracts.step import StepOutput
from analyzer.core.ingest.translation import PASSED_OVER
from analyzer.ops import metrics
from analyzer.ops.metrics import Meter, Metric

COUNTED: dict[str, Metric] = {
    "events": metrics.EVENTS,
    "late": metrics.LATE,
    "ahead": metrics.AHEAD,
    "mended": metrics.MENDED,
    PASSED_OVER: metrics.PASSED_OVER,
    "duplicates": metrics.DUPLICATES,
    "suppressed": metrics.SUPPRESSED,
    "refused": metrics.REFUSED,
    "cohorts": metrics.COHORTS,
}
"""What steps count, by the name that they give it."""
LEVELS: dict[str, Metric] = {
    "campaigns_open": metrics.CAMPAIGNS,
    "shadow_campaigns_open": metrics.SHADOW_CAMPAIGNS,
}


def count(meter: Meter, output: StepOutput[Any]) -> None:
    """Count what a step made of a block, and what it counted itself."""
    for made in output.made:
        _made(meter, made)
    for (name, label), by in output.counts.items():
        metric = COUNTED[name]
        meter.add(metric, by, **dict(zip(metric.labels, [label], strict=False)))
    for (name, label), now in output.levels.items():
        metric = LEVELS[name]
        meter.set(metric, now, **{metric.labels[0]: label})


def _made(meter: Meter, made: Any) -> None:
    if isinstance(made, ShadowAlert):
        meter.add(metrics.SHADOW_ALERTS, kind=made.kind, severity=made.severity)
    elif isinstance(made, Alert):
        meter.add(metrics.ALERTS, kind=made.kind, severity=made.severity)
    elif isinstance(made, PaneBlock):
        meter.add(metrics.PANES, len(np.unique(made.rows.org_pane)))
