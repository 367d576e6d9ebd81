"""The last gate on the way out: what is below waits, and a thread begins where it is told."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from analyzer.core.campaign.telling import Telling, judged_again
from analyzer.core.config import CoreConfig
from analyzer.core.contracts.hashing import alert_id
from analyzer.core.contracts.records import Activity, Alert, AlertKind, Campaign, Member, Record

EXAMPLES = Path(__file__).parents[2] / "schemas" / "examples"


def example(name: str) -> bytes:
    """One of the published examples."""
    return next((EXAMPLES / name / "valid").glob("*.json")).read_bytes()


ALERT = msgspec.json.decode(example("alert.v1"), type=Alert)
MEMBER = msgspec.json.decode(example("member.v1"), type=Member)
CAMPAIGN = msgspec.json.decode(example("campaign.v1"), type=Campaign)


def thread(*steps: tuple[Activity, float], kind: AlertKind = "extraction_campaign") -> list[Record]:
    """A thread of alerts of these confidences, each with a member and the campaign's state."""
    records: list[Record] = []
    for revision, (activity, confidence) in enumerate(steps, 1):
        records += [
            replace(
                ALERT, campaign_id="c", revision=revision, activity=activity, kind=kind,
                confidence=confidence, alert_id=alert_id("c", revision),
            ),
            replace(MEMBER, campaign_id="c"),
            replace(CAMPAIGN, campaign_id="c"),
        ]  # fmt: skip
    return records


def told(records: list[Record], **bounds: float) -> list[tuple[str, int, float]]:
    """Alerts that pass."""
    passed = Telling(CoreConfig.model_validate(bounds)).pass_on(records)
    return [(r.activity, r.revision, r.confidence) for r in passed if isinstance(r, Alert)]


LIFE = thread(
    ("opened", 0.5), ("updated", 0.7), ("escalated", 0.9), ("updated", 0.6), ("closed", 0.6)
)


def test_without_bounds_everything_passes_as_it_is() -> None:
    """The same objects, in their order."""
    passed = Telling(CoreConfig()).pass_on(LIFE)
    assert [id(record) for record in passed] == [id(record) for record in LIFE]


def test_a_thread_begins_with_its_first_alert_that_is_told() -> None:
    """It is opened there, counted from there, and goes on whatever comes later."""
    expected = [("opened", 1, 0.9), ("updated", 2, 0.6), ("closed", 3, 0.6)]
    assert told(LIFE, tell_confidence=0.8) == expected
    passed = Telling(CoreConfig(tell_confidence=0.8)).pass_on(LIFE)
    ids = [r.alert_id for r in passed if isinstance(r, Alert)]
    assert ids == [alert_id("c", revision) for revision in (1, 2, 3)]


def test_who_is_not_told_of_is_not_listed() -> None:
    """Neither members nor campaigns of a thread that is below the bounds, nor its end."""
    assert Telling(CoreConfig(tell_confidence=0.95)).pass_on(LIFE) == []
    few = ALERT.campaign.organisations + 1
    assert Telling(CoreConfig(tell_organisations=few)).pass_on(LIFE) == []
    passed = Telling(CoreConfig(tell_confidence=0.8)).pass_on(LIFE)
    assert [type(record) for record in passed] == [Alert, Member, Campaign] * 3


def test_other_kinds_are_for_information() -> None:
    """They pass whatever the bounds; as extraction the thread waits, and is told when sure."""
    low = thread(("opened", 0.2), ("updated", 0.3), kind="shared_tool")
    assert len(told(low, tell_confidence=0.9)) == 2
    later = [
        replace(r, kind="extraction_campaign") if isinstance(r, Alert) and r.revision > 1 else r
        for r in thread(("opened", 0.2), ("updated", 0.5), ("updated", 0.95), kind="shared_tool")
    ]
    expected = [("opened", 1, 0.2), ("updated", 2, 0.95)]
    assert told(later, tell_confidence=0.9) == expected


@pytest.mark.parametrize("cut", range(0, len(LIFE), 3))
def test_a_restart_changes_nothing(cut: int) -> None:
    """Saved and put back anywhere, it tells the same."""
    config = CoreConfig(tell_confidence=0.6)
    first, second = Telling(config), Telling(config)
    before = first.pass_on(LIFE[:cut])
    second.restore(msgspec.json.decode(msgspec.json.encode(first.state())))
    assert before + second.pass_on(LIFE[cut:]) == Telling(config).pass_on(LIFE)


def test_judged_again_is_as_judged_at_once() -> None:
    """What was seen under no bounds gives what other bounds would have told, with their name."""
    seen: list[Record] = []
    open_gate, config = Telling(CoreConfig()), CoreConfig(tell_confidence=0.8)
    open_gate.look_on(seen.extend)
    open_gate.pass_on(LIFE)
    again = judged_again(seen, config)
    assert [r for r in again if not isinstance(r, Alert)] == [
        r for r in Telling(config).pass_on(LIFE) if not isinstance(r, Alert)
    ]
    hashes = {r.provenance.config_hash for r in again if isinstance(r, Alert)}
    assert hashes == {config.config_hash} != {CoreConfig().config_hash}
