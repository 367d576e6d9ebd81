"""Live's alerts are held against a replay of what live has seen; each difference has its cause."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner, Result
from msgspec.structs import replace

from analyzer.cli import app
from analyzer.core.config import CoreConfig
from analyzer.core.contracts.feedback import Feedback, Target
from analyzer.core.contracts.records import Alert, encode_record
from analyzer.exchange.verify import Verified
from analyzer.exchange.verifying import Grounds, differences
from analyzer.testing import brokers, harness
from analyzer.testing.reference_run import by_account


def verify(world: Any, alerts: Path, *more: str) -> tuple[Verified, Result]:
    """Verify these alerts against the world's events."""
    words = ["verify", "--alerts", str(alerts), "--traffic", world.file, "--json", *more]
    done = CliRunner().invoke(app, words)
    return msgspec.json.decode(done.stdout, type=Verified), done


def written(folder: Path, alerts: list[Alert]) -> Path:
    """A folder in which live's alerts lie."""
    live = [replace(a, provenance=replace(a.provenance, replay=False)) for a in alerts]
    (folder / "alerts.ndjson").write_bytes(b"".join(encode_record(a) + b"\n" for a in live))
    return folder


def test_the_same_is_no_difference(world: Any, tmp_path: Path) -> None:
    """Whether it comes from a replay is none; exit 0."""
    found, done = verify(world, written(tmp_path, world.alerts))
    assert done.exit_code == 0
    assert (found.same, found.differences) == (True, [])
    assert found.live_alerts == found.replayed_alerts == len(world.alerts) > 0
    assert found.events == len(world.events)


def test_other_settings_are_named(world: Any, tmp_path: Path) -> None:
    """Live's alerts carry the hash of the settings that it ran with; exit 1."""
    (tmp_path / "other.toml").write_text("[core]\nmin_cohort = 9\n", "utf-8")
    alerts = written(tmp_path, world.alerts)
    found, done = verify(world, alerts, "--config", str(tmp_path / "other.toml"))
    assert done.exit_code == 1
    assert {d.cause for d in found.differences} == {"configuration"}
    assert world.alerts[0].provenance.config_hash in found.differences[0].detail


def grounds(alerts: list[Alert], **more: Any) -> Grounds:
    """Those of a replay that raised these alerts."""
    of = alerts[0].provenance
    plain = Grounds(
        of.analyzer_version, of.config_hash, of.model_version, 0, [], truncated=False,
        reached_ms=alerts[-1].detected_at_ms,
    )  # fmt: skip
    return replace(plain, **more)


def test_each_cause_is_told(world: Any) -> None:
    """Another version, what live has not reached, what only live has, late events, lost history."""
    alerts = world.alerts
    first, *rest = alerts
    older = replace(first, provenance=replace(first.provenance, analyzer_version="0.0.1"))
    found = differences([older, *rest], alerts, grounds(alerts))
    assert [(d.where, d.fields, d.cause) for d in found] == [("both", ["provenance"], "version")]
    before = grounds(alerts, reached_ms=alerts[-2].detected_at_ms)
    found = differences(alerts[:-1], alerts, before)
    assert [(d.where, d.cause) for d in found] == [("replay", "not_reached")]
    odd = replace(first, alert_id="odd", summary="never said")
    for more, cause in (
        ({}, "unknown"),
        ({"late": 3}, "late_events"),
        ({"truncated": True}, "history"),
    ):
        found = differences([*alerts, odd], alerts, grounds(alerts, **more))
        assert [(d.where, d.alert_id, d.cause) for d in found] == [("live", "odd", cause)]
    target = Target("campaign", first.campaign_id)
    said = Feedback("1", target, "false_positive", "", "me", first.detected_at_ms)
    found = differences(alerts[:1], [odd], grounds(alerts, feedback=[said]))
    assert {d.cause for d in found} == {"feedback"}


def test_only_the_range_is_compared(world: Any, tmp_path: Path) -> None:
    """From inclusive, to exclusive; a range that ends before it begins is refused."""
    second, third = (alert.detected_at_ms for alert in world.alerts[1:3])
    alerts = written(tmp_path, world.alerts)
    found, _ = verify(world, alerts, "--from", str(second), "--to", str(third))
    assert found.live_alerts == found.replayed_alerts == 1
    words = ["verify", "--alerts", str(alerts), "--traffic", world.file, "--from", "9", "--to", "5"]
    assert "--to is before --from" in str(CliRunner().invoke(app, words).exception)


@pytest.mark.integration
def test_topics_are_verified_in_place(world: Any) -> None:
    """Requests, alerts and feedback are found in the topics of the settings; nothing differs."""
    with brokers.embedded() as broker:
        settings = harness.settings_for(broker.url, 2, core=CoreConfig())
        harness.create_topics(settings)
        lines = Path(world.file).read_bytes().splitlines()
        for number, part in enumerate(by_account(lines, 2)):
            harness.produce(settings, ((None, line) for line in part), partition=number)
        live = [replace(a, provenance=replace(a.provenance, replay=False)) for a in world.alerts]
        told = [(a.campaign_id.encode(), encode_record(a)) for a in live]
        harness.produce(settings, told, topic=settings.topics.alerts)
        done = CliRunner().invoke(app, ["verify", "--json"], env=harness.environment(settings))
    found = msgspec.json.decode(done.stdout, type=Verified)
    assert (found.events, found.live_alerts) == (len(lines), len(live))
    assert found.same, found.differences
