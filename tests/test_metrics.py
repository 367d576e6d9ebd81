"""Metrics: one list, which the document shows and the code tells, with no names in it."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from analyzer.console.demo_topics import environment
from analyzer.core.config import CoreConfig
from analyzer.core.contracts.records import Alert
from analyzer.core.contracts.step import StepOutput
from analyzer.core.pipeline import Pipeline, Sharding, feed
from analyzer.errors import UsageError
from analyzer.ops import loop_watchdog, metrics
from analyzer.ops.health_server import serve
from analyzer.ops.loop_watchdog import LoopWatchdog
from analyzer.ops.metrics import NOTIFIER, WORKER, Meter
from analyzer.settings_tables import Health
from analyzer.simulate import generate
from analyzer.stream.owners.step_metrics import count
from analyzer.testing.brokers import free_port
from analyzer.testing.reference_run import raw_batch

ROOT = Path(__file__).parents[1]
BOUNDED = {"field", "reason", "kind", "severity", "step", "partition", "sink", "table"}
"""Labels whose values the code or the settings list; none names anybody."""


def get(port: int, path: str) -> tuple[int, str]:
    """Status and text of an answer."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def test_the_document_is_up_to_date() -> None:
    """``schemas/metrics.md`` is what the tool prints."""
    tool = ROOT / "tests" / "tools" / "metric_table.py"
    printed = subprocess.run([sys.executable, tool], check=True, capture_output=True, text=True)
    assert printed.stdout == (ROOT / "schemas" / "metrics.md").read_text("utf-8")


@pytest.mark.parametrize("metric", [*WORKER, *NOTIFIER], ids=lambda metric: metric.name)
def test_names_and_labels_keep_to_the_rules(metric: metrics.Metric) -> None:
    """Counters end in _total, gauges do not; no label can name an account, block or template."""
    assert metric.name.startswith("analyzer_")
    assert metric.name.endswith("_total") == (metric.kind == "counter")
    assert set(metric.labels) <= BOUNDED


def test_every_metric_of_the_module_is_in_a_list() -> None:
    """None is forgotten."""
    made = {value for value in vars(metrics).values() if isinstance(value, metrics.Metric)}
    assert made == {*WORKER, *NOTIFIER}


def test_what_a_lost_partition_told_is_dropped() -> None:
    """Its gauges go, those of others stay; with the campaign step, so do the open campaigns."""
    meter = Meter(WORKER)
    for partition in ("0", "1"):
        meter.set(metrics.LAG, 5, step="campaign", partition=partition)
    meter.set(metrics.CAMPAIGNS, 2, kind="reseller_pool")
    meter.forget("campaign", "0")
    text = meter.text().decode()
    assert 'analyzer_lag_records{partition="1",step="campaign"} 5.0' in text
    assert 'partition="0"' not in text
    assert "reseller_pool" not in text


def test_what_steps_count_is_told() -> None:
    """Everything that the steps of a world count has a metric; numbers are those of the world."""
    meter, alerts = Meter(WORKER), Counter[tuple[str, str]]()

    def feed_and_count(name: str, step: Any, block: Any) -> StepOutput[Any]:
        output = feed(name, step, block)
        count(meter, output)
        alerts.update((a.kind, a.severity) for a in output.made if isinstance(a, Alert))
        return output

    lines = list(generate("smoke", 5).lines())
    sharding = Sharding(cohort_shards=2)
    pipeline = Pipeline(CoreConfig(), sharding, call=feed_and_count)
    pipeline.feed(0, raw_batch([*lines, *lines[-9:]]))
    pipeline.finish()
    assert meter.read(metrics.EVENTS) == len(lines) + 9
    assert meter.read(metrics.DUPLICATES) == 9
    assert meter.read(metrics.CAMPAIGNS, kind="extraction_campaign") == 1
    assert alerts
    for (kind, severity), number in alerts.items():
        assert meter.read(metrics.ALERTS, kind=kind, severity=severity) == number


def test_late_and_refused_are_told() -> None:
    """With the label that their metric has."""
    meter = Meter(WORKER)
    count(meter, StepOutput(counts=Counter({("late", ""): 2, ("refused", "pairs"): 3})))
    assert meter.read(metrics.LATE) == 2
    assert meter.read(metrics.REFUSED, table="pairs") == 3


def test_the_endpoint_says_what_is_wrong() -> None:
    """200 or 503 with the reason in words; metrics as text."""
    wrong: dict[str, str | None] = {"unhealthy": None, "unready": "restoring"}
    port = free_port()
    serve(
        Health(port=port),
        Meter(WORKER),
        unhealthy=lambda: wrong["unhealthy"],
        unready=lambda: wrong["unready"],
    )
    assert get(port, "/healthz") == (200, "ok\n")
    assert get(port, "/readyz") == (503, "restoring\n")
    wrong |= {"unhealthy": "stands still", "unready": None}
    assert get(port, "/healthz") == (503, "stands still\n")
    assert get(port, "/readyz") == (200, "ok\n")
    status, text = get(port, "/metrics")
    assert status == 200
    assert "# TYPE analyzer_events_total counter" in text
    assert get(port, "/")[0] == 404


def test_a_taken_port_is_named() -> None:
    """Wrong settings: the message names the key."""
    port, meter = free_port(), Meter(WORKER)
    serve(Health(port=port), meter, unhealthy=lambda: None, unready=lambda: None)
    with pytest.raises(UsageError, match=rf"health\.port: can't listen on 127\.0\.0\.1:{port}"):
        serve(Health(port=port), meter, unhealthy=lambda: None, unready=lambda: None)


@pytest.mark.parametrize("computes", [False, True])
def test_a_loop_that_hangs_is_seen(computes: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """While it hangs it is unhealthy, and healthy again after; one that computes is healthy."""
    monkeypatch.setattr(loop_watchdog, "BEAT_S", 0.05)
    watched = LoopWatchdog(silent_s=0.6)
    ended: list[int] = []
    monkeypatch.setattr(os, "_exit", ended.append)

    def hold_up() -> None:
        until = time.monotonic() + 0.45
        while computes and time.monotonic() < until:
            pass
        time.sleep(max(0.0, until - time.monotonic()))

    async def main() -> list[str | None]:
        beating = asyncio.create_task(watched.beat())
        await asyncio.sleep(0.15)
        found = [watched.unhealthy()]
        hold_up()
        found.append(watched.unhealthy())
        await asyncio.sleep(0.15)
        found.append(watched.unhealthy())
        beating.cancel()
        return found

    before, during, after = asyncio.run(main())
    assert (before, after) == (None, None)
    assert (during is None) == computes
    assert not ended


def test_processes_of_the_demo_do_not_collide(monkeypatch: pytest.MonkeyPatch) -> None:
    """A port of yours is not given to all of them."""
    monkeypatch.setenv("ANALYZER_HEALTH__PORT", "9464")
    assert environment("kafka://host:9092", None)["ANALYZER_HEALTH__PORT"] == "0"


def test_every_rule_names_metrics_that_there_are() -> None:
    """The rules for Prometheus ask for nothing that nobody tells."""
    rules = (ROOT / "deploy" / "prometheus" / "analyzer.rules.yml").read_text("utf-8")
    named = set(re.findall(r"\banalyzer_\w+", rules))
    assert named
    assert named <= {metric.name for metric in (*WORKER, *NOTIFIER)}
