"""Why a campaign was named, and an account with it: everything for a person, in one record."""

from __future__ import annotations

import msgspec

from analyzer.core.contracts.records import Alert, Condition, Member, SignalReading
from analyzer.exchange.case import Case
from analyzer.exchange.exposure import Exposure, exposure_of
from analyzer.exchange.shares import Share, shares_of
from analyzer.exchange.timeline import Moment, timeline
from analyzer.exchange.traffic import Traffic


class Evidence(msgspec.Struct, frozen=True):
    """One signal over the campaign's life."""

    reading: SignalReading
    """As last told."""
    highest: float
    since_ms: int
    """First alert that told of it."""


class Person(msgspec.Struct, frozen=True):
    """A member: how sure, since when, and what it shares with whom."""

    account_id: str
    state: str
    membership: float
    joined_ms: int
    first_event_ms: int
    last_event_ms: int
    requests: int
    reasons: list[str]
    shares: list[Share]


class Explanation(msgspec.Struct, frozen=True):
    """The whole case."""

    campaign_id: str
    account_id: str | None
    """Whom was asked for, if it was an account."""
    kind: str
    severity: str
    state: str
    confidence: float
    summary: str
    timeline: list[Moment]
    signals: list[Evidence]
    counter_evidence: list[Evidence]
    verdict: list[Condition]
    members: list[Person]
    exposure: Exposure
    next_steps: list[str]
    runbook_url: str


def explanation_of(case: Case, member: Member | None, traffic: Traffic | None) -> Explanation:
    """Put together what is known.

    Parameters
    ----------
    member
        The account that was asked for; None for the whole campaign.
    traffic
        Requests of all members; None if the sources are not at hand.
    """
    told = case.told
    shares = shares_of(traffic) if traffic is not None else {}
    return Explanation(
        campaign_id=case.id,
        account_id=member.account_id if member else None,
        kind=told.kind,
        severity=told.severity,
        state=case.campaign.state if case.campaign else "open",
        confidence=told.confidence,
        summary=told.summary,
        timeline=timeline(case),
        signals=_over_time(case.alerts, told.signals, against=False),
        counter_evidence=_over_time(case.alerts, told.counter_evidence, against=True),
        verdict=told.verdict,
        members=[
            _person(one, shares.get(one.account_id, []))
            for one in ([member] if member else case.members)
        ],
        exposure=exposure_of(case, traffic),
        next_steps=told.next_steps,
        runbook_url=told.runbook_url,
    )


def _over_time(alerts: list[Alert], last: list[SignalReading], *, against: bool) -> list[Evidence]:
    found = []
    for reading in last:
        said = [
            (alert.detected_at_ms, one.value)
            for alert in alerts
            for one in (alert.counter_evidence if against else alert.signals)
            if one.name == reading.name
        ]
        found.append(Evidence(reading, max(value for _, value in said), min(at for at, _ in said)))
    return found


def _person(member: Member, shares: list[Share]) -> Person:
    return Person(
        account_id=member.account_id,
        state=member.state,
        membership=member.membership,
        joined_ms=member.joined_ms,
        first_event_ms=member.first_event_ms,
        last_event_ms=member.last_event_ms,
        requests=member.requests,
        reasons=member.reasons,
        shares=shares,
    )
