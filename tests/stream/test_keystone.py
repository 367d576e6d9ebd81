"""The keystone: a scenario through replay and through live workers gives the same bytes."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from analyzer.settings import Settings
from analyzer.testing import harness, reference_run
from analyzer.testing.brokers import Broker

PARTITIONS = 4

pytestmark = pytest.mark.integration


class Alert(msgspec.Struct):
    """What tells one alert from another."""

    alert_id: str


def last_of_each_key(settings: Settings, topic: str) -> list[bytes]:
    """What compaction would leave of a topic, sorted."""
    return sorted(value for value in dict(harness.consume(settings, topic)).values() if value)


def live_alerts(settings: Settings) -> list[bytes]:
    """Alerts, each id once, sorted."""
    values = [value or b"" for _, value in harness.consume(settings, settings.topics.alerts)]
    assert not any(b'"replay":true' in value for value in values)
    by_id = {msgspec.json.decode(value, type=Alert).alert_id: value for value in values}
    return sorted(by_id.values())


def replayed(folder: Path, name: str) -> list[bytes]:
    """Lines of one result file, sorted; alerts as if they were no replay's, which they say."""
    lines = (folder / f"{name}.ndjson").read_bytes().splitlines()
    assert name != "alerts" or all(b'"replay":true' in line for line in lines)
    return sorted(line.replace(b'"replay":true', b'"replay":false') for line in lines)


def test_replay_and_live_give_the_same_bytes(broker: Broker, tmp_path: Path) -> None:
    """Two workers, one of them killed on the way, against a replay of the file and of the topic."""
    settings = harness.settings_for(broker.url, PARTITIONS, shards=4, cohort_shards=2)
    raw = tmp_path / "smoke.ndjson"
    lines = harness.simulated("smoke")
    parts = reference_run.by_account(lines, PARTITIONS)
    ends = [reference_run.sentinels(lines, i) for i in range(PARTITIONS)]
    raw.write_bytes(
        b"\n".join([*lines, *(line for day in zip(*ends, strict=True) for line in day)])
    )

    harness.run(settings, "replay", str(raw), "--out", str(tmp_path / "replay")).check_returncode()

    harness.create_topics(settings)
    with harness.worker(settings, tmp_path / "a.log") as first:
        for number, part in enumerate(parts):
            half = ((None, line) for line in part[: len(part) // 2])
            harness.produce(settings, half, partition=number)
        with harness.worker(settings, tmp_path / "b.log") as second:
            for number, (part, end) in enumerate(zip(parts, ends, strict=True)):
                rest = ((None, line) for line in [*part[len(part) // 2 :], *end])
                harness.produce(settings, rest, partition=number)
            second.kill()
        assert harness.caught_up(settings, 60.0), first.text()
        assert first.terminate() == 0

    names, folder = settings.topics, tmp_path / "replay"
    assert live_alerts(settings) == replayed(folder, "alerts")
    assert last_of_each_key(settings, names.campaigns) == replayed(folder, "campaigns")
    assert last_of_each_key(settings, names.members) == replayed(folder, "members")
    assert harness.consume(settings, names.dead_letters) == []
    assert replayed(folder, "dead_letters") == []
    assert len(replayed(folder, "alerts")) > 0

    harness.run(
        settings, "replay", f"{settings.broker}/{names.requests}", "--out", str(tmp_path / "topic")
    ).check_returncode()
    for name in ("alerts", "campaigns", "members", "dead_letters"):
        assert replayed(tmp_path / "topic", name) == replayed(folder, name)
