"""Feedback: what is allowed stays quiet, what is judged teaches, and no order changes an answer."""

from __future__ import annotations

import functools
from collections.abc import Iterable

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzer.core.campaign.models.verdicts import NEEDED, Verdicts
from analyzer.core.campaign.step import CampaignStep
from analyzer.core.cohort.catalog import NAMES
from analyzer.core.cohort.fusion import Fusion, strong_families
from analyzer.core.config import CoreConfig
from analyzer.core.contracts.blocks import CohortBlock, PaneBlock
from analyzer.core.contracts.feedback import (
    CALENDAR_END_MS,
    Action,
    Feedback,
    FeedbackBlock,
    OutsideEvidence,
    Target,
    TargetType,
    Verdict,
    decode_feedback,
)
from analyzer.core.contracts.records import Alert, Campaign, Member, Record, encode_record
from analyzer.errors import BadRecord
from analyzer.simulate import generate
from analyzer.testing.reference_run import campaign_blocks

CONFIG = CoreConfig()
ALWAYS = 0
"""Said before everything."""


@functools.cache
def blocks() -> tuple[CohortBlock | PaneBlock, ...]:
    """What the campaign step is sent of a small world with one campaign."""
    return campaign_blocks(CONFIG, list(generate("smoke", 5, 0.5, 1.5).lines()))


def decided(*said: Feedback) -> tuple[CampaignStep, list[Record]]:
    """The step and its records, with this feedback known from the start."""
    step = CampaignStep(CONFIG, sources=1)
    step.feed_feedback(FeedbackBlock("file", len(said), list(said)))
    return step, [record for block in blocks() for record in step.feed(block).made]


def said(
    type_: TargetType,
    id_: str,
    *,
    action: Action = "label",
    verdict: Verdict = "benign",
    at_ms: int = ALWAYS,
    until_ms: int | None = None,
    strength: float | None = None,
    name: str = "",
) -> Feedback:
    """One record."""
    return Feedback(
        feedback_id=name or f"{type_} {id_} {action} {verdict} {at_ms}",
        target=Target(type_, id_),
        verdict=verdict,
        reason="because",
        author_ref="analyst-1",
        created_ms=at_ms,
        expires_ms=until_ms,
        action=action,
        evidence=None if strength is None else OutsideEvidence("watermark", strength),
    )


def alerts(records: Iterable[Record]) -> list[Alert]:
    """The alerts among the records."""
    return [record for record in records if isinstance(record, Alert)]


@functools.cache
def usual() -> tuple[Record, ...]:
    """What comes without feedback."""
    return tuple(decided()[1])


@functools.cache
def opened() -> Alert:
    """The alert of the world's one campaign."""
    return next(a for a in alerts(usual()) if a.kind == "extraction_campaign")


def members(records: Iterable[Record], campaign_id: str) -> dict[str, str]:
    """Last state of each member of a campaign."""
    return {
        r.account_id: r.state
        for r in records
        if isinstance(r, Member) and r.campaign_id == campaign_id
    }


def objects() -> list[tuple[TargetType, str]]:
    """Templates and blocks of the campaign."""
    last = [a for a in alerts(usual()) if a.campaign_id == opened().campaign_id][-1]
    templates: list[tuple[TargetType, str]] = [("template", t) for t in last.campaign.templates]
    return templates + [("block", b) for b in last.campaign.blocks]


def test_an_allowed_template_founds_nothing() -> None:
    """No campaign is about it, what else is told says why, and its counter grows."""
    template = next(t for t in opened().campaign.templates if t in opened().summary)
    step, records = decided(said("template", template, action="allow"))
    assert all(template not in alert.summary for alert in alerts(records))
    told = [alert for alert in alerts(records) if template in alert.campaign.templates]
    assert all(f"template {template} is allowed" in a.suppressed.reason for a in told)
    assert step.judgements.allowed["template", template].hits > 0


def test_allowed_work_raises_nothing() -> None:
    """With all its templates allowed, no campaign of extraction is left."""
    work = [said(kind, id_, action="allow") for kind, id_ in objects() if kind == "template"]
    assert all(a.kind != "extraction_campaign" for a in alerts(decided(*work)[1]))


