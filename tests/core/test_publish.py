"""What is told of campaigns: whom they hold, who was released, and what became one."""

from __future__ import annotations

import numpy as np

from analyzer.core.campaign.campaign_state import Campaign, Reading
from analyzer.core.campaign.feedback.rules import Judgements
from analyzer.core.campaign.findings import Finding
from analyzer.core.campaign.linker import Registry
from analyzer.core.campaign.models.kind_learner import KindLearner
from analyzer.core.campaign.models.kind_model import KindModel
from analyzer.core.campaign.publish import LOW_AFTER_S, Publisher
from analyzer.core.cohort.catalog import NAMES
from analyzer.core.cohort.fusion import Fusion
from analyzer.core.config import CoreConfig
from analyzer.core.contracts.event_time import DAY_S
from analyzer.core.contracts.object_kind import Kind
from analyzer.core.contracts.records import Alert, AlertKind, Member, Record
from analyzer.core.contracts.records import Campaign as CampaignRecord
from analyzer.testing.made_operations import FIRST, INNOCENT, SECOND, WORK, two_operations

CONFIG = CoreConfig()
HALF, REST = range(1_001, 1_051), range(1_051, 1_101)


def finding(orgs: range, kind: Kind = Kind.TEMPLATE, pane: int = 0) -> Finding:
    """These organisations were found on one object."""
    keys, nothing = np.array(orgs, np.uint64), np.zeros(len(NAMES))
    return Finding(pane, kind, WORK, DAY_S, 0, 0.9, None, nothing, keys, 1.0)


def campaign(
    registry: Registry, orgs: range, kind: AlertKind = "extraction_campaign", pane: int = 0
) -> Campaign:
    """A campaign that was measured, each member found three times."""
    found = finding(orgs, pane=pane)
    made = registry.found("group", found.pane, found.about, found.orgs)
    made.members.add(found.orgs, pane, hits=2)
    registry.support(made, [(found, found.orgs[:0])])
    made.state.kind, made.state.extraction = kind, 0.9
    facts = {"organisations": float(len(orgs)), "requests": 9.0}
    made.state.readings = {DAY_S: Reading(pane, DAY_S, {}, {}, facts, {}, 0.9)}
    return made


def told(registry: Registry, pane: int, publisher: Publisher | None = None) -> list[Record]:
    """What is published after this pane."""
    publisher = publisher or Publisher(
        CONFIG, Fusion.shipped(), Judgements(), KindLearner(KindModel.shipped())
    )
    return publisher.publish(registry, two_operations(), pane)


def states(records: list[Record], campaign_id: str) -> dict[str, str]:
    """State of each account told as of this campaign."""
    mine = [r for r in records if isinstance(r, Member) and r.campaign_id == campaign_id]
    return {member.account_id: member.state for member in mine}


def names(orgs: range) -> set[str]:
    """Accounts of these organisations."""
    return {f"account-{org}" for org in orgs}


def test_who_leaves_is_told_as_released() -> None:
    """Once, and nobody else is told again."""
    registry = Registry(CONFIG)
    one = campaign(registry, FIRST)
    assert states(told(registry, 1), one.id) == dict.fromkeys(names(FIRST), "member")
    one.members.keep(~np.isin(one.members.key, np.array(FIRST[:10], np.uint64)))
    registry.touched[one.id] = None
    records = told(registry, 2)
    assert states(records, one.id) == dict.fromkeys(names(FIRST[:10]), "released")
    assert {m.membership for m in records if isinstance(m, Member)} == {0.0}
    registry.touched[one.id] = None
    assert states(told(registry, 3), one.id) == {}


