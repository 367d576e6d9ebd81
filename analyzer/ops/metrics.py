"""Every metric of the product, in one place; ``schemas/metrics.md`` is made from this list.

No label is ever an account, an organisation, a block or a template: what may grow without
bound, or names somebody, belongs into alerts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeVar

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)

T = TypeVar("T", Counter, Gauge)

disable_created_metrics()  # type: ignore[no-untyped-call] # the library left it out

SHARD = ("step", "partition")
"""Labels of what a worker tells of each partition that it owns."""


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric as it is documented."""

    name: str
    kind: Literal["counter", "gauge"]
    text: str
    labels: tuple[str, ...] = ()
    owner: str = ""
    """The one step that tells it, if there is only one such step in all workers."""


EVENTS = Metric("analyzer_events_total", "counter", "raw records read, good and bad")
DEAD_LETTERS = Metric(
    "analyzer_dead_letters_total", "counter", "records set aside, late events included", ("reason",)
)
LATE = Metric("analyzer_late_events_total", "counter", "events that came after their pane's end")
AHEAD = Metric(
    "analyzer_events_ahead_total",
    "counter",
    "events ahead of their partition's time after which others fell back: a clock runs fast",
)
MENDED = Metric(
    "analyzer_fields_mended_total",
    "counter",
    "fields of events taken that could not be read as they stood: dropped, cut or mended",
    ("field",),
)
PASSED_OVER = Metric(
    "analyzer_passed_over_total",
    "counter",
    "what was in the raw records and is no request to a model",
    ("reason",),
)
DUPLICATES = Metric(
    "analyzer_duplicates_dropped_total",
    "counter",
    "events that were there before with the same id, account, time and content",
)
FEEDBACK = Metric("analyzer_feedback_total", "counter", "records of feedback taken")
PANES = Metric(
    "analyzer_panes_closed_total", "counter", "panes with events that account shards have closed"
)
COHORTS = Metric("analyzer_cohorts_scored_total", "counter", "cohorts scored")
ALERTS = Metric("analyzer_alerts_total", "counter", "alerts sent", ("kind", "severity"))
SHADOW_ALERTS = Metric(
    "analyzer_shadow_alerts_total",
    "counter",
    "alerts of the configuration of [shadow], which nobody gets",
    ("kind", "severity"),
)
SUPPRESSED = Metric(
    "analyzer_alerts_suppressed_total",
    "counter",
    "changes of campaigns told in no alert: nothing_new, or feedback speaks against it",
    ("reason",),
)
REFUSED = Metric(
    "analyzer_refused_total",
    "counter",
    "new accounts, and pairs of an organisation and what it uses, not counted in a pane for want "
    "of room; told by the first cohort shard",
    ("table",),
)
LOST = Metric(
    "analyzer_lost_total",
    "counter",
    "gaps that were passed over because --skip-lost allowed it",
    ("step",),
)
CAMPAIGNS = Metric(
    "analyzer_campaigns_open",
    "gauge",
    "campaigns that were spoken of and are open; told by the one worker that owns them",
    ("kind",),
    owner="campaign",
)
SHADOW_CAMPAIGNS = Metric(
    "analyzer_shadow_campaigns_open",
    "gauge",
    "the same by the configuration of [shadow]",
    ("kind",),
    owner="campaign",
)
EVENT_TIME_LAG = Metric(
    "analyzer_event_time_lag_seconds",
    "gauge",
    "how far the watermark is behind the append time of the last record read",
    SHARD,
)
LAG = Metric("analyzer_lag_records", "gauge", "records that wait to be read", SHARD)
SNAPSHOT_AGE = Metric(
    "analyzer_snapshot_age_seconds", "gauge", "time since all state was last saved", SHARD
)
SNAPSHOT_BYTES = Metric(
    "analyzer_snapshot_bytes", "gauge", "size of the last snapshot, before compression", SHARD
)
SNAPSHOTS = Metric("analyzer_snapshots_total", "counter", "snapshots written", ("step",))
RESTORE = Metric(
    "analyzer_restore_seconds", "gauge", "how long it took to restore the state", SHARD
)
BROKER_SILENT = Metric(
    "analyzer_broker_silent_seconds", "gauge", "for how long the broker has not answered"
)
WORKER = (
    EVENTS, DEAD_LETTERS, LATE, AHEAD, MENDED, PASSED_OVER, DUPLICATES, FEEDBACK, PANES, COHORTS,
    ALERTS, SHADOW_ALERTS, SUPPRESSED, REFUSED, LOST, CAMPAIGNS, SHADOW_CAMPAIGNS, EVENT_TIME_LAG,
    LAG, SNAPSHOT_AGE, SNAPSHOT_BYTES, SNAPSHOTS, RESTORE, BROKER_SILENT,
)  # fmt: skip
"""What ``analyzer worker`` tells."""

SINK = ("sink",)
DELIVERED = Metric("analyzer_sink_delivered_total", "counter", "alerts delivered", SINK)
RETRIES = Metric(
    "analyzer_sink_retries_total", "counter", "deliveries that failed and are tried again", SINK
)
FAILURES = Metric("analyzer_sink_failures_total", "counter", "alerts given up for good", SINK)
WAITING = Metric("analyzer_sink_waiting", "gauge", "alerts that wait for delivery", SINK)
PARKED = Metric(
    "analyzer_sink_parked",
    "gauge",
    "1 while the other side takes nothing at all and a setting has to be changed",
    SINK,
)
NOTIFIER = (DELIVERED, RETRIES, FAILURES, WAITING, PARKED, BROKER_SILENT)
"""What ``analyzer notify`` tells."""


class Meter:
    """The metrics of one process. May be used from any thread; nothing waits or raises.

    Examples
    --------
    >>> meter = Meter(WORKER)
    >>> meter.add(DEAD_LETTERS, 2, reason="late")
    >>> meter.read(DEAD_LETTERS, reason="late")
    2.0
    """

    def __init__(self, metrics: tuple[Metric, ...]) -> None:
        self._registry = CollectorRegistry()
        self._counters = {m: self._make(Counter, m) for m in metrics if m.kind == "counter"}
        self._gauges = {m: self._make(Gauge, m) for m in metrics if m.kind == "gauge"}
        ProcessCollector(registry=self._registry)

    def _make(self, kind: type[T], metric: Metric) -> T:
        return kind(metric.name, metric.text, metric.labels, registry=self._registry)

    def add(self, counter: Metric, by: float = 1, **labels: str) -> None:
        """Count."""
        found = self._counters[counter]
        (found.labels(**labels) if labels else found).inc(by)

    def set(self, gauge: Metric, value: float, **labels: str) -> None:
        """Say what is now."""
        self._gauges[gauge].labels(**labels).set(value)

    def follow(self, gauge: Metric, value: Callable[[], float], **labels: str) -> None:
        """Ask for the value whenever somebody wants to know it."""
        found = self._gauges[gauge]
        (found.labels(**labels) if labels else found).set_function(value)

    def forget(self, step: str, partition: str) -> None:
        """A partition is not ours any more: drop what was told of it."""
        for metric, gauge in self._gauges.items():
            if metric.labels == SHARD:
                gauge.remove(step, partition)
            elif metric.owner == step:
                gauge.clear()

    def read(self, metric: Metric, **labels: str) -> float:
        """The value now; 0 if nothing was told."""
        return self._registry.get_sample_value(metric.name, labels) or 0.0

    def text(self) -> bytes:
        """All of it in Prometheus' text format."""
        return generate_latest(self._registry)