def test_an_allowed_block_founds_nothing() -> None:
    """Findings defined by it are counted, not used; what else is found is still told, with why."""
    busiest = next(id_ for kind, id_ in objects() if kind == "block")
    step, records = decided(said("block", busiest, action="allow"))
    assert step.judgements.allowed["block", busiest].hits > 0
    told = [a for a in alerts(records) if busiest in a.campaign.blocks]
    assert all(f"block {busiest} is allowed" in alert.suppressed.reason for alert in told)


def test_an_allowance_ends_when_it_expires() -> None:
    """Expired before the campaign: as if it had never been said; during it: the alert is late."""
    gone = [said(k, i, action="allow", until_ms=1) for k, i in objects()]
    assert [encode_record(r) for r in decided(*gone)[1]] == [encode_record(r) for r in usual()]
    until = opened().detected_at_ms + 3_600_000
    short = [said(k, i, action="allow", until_ms=until) for k, i in objects()]
    first = next(a for a in alerts(decided(*short)[1]) if a.kind == "extraction_campaign")
    assert first.detected_at_ms >= until


def test_an_allowed_account_is_never_named() -> None:
    """Neither in the alert's sample nor among the members."""
    name = opened().campaign.members_sample[0]
    _, records = decided(said("account", name, action="allow"))
    assert all(name not in alert.campaign.members_sample for alert in alerts(records))
    assert all(r.account_id != name for r in records if isinstance(r, Member))


def test_an_account_allowed_later_is_released() -> None:
    """It was named; from then on it is told as released, and alerts say that it is left out."""
    name = opened().campaign.members_sample[0]
    at_ms = opened().detected_at_ms + 1
    _, records = decided(said("account", name, action="allow", at_ms=at_ms))
    assert members(records, opened().campaign_id)[name] == "released"
    later = [a for a in alerts(records) if a.detected_at_ms > at_ms]
    assert all(name not in alert.campaign.members_sample for alert in later)
    assert all(f"account {name} is allowed by analyst-1" in a.suppressed.reason for a in later)


def test_an_allowed_campaign_raises_no_further_alert() -> None:
    """One alert before, none after, and nobody remains a member."""
    id_, at_ms = opened().campaign_id, opened().detected_at_ms + 1
    step, records = decided(said("campaign", id_, action="allow", at_ms=at_ms))
    before = [a for a in alerts(usual()) if a.campaign_id == id_ and a.detected_at_ms < at_ms]
    assert [a for a in alerts(records) if a.campaign_id == id_] == before
    assert set(members(records, id_).values()) == {"released"}
    assert step.judgements.allowed["campaign", id_].hits > 0


def test_a_false_positive_is_closed_and_stays_closed() -> None:
    """The thread ends with "closed", its members are released and no other campaign has them."""
    id_, at_ms = opened().campaign_id, opened().detected_at_ms + 1
    _, records = decided(said("campaign", id_, verdict="false_positive", at_ms=at_ms))
    thread = [a.activity for a in alerts(records) if a.campaign_id == id_]
    assert thread[-1] == "closed"
    assert thread.count("closed") == 1
    assert set(members(records, id_).values()) == {"released"}
    cleared = set(members(records, id_))
    again = [a for a in alerts(records) if a.detected_at_ms > at_ms and a.campaign_id != id_]
    assert all(not cleared & set(alert.campaign.members_sample) for alert in again)


def test_a_verdict_of_truth_lifts_a_false_positive() -> None:
    """Who changes their mind sees the campaign again, as a new thread."""
    id_, at_ms = opened().campaign_id, opened().detected_at_ms + 1
    wrong = said("campaign", id_, verdict="false_positive", at_ms=at_ms)
    right = said("campaign", id_, verdict="true_positive", at_ms=at_ms + 1)
    _, records = decided(wrong, right)
    assert any(a.detected_at_ms > at_ms and a.campaign_id != id_ for a in alerts(records))