def test_what_was_merged_is_closed_and_its_members_are_told_by_the_other() -> None:
    """The younger thread ends, nobody is released, and the older names them all."""
    registry = Registry(CONFIG)
    one, other = campaign(registry, HALF), campaign(registry, REST, pane=1)
    told(registry, 1)
    registry.merge(one, other)
    records = told(registry, 2)
    ended = [r for r in records if isinstance(r, Alert) and r.campaign_id == other.id]
    assert [(a.activity, a.campaign.members_total) for a in ended] == [("closed", 0)]
    assert states(records, one.id).keys() >= names(REST)
    assert states(records, other.id) == {}
    last = {r.campaign_id: r for r in records if isinstance(r, CampaignRecord)}
    assert (last[other.id].state, last[other.id].merged_into) == ("merged", one.id)
    assert (last[one.id].state, last[one.id].merged_from) == ("open", [other.id])
    assert last[one.id].members_total == len(FIRST)
    registry.touched[other.id] = None
    assert not [r for r in told(registry, 3) if isinstance(r, Alert)]


def test_a_closed_thread_stays_closed() -> None:
    """Whatever touches the campaign again, its end is told once."""
    registry = Registry(CONFIG)
    one = campaign(registry, FIRST)
    told(registry, 1)
    registry.close(one)
    ends = [r for pane in (2, 3) for r in told(registry, pane) if isinstance(r, Alert)]
    registry.touched[one.id] = None
    ends += [r for r in told(registry, 4) if isinstance(r, Alert)]
    assert [alert.activity for alert in ends] == ["closed"]


def test_what_is_no_extraction_waits_half_a_day() -> None:
    """It may become one; extraction is told at once."""
    later = LOW_AFTER_S // CONFIG.pane_s
    for kind, panes in (("extraction_campaign", 1), ("shared_tool", later)):
        registry = Registry(CONFIG)
        one = campaign(registry, FIRST, kind)  # type: ignore[arg-type]
        for pane in (panes - 1, panes):
            registry.touched[one.id] = None
            alerts = [r for r in told(registry, pane) if isinstance(r, Alert)]
            if pane == panes and kind == "shared_tool":
                assert [(a.kind, a.severity) for a in alerts] == [(kind, "low")]
            assert (pane >= panes or kind != "shared_tool") == bool(alerts or one.state.revision)


def test_a_member_found_once_is_not_named() -> None:
    """One finding is no proof; who was taken in for its likeness is named."""
    registry = Registry(CONFIG)
    one = campaign(registry, FIRST)
    one.members.add(np.array(SECOND[:5], np.uint64), 0, hits=1)
    one.members.add(np.array(SECOND[5:9], np.uint64), 0, hits=0)
    assert states(told(registry, 1), one.id).keys() == names(FIRST) | names(SECOND[5:9])


def test_a_single_account_is_named_at_once() -> None:
    """With the first finding of it."""
    registry = Registry(CONFIG)
    alone = INNOCENT[:1]
    registry.take_account(finding(alone, Kind.ACCOUNT))
    [one] = registry.open("account")
    records = told(registry, 1)
    [alert] = [r for r in records if isinstance(r, Alert)]
    assert (alert.kind, alert.campaign.members_sample) == ("account_anomaly", [*names(alone)])
    assert states(records, one.id) == dict.fromkeys(names(alone), "member")


def test_who_works_inside_a_pool_is_told_once() -> None:
    """As of the campaign inside it, in whatever order they are told, and never as released."""
    registry = Registry(CONFIG)
    pool = campaign(registry, FIRST, kind="reseller_pool")
    told(registry, LOW_AFTER_S // CONFIG.pane_s)
    keys = np.array(FIRST[:40], np.uint64)
    inside = registry.found("inside", 1, "template x", keys)
    inside.members.add(keys, 1, hits=3)
    inside.state.parent, inside.state.kind, inside.state.extraction = (
        pool.id,
        "extraction_campaign",
        0.9,
    )
    inside.state.readings = dict(pool.state.readings)
    latest: dict[str, tuple[str, str]] = {}
    for pane in range(200, 204):
        registry.touched |= {inside.id: None, pool.id: None}
        for record in told(registry, pane):
            if isinstance(record, Member):
                latest[record.account_id] = record.campaign_id, record.state
    assert {latest[name] for name in names(FIRST[:40])} == {(inside.id, "member")}
