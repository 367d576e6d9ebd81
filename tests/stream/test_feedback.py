"""Feedback on its topic: live obeys it as a replay does, and refuses with a reason."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from analyzer.core.contracts.feedback import Feedback, OutsideEvidence, Target
from analyzer.core.contracts.records import Alert
from analyzer.replay.report import read
from analyzer.testing import harness, reference_run
from analyzer.testing.brokers import Broker

PARTITIONS = 2

pytestmark = pytest.mark.integration


def said_of(alerts: list[Alert]) -> list[Feedback]:
    """Verdicts of each kind, most of them said while the campaign is going on."""
    first, at_ms = alerts[0], alerts[1].detected_at_ms + 1
    names = first.campaign.members_sample
    by, why = "analyst-1", "because"
    watermark = OutsideEvidence("watermark", 0.9)
    return [
        Feedback("1", Target("account", names[0]), "benign", why, by, at_ms, action="allow"),
        Feedback(
            "2", Target("account", names[1]), "suspicious", why, by, 1, None, "evidence", watermark
        ),
        Feedback(
            "3", Target("campaign", first.campaign_id), "false_positive", why, by, at_ms + 7_200_000
        ),
    ]


def test_live_obeys_as_a_replay_does(broker: Broker, tmp_path: Path) -> None:
    """Records and a bad one in the topic, a worker killed on the way: the bytes of the replay."""
    raw, file = tmp_path / "smoke.ndjson", tmp_path / "feedback.ndjson"
    settings = harness.settings_for(broker.url, PARTITIONS)
    lines = harness.simulated("smoke", 5)
    ends = [reference_run.sentinels(lines, i) for i in range(PARTITIONS)]
    parts = reference_run.by_account(lines, PARTITIONS)
    raw.write_bytes(b"\n".join([*lines, *(x for day in zip(*ends, strict=True) for x in day)]))
    harness.run(settings, "replay", str(raw), "--out", str(tmp_path / "plain")).check_returncode()
    said = [msgspec.json.encode(s) for s in said_of(read(tmp_path / "plain", "alerts", Alert))]
    file.write_bytes(b"\n".join(said))
    harness.run(
        settings, "replay", str(raw), "--out", str(tmp_path / "told"), "--feedback", str(file)
    ).check_returncode()

    names = settings.topics
    harness.create_topics(settings)
    harness.produce(settings, ((None, value) for value in [*said, b"{}"]), topic=names.feedback)
    with harness.worker(settings, tmp_path / "a.log") as first:
        for number, part in enumerate(parts):
            half = ((None, line) for line in part[: len(part) // 2])
            harness.produce(settings, half, partition=number)
        assert harness.holds_something(settings, names.campaign, 30.0)
        first.kill()
    with harness.worker(settings, tmp_path / "b.log") as second:
        for number, (part, end) in enumerate(zip(parts, ends, strict=True)):
            rest = ((None, line) for line in [*part[len(part) // 2 :], *end])
            harness.produce(settings, rest, partition=number)
        assert harness.caught_up(settings), second.text()
        assert second.terminate() == 0

    live = {value for _, value in harness.consume(settings, names.alerts)}
    told = set((tmp_path / "told" / "alerts.ndjson").read_bytes().splitlines())
    assert live == {line.replace(b'"replay":true', b'"replay":false') for line in told}
    assert told != set((tmp_path / "plain" / "alerts.ndjson").read_bytes().splitlines())
    letters = dict(harness.consume(settings, names.dead_letters))
    assert list(letters) == [f"{names.feedback}/0/3".encode()]
    assert all(b'"reason":"missing_field"' in (value or b"") for value in letters.values())


def test_feedback_that_comes_later_is_heard(broker: Broker, tmp_path: Path) -> None:
    """A bad record sent to a running worker becomes a dead letter within seconds."""
    settings = harness.settings_for(broker.url, PARTITIONS)
    harness.create_topics(settings)
    with harness.worker(settings, tmp_path / "a.log") as worker:
        harness.produce(settings, [(None, b"no json")], topic=settings.topics.feedback)
        letters = settings.topics.dead_letters
        assert harness.holds_something(settings, letters, 15.0)
        assert worker.terminate() == 0
    assert len(harness.consume(settings, letters)) == 1