def test_a_label_never_makes_an_alert() -> None:
    """Verdicts on everything the campaign has change no alert but its confidence."""
    targets: list[tuple[TargetType, str]] = [
        *objects(),
        *(("account", name) for name in opened().campaign.members_sample),
        ("campaign", opened().campaign_id),
    ]
    labels = [said(kind, id_, verdict="true_positive") for kind, id_ in targets]
    assert decided(*labels)[1] == list(usual())


def test_learned_verdicts_move_the_confidence_and_nothing_else() -> None:
    """A taught model shows a reading and shifts the confidence; the same alerts are sent."""
    taught = Verdicts()
    for i in range(2 * NEEDED):
        taught.learn_one([[float(i % 2)] * len(NAMES)], true=i % 2 == 1)
    step = CampaignStep(CONFIG, sources=1)
    step.judgements.model.restore(taught.snapshot())
    records = [record for block in blocks() for record in step.feed(block).made]
    assert [a.alert_id for a in alerts(records)] == [a.alert_id for a in alerts(usual())]
    assert [a.score for a in alerts(records)] == [a.score for a in alerts(usual())]
    for alert in alerts(records):
        [reading] = [r for r in alert.signals if r.name == "verdicts"]
        assert 0 <= reading.value <= 1
        assert 0 <= alert.confidence <= 1
    assert [a.confidence for a in alerts(records)] != [a.confidence for a in alerts(usual())]


def test_evidence_counts_as_a_family_of_its_own() -> None:
    """One family more from 0.35 on; the score rises with the strength and falls below 0."""
    features = np.full((1, len(NAMES)), 0.1)
    features[0, NAMES.index("narrowness")] = 0.9
    assert strong_families(features).tolist() == [1]
    assert strong_families(features, np.array([0.4])).tolist() == [2]
    assert strong_families(features, np.array([-1.0])).tolist() == [1]
    fusion = Fusion.shipped()
    low, middle, high = (fusion.score(features, np.array([s]))[0] for s in (-0.5, 0.0, 0.5))
    assert low < middle < high


@pytest.mark.parametrize("kind", ["template", "account", "campaign"])
def test_evidence_raises_and_is_shown(kind: TargetType) -> None:
    """A watermark on something of the campaign raises its score and is one of the readings."""
    ids = {
        "template": opened().campaign.templates[0],
        "campaign": opened().campaign_id,
        "account": opened().campaign.members_sample[0],
    }
    strong = said(kind, ids[kind], action="evidence", verdict="suspicious", strength=0.9)
    _, records = decided(strong)
    thread = [a for a in alerts(records) if a.campaign_id == opened().campaign_id]
    readings = [r for a in thread for r in a.signals if r.family == "outside"]
    assert readings
    assert max(a.score for a in thread) >= opened().score


def test_evidence_of_innocence_speaks_against() -> None:
    """A partner's word that the template is theirs lowers the score of what it is in."""
    template = opened().campaign.templates[0]
    word = said("template", template, action="evidence", verdict="benign", strength=1.0)
    _, records = decided(word)
    thread = [a for a in alerts(records) if template in a.campaign.templates]
    before = [a for a in alerts(usual()) if template in a.campaign.templates]
    # the first: later scores, of dozens of members, are 1.0 to four digits either way
    assert thread[0].score < before[0].score


def everything() -> list[Feedback]:
    """One of each, at different times, two at the same time and two with the same id."""
    at_ms, account = opened().detected_at_ms + 1, opened().campaign.members_sample
    return [
        said("account", account[0], action="allow", at_ms=at_ms),
        said("account", account[0], action="allow", at_ms=at_ms + 1, until_ms=at_ms + 2),
        said("account", account[1], action="evidence", verdict="suspicious", strength=0.9),
        said("campaign", opened().campaign_id, verdict="true_positive", at_ms=at_ms, name="twice"),
        said("campaign", opened().campaign_id, verdict="false_positive", at_ms=at_ms, name="twice"),
        said("template", opened().campaign.templates[0], action="allow", at_ms=at_ms + 7_200_000),
    ]


@functools.cache
def with_everything() -> tuple[Record, ...]:
    """What comes with all of it known from the start."""
    return tuple(decided(*everything())[1])


