"""A second configuration is judged beside the first, and nobody but `promote` hears of it."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from analyzer.core.contracts.records import Alert
from analyzer.exchange.promote import what_would_change
from analyzer.settings import Settings
from analyzer.settings_tables import Shadow
from analyzer.testing import harness, reference_run
from analyzer.testing.brokers import Broker

PARTITIONS = 2


@pytest.fixture(scope="module")
def parts() -> list[list[bytes]]:
    """A small scenario with a campaign in it, by partition."""
    return harness.scenario("smoke", PARTITIONS)


def alerts(lines: list[bytes]) -> list[bytes]:
    """The alerts among records."""
    return sorted({line for line in lines if b'"alert_id"' in line})


@pytest.mark.integration
def test_the_shadow_says_what_a_replay_would_and_changes_nothing(
    broker: Broker, parts: list[list[bytes]], tmp_path: Path
) -> None:
    """Both as if each configuration were alone; and `promote` tells them apart."""
    plain = harness.settings_for(broker.url, PARTITIONS)
    settings = plain.model_copy(update={"shadow": Shadow(update_after_s=3_600)})
    harness.create_topics(settings)
    harness.feed(settings, parts, 0.0, 1.0)
    with harness.worker(settings, tmp_path / "worker.log") as worker:
        assert harness.caught_up(settings), worker.text()
        assert worker.terminate() == 0
    assert harness.answers(settings) == sorted(set(reference_run.records(settings.core, parts)))
    assert settings.shadow_core is not None
    found = harness.consume(settings, settings.topics.shadow_alerts)
    shadow = {value for _, value in found if value}
    wanted = alerts(reference_run.records(settings.shadow_core, parts))
    assert sorted(shadow) == wanted
    assert len(wanted) > len(alerts(harness.answers(settings)))

    said = harness.run(settings, "promote", "--json")
    assert said.returncode == 0, said.stderr
    told = json.loads(said.stdout)
    assert told["set"] == {"update_after_s": 3_600}
    assert sum(shadow for _, shadow in told["counts"].values()) == len(wanted)
    assert told["difference"]["only_left"] == told["difference"]["only_right"] == []
    assert "update_after_s = 3600" in harness.run(settings, "promote").stdout


def test_promote_without_a_shadow_says_what_to_set() -> None:
    """Before any broker is asked."""
    found = harness.run(Settings(), "promote")
    assert found.returncode == 2
    assert "shadow.alert_threshold" in found.stderr


def test_what_would_change_is_counted_from_the_first_alert_of_the_shadow(
    parts: list[list[bytes]],
) -> None:
    """What was told before it ran is no difference."""
    lines = alerts(reference_run.records(Settings().core, parts))
    told = [msgspec.json.decode(line, type=Alert) for line in lines]
    assert told
    assert what_would_change(told, [])["since_ms"] is None
    assert what_would_change(told, told)["difference"]["both"]
    last = max(alert.detected_at_ms for alert in told)
    late = [alert for alert in told if alert.detected_at_ms == last]
    assert sum(a for a, _ in what_would_change(told, late)["counts"].values()) == len(late)
