"""What the steps did, told to the meter."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any, get_args

import numpy as np

from analyzer.core.campaign.step import CampaignStep
from analyzer.core.contracts.blocks import CohortBlock, PaneBlock
from analyzer.core.contracts.records import Alert, AlertKind
from analyzer.core.ingest.step import IngestOutput
from analyzer.ops import metrics
from analyzer.ops.metrics import Meter, Metric

NUMBERS: dict[str, Metric] = {"late": metrics.LATE, "duplicates": metrics.DUPLICATES}
"""Attributes of steps that only grow."""
COUNTERS: dict[str, Metric] = {"suppressed": metrics.SUPPRESSED, "refused": metrics.REFUSED}
"""Counters of steps, by the one label of their metric."""


class Tally:
    """Looks at one step after each block that it took.

    Parameters
    ----------
    step
        As restored: what it counted in another process is not counted again.
    """

    def __init__(self, meter: Meter, step: Any) -> None:
        self._meter = meter
        self._step = step
        self._told = Counter(self._numbers())
        self._counted: dict[str, Counter[str]] = {name: Counter() for name in COUNTERS}

    def add(self, found: Iterable[Any]) -> None:
        """Count what the step gave, and by how much its own numbers have grown."""
        for thing in found:
            self._give(thing)
        now = Counter(self._numbers())
        for name, by in (now - self._told).items():
            self._meter.add(NUMBERS[name], by)
        self._told = now
        for name, metric in COUNTERS.items():
            self._grown(name, metric)
        if isinstance(self._step, CampaignStep):
            self._campaigns(self._step)

    def _give(self, thing: Any) -> None:
        if isinstance(thing, Alert):
            self._meter.add(metrics.ALERTS, kind=thing.kind, severity=thing.severity)
        elif isinstance(thing, PaneBlock):
            self._meter.add(metrics.PANES, len(np.unique(thing.rows.org_pane)))
        elif isinstance(thing, CohortBlock):
            self._meter.add(metrics.COHORTS, len(thing.rows.pane))

    def _campaigns(self, step: CampaignStep) -> None:
        held = step.campaigns_open
        for kind in get_args(AlertKind):
            self._meter.set(metrics.CAMPAIGNS, held[kind], kind=kind)

    def _grown(self, name: str, metric: Metric) -> None:
        """Count by how much a counter of the step has grown."""
        now: Counter[str] = Counter(getattr(self._step, name, ()))
        for value, by in (now - self._counted[name]).items():
            self._meter.add(metric, by, **{metric.labels[0]: value})
        self._counted[name] = now

    def _numbers(self) -> dict[str, int]:
        return {name: getattr(self._step, name, 0) for name in NUMBERS}


def count_input(meter: Meter, output: IngestOutput) -> None:
    """Count what a raw partition gave."""
    meter.add(metrics.EVENTS, output.received)
    meter.add(metrics.LATE, output.late)
    meter.add(metrics.AHEAD, output.ahead)
    for field, times in output.mended.items():
        meter.add(metrics.MENDED, times, field=field)