@settings(max_examples=8)
@given(st.integers(0, 10**6))
def test_order_and_duplicates_of_feedback_change_nothing(seed: int) -> None:
    """Any order, any repetition, and any moment before it takes effect give the same records."""
    rng = np.random.default_rng(seed)
    all_of_it = everything()
    mixed = [all_of_it[i] for i in rng.permutation(2 * len(all_of_it)) % len(all_of_it)]
    step, records = CampaignStep(CONFIG, sources=1), list[Record]()
    for block in blocks():
        now_ms = block.stop * CONFIG.pane_ms
        soon = [s for s in mixed if s.created_ms <= now_ms or rng.random() < 0.2]
        step.feed_feedback(FeedbackBlock("topic/0", 1, soon))
        records += step.feed(block).made
    assert tuple(records) == with_everything()


def test_feedback_survives_a_snapshot() -> None:
    """Saved and restored before every third block, it goes on as if nothing had happened."""
    step, records = CampaignStep(CONFIG, sources=1), list[Record]()
    step.feed_feedback(FeedbackBlock("topic/3", 17, everything()))
    for number, block in enumerate(blocks()):
        if number % 3 == 0:
            saved = step.snapshot()
            step = CampaignStep(CONFIG, sources=1)
            step.restore(saved)
        records += step.feed(block).made
    assert tuple(records) == with_everything()
    assert step.judgements.inbox.stops == {"topic/3": 17}


def test_a_campaign_state_stays_a_campaign_state() -> None:
    """With all kinds of feedback, every campaign that was told keeps being told."""
    told = {r.campaign_id for r in with_everything() if isinstance(r, Campaign)}
    assert {a.campaign_id for a in alerts(with_everything())} <= told


def test_bad_feedback_has_a_reason() -> None:
    """Evidence without its evidence names what is missing."""
    good = said("account", "a")
    bad = msgspec.json.encode(msgspec.structs.asdict(good) | {"action": "evidence"})
    assert decode_feedback(msgspec.json.encode(good), 10_000) == good
    with pytest.raises(BadRecord, match=r"missing_field: .*evidence"):
        decode_feedback(bad, 10_000)


@pytest.mark.parametrize("expires_ms", [CALENDAR_END_MS, 1_772_532_000_000_000, 2**53 - 1])
def test_what_never_expires_is_obeyed(expires_ms: int) -> None:
    """Beyond the year 9999, or in microseconds: allowed for ever, and the alert says so."""
    block = next(id_ for kind, id_ in objects() if kind == "block")
    sent = said("block", block, action="allow", until_ms=expires_ms)
    [heard] = [decode_feedback(msgspec.json.encode(sent), 10_000)]
    assert heard.expires_ms is None
    for record in (heard, sent):  # the second as an older worker has saved it
        _, records = decided(record)
        told = [a for a in alerts(records) if block in a.campaign.blocks]
        assert told
        assert all(f"block {block} is allowed by" in a.suppressed.reason for a in told)


@pytest.mark.parametrize(
    ("target", "created_ms", "reason"),
    [
        (Target("block", "the office"), 1, "bad_ip"),
        (Target("block", "192.0.2.0/99"), 1, "bad_ip"),
        (Target("block", "0.0.0.0/0"), 1, "bad_ip"),
        (Target("block", "::/0"), 1, "bad_ip"),
        (Target("campaign", "c-1"), CALENDAR_END_MS, "out_of_range"),
    ],
)
def test_nonsense_is_refused_by_name(target: Target, created_ms: int, reason: str) -> None:
    """A block that is none, a time that no clock will show."""
    record = Feedback("1", target, "benign", "", "a", created_ms)
    with pytest.raises(BadRecord) as caught:
        decode_feedback(msgspec.json.encode(record), 10_000)
    assert caught.value.reason == reason


def test_an_address_means_its_block() -> None:
    """As alerts show it."""
    record = Feedback("1", Target("block", "192.0.2.77"), "benign", "", "a", 1)
    assert decode_feedback(msgspec.json.encode(record), 10_000).target.id == "192.0.2.0/24"
