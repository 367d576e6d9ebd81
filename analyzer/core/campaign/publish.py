"""From the book of campaigns to records: what is said, when, and in which words."""

from __future__ import annotations

import math
from collections import Counter
from hashlib import blake2b

import numpy as np

from analyzer import __version__
from analyzer.core.campaign.alert_text import next_steps, summarise_campaign
from analyzer.core.campaign.campaign_state import ACCOUNT, CONFIRMED_ORGS, CampaignFile, Place
from analyzer.core.campaign.feedback_rules import Judgements
from analyzer.core.campaign.linker import Book
from analyzer.core.cohort.catalog import AGAINST, FAMILIES, NAMES, SIGNALS
from analyzer.core.cohort.fusion import Fusion, strong_families
from analyzer.core.config import CoreConfig
from analyzer.core.contracts.event_time import DAY_S
from analyzer.core.contracts.records import (
    SEVERITIES,
    Activity,
    Alert,
    Campaign,
    CampaignFacts,
    Member,
    Provenance,
    Record,
    Severity,
    SignalReading,
)

ATTACK = "AML.T0024.002"
SAMPLE = 50
LISTED = 20

Members = list[tuple[Place, int]]
"""Accounts of confirmed organisations with their hits, surest first."""


class Publisher:
    """Turns changed campaigns into alerts, campaign states and member states."""

    def __init__(self, config: CoreConfig, fusion: Fusion, judgements: Judgements) -> None:
        self._config = config
        self._fusion = fusion
        self._judgements = judgements
        self.suppressed: Counter[str] = Counter()
        """Alerts not sent by this process: ``nothing_new``, or ``feedback`` speaks against it."""

    def publish(self, book: Book, pane: int) -> list[Record]:
        """Records for what changed up to the end of this pane."""
        now_ms = (pane + 1) * self._config.pane_ms
        records: list[Record] = []
        touched, book.touched = list(book.touched), {}
        for id_ in touched:
            file = book.files[id_]
            if file.revision == 0 and (
                file.state != "open"
                or self._judgements.releases(file)
                or len(file.confirmed()) < CONFIRMED_ORGS[file.domain]
            ):
                continue
            records += self._speak(file, now_ms)
        return records

    def _speak(self, file: CampaignFile, now_ms: int) -> list[Record]:
        members = _members(file)
        severity = _severity(file, self._judgements.outside_of(file))
        if file.kind == file.alerted_kind:
            severity = max(file.severity, severity, key=SEVERITIES.index)
        activity = self._activity(file, severity, len(members), now_ms)
        silenced = activity is not None and self._judgements.silences(file)
        if silenced:
            activity = None
        file.severity = severity
        records: list[Record] = []
        if activity is not None:
            file.revision += 1
            records.append(self._alert(file, members, activity, now_ms))
            file.alerted_ms, file.suppressed, file.alerted_kind = now_ms, 0, file.kind
            file.alerted_members = len(members)
            file.alerted_models = sorted(file.models)
        else:
            file.suppressed += 1
            self.suppressed["feedback" if silenced else "nothing_new"] += 1
        records += self._members(file, now_ms, everyone=activity is not None)
        records.append(self._campaign(file, members, now_ms))
        return records

    def _activity(
        self, file: CampaignFile, severity: Severity, members: int, now_ms: int
    ) -> Activity | None:
        if file.revision == 0:
            return "opened"
        if file.state != "open":
            return "closed"
        if SEVERITIES.index(severity) > SEVERITIES.index(file.severity):
            return "escalated"
        if file.domain == ACCOUNT:
            return None
        if (
            file.kind != file.alerted_kind
            or members >= 2 * file.alerted_members
            or not set(file.models) <= set(file.alerted_models)
            or now_ms - file.alerted_ms >= self._config.update_after_s * 1_000
        ):
            return "updated"
        return None

    def _alert(
        self,
        file: CampaignFile,
        members: Members,
        activity: Activity,
        now_ms: int,
    ) -> Alert:
        return Alert(
            alert_id=_digest(f"{file.id}:{file.revision}"),
            dedup_key=file.id,
            revision=file.revision,
            activity=activity,
            kind=file.kind,
            severity=file.severity,
            confidence=_round(
                self._judgements.confidence(file, file.score * (1 - 0.5**file.findings))
            ),
            score=_round(file.score),
            campaign_id=file.id,
            first_event_ms=min((place.first_ms for place, _ in members), default=now_ms),
            last_event_ms=max((place.last_ms for place, _ in members), default=now_ms),
            detected_at_ms=now_ms,
            summary=summarise_campaign(file, len(members)),
            campaign=_facts(file, members),
            signals=self._readings(file, against=False)
            + _strange(file)
            + self._judgements.readings(file, against=False),
            counter_evidence=self._readings(file, against=True)
            + self._judgements.readings(file, against=True),
            suppressed=self._judgements.suppressed(file),
            attack=ATTACK,
            runbook_url=self._config.runbook_url,
            next_steps=next_steps(file.kind),
            provenance=Provenance(
                __version__, self._config.config_hash, self._fusion.version, replay=False
            ),
        )

    def _readings(self, file: CampaignFile, *, against: bool) -> list[SignalReading]:
        features = np.array(file.features)
        weight = np.abs(self._fusion.contributions(features))
        order = sorted(range(len(NAMES)), key=lambda i: (-float(weight[i]), NAMES[i]))
        return [
            SignalReading(
                name=NAMES[i],
                family=FAMILIES[i],
                value=_round(features[i]),
                baseline=_round(file.usual[i]),
                unit=SIGNALS[i].UNIT,
                evidence=_evidence(i, features[i], file),
                window_s=file.window_s,
            )
            for i in order
            if (FAMILIES[i] == AGAINST) == against and features[i] > (0.0 if against else 0.1)
        ][:8]

    def _members(self, file: CampaignFile, now_ms: int, *, everyone: bool) -> list[Member]:
        confirmed, full = file.confirmed(), file.full_hits
        if self._judgements.releases(file):
            confirmed = set()
        changed = []
        for place in file.accounts.values():
            inside = place.org in confirmed and file.state != "merged"
            membership = _round(min(1.0, file.hits[place.org] / full)) if inside else 0.0
            if not inside and place.shown <= 0:
                continue
            news = (place.shown > 0) != inside or abs(place.shown - membership) >= 0.1
            if not news and not (everyone and inside):
                continue
            if place.joined_ms < 0:
                place.joined_ms = now_ms
            place.shown = membership
            if file.state != "merged":
                changed.append(_member(file, place, membership))
        return changed

    def _campaign(self, file: CampaignFile, members: Members, now_ms: int) -> Campaign:
        return Campaign(
            campaign_id=file.id,
            kind=file.kind,
            severity=file.severity,
            state=file.state,
            score=_round(file.score),
            revision=file.revision,
            opened_ms=(file.opened_pane + 1) * self._config.pane_ms,
            updated_ms=now_ms,
            first_event_ms=min((place.first_ms for place, _ in members), default=now_ms),
            last_event_ms=max((place.last_ms for place, _ in members), default=now_ms),
            members_total=len(members),
            organisations=len(file.confirmed()),
            requests=sum(place.requests for place, _ in members),
            merged_from=list(file.merged_from),
            merged_into=file.merged_into,
        )


def _member(file: CampaignFile, place: Place, membership: float) -> Member:
    return Member(
        account_id=place.name,
        campaign_id=file.id,
        kind=file.kind,
        membership=membership,
        reasons=list(place.reasons),
        joined_ms=place.joined_ms,
        first_event_ms=place.first_ms,
        last_event_ms=place.last_ms,
        requests=place.requests,
        state="member" if membership > 0 else "released",
    )


def _evidence(signal: int, value: float, file: CampaignFile) -> str:
    """What the signal says, and how others of the same sort and size compare."""
    others = f"others {file.usual[signal]:.2f}, one in twenty above {file.high[signal]:.2f}"
    return f"{SIGNALS[signal].MEANING} ({value:.2f}; {others})"


def _strange(file: CampaignFile) -> list[SignalReading]:
    """What the online models say, if they know; of cohorts it explains and never decides."""
    if file.strangeness is None:
        return []
    times = file.facts["times_usual"]
    volume = SignalReading(
        name="volume",
        family="volume",
        value=_round(min(1.0, math.log10(max(1.0, times)) / 4)),
        baseline=0.0,
        unit="requests over the usual",
        evidence=f"{times:,.0f} times the requests of a usual account in a day",
        window_s=DAY_S,
    )
    others = "accounts" if file.domain == ACCOUNT else "cohorts"
    return ([volume] if file.domain == ACCOUNT else []) + [
        SignalReading(
            name="strangeness",
            family="novelty",
            value=_round(file.strangeness),
            baseline=0.5,
            unit="anomaly score",
            evidence=f"unlike the {others} seen so far, by an online model",
            window_s=DAY_S,
        )
    ]


def _members(file: CampaignFile) -> Members:
    """Accounts of the confirmed organisations, surest first, ties by name."""
    confirmed = file.confirmed()
    inside = [
        (place, file.hits[place.org]) for place in file.accounts.values() if place.org in confirmed
    ]
    return sorted(inside, key=lambda item: (-item[1], item[0].name))


def _facts(file: CampaignFile, members: Members) -> CampaignFacts:
    return CampaignFacts(
        members_total=len(members),
        members_sample=[place.name for place, _ in members[:SAMPLE]],
        organisations=len(file.confirmed()),
        blocks=_most(file.blocks),
        asns=[],
        templates=_most(file.templates),
        models=_most(file.models),
        requests=sum(place.requests for place, _ in members),
        output_tokens=int(file.facts["output_tokens"]),
        merged_from=list(file.merged_from),
    )


def _severity(file: CampaignFile, outside: float) -> Severity:
    """How urgent: linked accounts and pools are for information, extraction is for acting."""
    if file.kind != "extraction_campaign":
        return "low"
    members = len(file.confirmed())
    families = int(strong_families(np.array([file.features]), outside)[0])
    if members >= 1_000:
        return "critical"
    if members >= 100 or (file.score >= 0.95 and families >= 4):
        return "high"
    return "medium"


def _most(names: dict[str, int]) -> list[str]:
    return sorted(names, key=lambda name: (-names[name], name))[:LISTED]


def _digest(text: str) -> str:
    return blake2b(text.encode(), digest_size=16).hexdigest()


def _round(value: float) -> float:
    return 0.0 if math.isnan(value) else round(float(value), 4)
