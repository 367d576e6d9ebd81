"""From the book of campaigns to records: what is said, when, and in which words."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from analyzer import __version__
from analyzer.core.campaign.alert_text import next_steps, summarise_campaign
from analyzer.core.campaign.campaign_state import Campaign, CampaignState
from analyzer.core.campaign.evidence import Evidence
from analyzer.core.campaign.evidence.roll import Accounts, Roll, member
from analyzer.core.campaign.feedback.rules import Judgements
from analyzer.core.campaign.fragments import SETTLED, fragments
from analyzer.core.campaign.inside import told_inside
from analyzer.core.campaign.kind import EXTRACTION
from analyzer.core.campaign.linker import Registry
from analyzer.core.campaign.models.kind_learner import KindLearner
from analyzer.core.campaign.objects import Objects
from analyzer.core.campaign.severity import severity_of
from analyzer.core.campaign.verdict import verdict_of
from analyzer.core.cohort.catalog import AGAINST, FAMILIES, NAMES, SIGNALS
from analyzer.core.cohort.fusion import Fusion
from analyzer.core.cohort.window import Window
from analyzer.core.config import CoreConfig
from analyzer.core.contracts.event_time import DAY_S
from analyzer.core.contracts.hashing import alert_id
from analyzer.core.contracts.object_kind import Kind
from analyzer.core.contracts.records import (
    SEVERITIES,
    Activity,
    Alert,
    CampaignFacts,
    Member,
    Provenance,
    Record,
    Severity,
    SignalReading,
)
from analyzer.core.contracts.records import Campaign as CampaignRecord

ATTACK = "AML.T0024.002"
SAMPLE = 50
LISTED = 20

NEEDED = {"group": 6, "inside": 6, "account": 1}
"""Members found twice, in organisations, from which a campaign is spoken of."""
LOW_AFTER_S = 12 * 3_600
"""What is no extraction is spoken of so long after it was first found: it may become one."""
SETTLED_S = 3_600
"""Few members may be one of several fragments of an operation, which find together in the
next window of six hours: they are spoken of that much later."""
OFTEN_S = 6 * 3_600
"""Members are told anew at the end of windows of this length: every hour."""


class Publisher:
    """Turns changed campaigns into alerts, campaign states and member states."""

    def __init__(
        self, config: CoreConfig, fusion: Fusion, judgements: Judgements, kinds: KindLearner
    ) -> None:
        self._config = config
        self._fusion = fusion
        self._judgements = judgements
        self._kinds = kinds
        self._elsewhere = np.zeros(0, np.uint64)  # members of the one at hand, told as another's
        self.suppressed: Counter[str] = Counter()
        """Alerts not sent by this process: ``nothing_new``, or ``feedback`` speaks against it."""
        self._due: dict[int, Window] = {}

    def publish(
        self, registry: Registry, view: Window, pane: int, due: Sequence[Window] = ()
    ) -> list[Record]:
        """Records for what changed up to the end of this pane, at which these windows end."""
        self._due = {window.length_s: window for window in (view, *due)}
        now_ms = (pane + 1) * self._config.pane_ms
        spoken: list[Campaign] = []
        touched, registry.touched = list(registry.touched), {}
        due_now = [
            campaign
            for id_ in touched
            if (campaign := registry.campaigns[id_]).state.revision or self._is_due(campaign, pane)
        ]
        new = [c for c in due_now if not c.state.revision and c.state.kind == EXTRACTION]
        waiting = fragments(new, registry.open(), view, self._config)
        for campaign in due_now:
            if campaign.id in waiting or (view.length_s < OFTEN_S and not self._is_news(campaign)):
                registry.touched[campaign.id] = None  # told later, or with the next longer view
                continue
            spoken.append(campaign)
        if not spoken:
            return []
        _look(spoken, view)
        records: list[Record] = []
        accounts = Accounts(view)
        for campaign in spoken:
            self._elsewhere = told_inside(registry, campaign)
            records += self._speak(campaign, accounts, now_ms)
        return records

    def _is_due(self, campaign: Campaign, pane: int) -> bool:
        """True if a campaign that nothing was said of is to be spoken of."""
        state = campaign.state
        if not campaign.is_open or self._judgements.releases(campaign):
            return False
        if state.domain == "account":
            return True
        found = campaign.found_twice
        if found < NEEDED[state.domain] or not state.readings:
            return False
        age_s = (pane - state.opened_pane) * self._config.pane_s
        if state.kind == EXTRACTION:
            return found >= SETTLED or age_s >= SETTLED_S
        return age_s >= LOW_AFTER_S

    def _is_news(self, campaign: Campaign) -> bool:
        """True if what changed is more than who is how sure a member."""
        state = campaign.state
        told = state.revision and state.kind == state.alerted_kind and campaign.is_open
        return not told or self._judgements.releases(campaign)

    def _speak(self, campaign: Campaign, accounts: Accounts, now_ms: int) -> list[Record]:
        state = campaign.state
        inside = Roll.of(campaign, self._named(campaign), accounts, self._judgements.names_account)
        severity = severity_of(campaign)
        if state.kind == state.alerted_kind:
            severity = max(state.severity, severity, key=SEVERITIES.index)
        activity = self._activity(state, severity, len(inside), now_ms)
        silenced = activity is not None and self._judgements.silences(campaign)
        if silenced:
            activity = None
            if not state.revision:
                self.suppressed["feedback"] += 1
                return []
        state.severity = severity
        records: list[Record] = []
        if activity is not None:
            state.revision += 1
            records.append(self._alert(campaign, inside, activity, now_ms))
            state.alerted_ms, state.suppressed, state.alerted_kind = now_ms, 0, state.kind
            state.alerted_members = len(inside)
            state.alerted_models = sorted(state.models)
            state.ended = activity == "closed"
        else:
            state.suppressed += 1
            self.suppressed["feedback" if silenced else "nothing_new"] += 1
        records += self._members(state, inside, now_ms, everyone=activity is not None)
        records.append(self._campaign(campaign, inside, now_ms))
        return records

    def _activity(
        self, state: CampaignState, severity: Severity, members: int, now_ms: int
    ) -> Activity | None:
        if state.revision == 0:
            return "opened"
        if state.state != "open":
            return None if state.ended else "closed"
        if SEVERITIES.index(severity) > SEVERITIES.index(state.severity):
            return "escalated"
        if state.domain == "account":
            return None
        if (
            state.kind != state.alerted_kind
            or members >= 2 * max(1, state.alerted_members)
            or not set(state.models) <= set(state.alerted_models)
            or now_ms - state.alerted_ms >= self._config.update_after_s * 1_000
        ):
            return "updated"
        return None

    def _alert(self, campaign: Campaign, inside: Roll, activity: Activity, now_ms: int) -> Alert:
        state = campaign.state
        evidence = self._evidence(campaign, inside, now_ms)
        confidence = _round(self._judgements.confidence(campaign, _confidence(state)))
        return Alert(
            alert_id=alert_id(state.id, state.revision),
            dedup_key=state.id,
            revision=state.revision,
            activity=activity,
            kind=state.kind,
            severity=state.severity,
            confidence=confidence,
            score=_round(state.score),
            campaign_id=state.id,
            first_event_ms=inside.first_event_ms(now_ms),
            last_event_ms=inside.last_event_ms(now_ms),
            detected_at_ms=now_ms,
            summary=summarise_campaign(campaign, len(inside), confidence),
            campaign=_facts(campaign, inside, evidence),
            signals=self._readings(campaign, evidence, against=False)
            + _strange(state)
            + self._judgements.readings(campaign, against=False),
            counter_evidence=self._readings(campaign, evidence, against=True)
            + self._judgements.readings(campaign, against=True),
            suppressed=self._judgements.suppressed(campaign),
            attack=ATTACK,
            runbook_url=self._config.runbook_url.replace("{kind}", state.kind),
            next_steps=next_steps(campaign, confidence),
            verdict=verdict_of(campaign, self._kinds.model, NEEDED["group"]),
            provenance=Provenance(
                __version__,
                self._config.config_hash,
                f"{self._fusion.version}+{self._kinds.version}",
                replay=False,
            ),
        )

    def _evidence(self, campaign: Campaign, inside: Roll, now_ms: int) -> Evidence | None:
        """What may be said in figures; None unless the campaign was measured just now."""
        reading = campaign.latest
        if reading is None or (reading.pane + 1) * self._config.pane_ms != now_ms:
            return None
        window = self._due.get(reading.window_s)
        return Evidence(window, inside.orgs) if window is not None else None

    def _readings(
        self, campaign: Campaign, evidence: Evidence | None, *, against: bool
    ) -> list[SignalReading]:
        reading = campaign.latest
        if reading is None:
            return []
        features = np.array([reading.features.get(name, np.nan) for name in NAMES])
        weight = np.abs(self._fusion.contributions(features))
        order = sorted(range(len(NAMES)), key=lambda i: (-float(weight[i]), NAMES[i]))
        mine = [i for i in order if (FAMILIES[i] == AGAINST) == against]
        return [
            SignalReading(
                name=NAMES[i],
                family=FAMILIES[i],
                value=_round(features[i]),
                baseline=_round(reading.usual.get(NAMES[i], 0.0)),
                unit=SIGNALS[i].UNIT,
                evidence=(evidence and evidence.sentence(NAMES[i])) or SIGNALS[i].MEANING,
                window_s=reading.window_s,
            )
            for i in [i for i in mine if features[i] > (0.0 if against else 0.1)][:8]
        ]

    def _named(self, campaign: Campaign) -> NDArray[np.uint64]:
        """Organisations whose accounts are named as members."""
        confirmed = campaign.confirmed()
        if self._judgements.releases(campaign) or campaign.state.state == "merged":
            return confirmed[:0]
        return np.setdiff1d(confirmed, self._elsewhere, assume_unique=True)

    def _members(
        self, state: CampaignState, inside: Roll, now_ms: int, *, everyone: bool
    ) -> list[Member]:
        changed = inside.changed(state, now_ms, everyone=everyone)
        state.accounts.update((account.key, account) for account in changed)
        if state.state == "merged":
            return []
        elsewhere = set(self._elsewhere.tolist())
        return [member(state, account) for account in changed if account.org not in elsewhere]

    def _campaign(self, campaign: Campaign, inside: Roll, now_ms: int) -> CampaignRecord:
        state = campaign.state
        return CampaignRecord(
            campaign_id=state.id,
            kind=state.kind,
            severity=state.severity,
            state=state.state,
            score=_round(state.score),
            revision=state.revision,
            opened_ms=(state.opened_pane + 1) * self._config.pane_ms,
            updated_ms=now_ms,
            first_event_ms=inside.first_event_ms(now_ms),
            last_event_ms=inside.last_event_ms(now_ms),
            members_total=len(inside),
            organisations=len(inside.orgs),
            requests=int(inside.requests.sum()),
            merged_from=list(state.merged_from),
            merged_into=state.merged_into,
        )


def _look(campaigns: list[Campaign], view: Window) -> None:
    """Look up what the members use most, in views long enough to show it."""
    looked = [c for c in campaigns if not c.state.revision or view.length_s >= DAY_S]
    if not looked:
        return
    kinds = (Kind.TEMPLATE, Kind.BLOCK, Kind.ASN, Kind.MODEL)
    tops = Objects(view).tops(kinds, [c.confirmed() for c in looked], LISTED)
    for state, top in zip((c.state for c in looked), tops, strict=True):
        state.templates = top[Kind.TEMPLATE] or state.templates
        state.blocks = top[Kind.BLOCK] or state.blocks
        state.asns = list(map(int, top[Kind.ASN])) or state.asns
        state.models = sorted({*state.models, *top[Kind.MODEL]})


def _confidence(state: CampaignState) -> float:
    """How sure the kind is: the probability of extraction, or of anything but it."""
    if state.domain == "account":
        return state.score * (1 - 0.5**state.findings)
    sure = state.extraction if state.kind == EXTRACTION else 1 - state.extraction
    return sure * (1 - 0.5 ** max(1, state.findings))


def _strange(state: CampaignState) -> list[SignalReading]:
    """What the online models say, if they know; of cohorts it explains and never decides."""
    if state.anomaly is None:
        return []
    times = state.times_usual
    volume = SignalReading(
        name="volume",
        family="volume",
        value=_round(min(1.0, math.log10(max(1.0, times)) / 4)),
        baseline=0.0,
        unit="requests over the usual",
        evidence=f"{times:,.0f} times the requests of a usual account in a day",
        window_s=DAY_S,
    )
    alone = state.domain == "account"
    others = "accounts" if alone else "cohorts"
    return ([volume] if alone else []) + [
        SignalReading(
            name="anomaly",
            family="novelty",
            value=_round(state.anomaly),
            baseline=0.5,
            unit="anomaly score",
            evidence=f"unlike the {others} seen so far, by an online model",
            window_s=DAY_S,
        )
    ]


def _facts(campaign: Campaign, inside: Roll, evidence: Evidence | None) -> CampaignFacts:
    state = campaign.state
    return CampaignFacts(
        members_total=len(inside),
        members_sample=inside.surest(SAMPLE),
        organisations=len(inside.orgs),
        blocks=state.blocks[:LISTED],
        asns=state.asns,
        templates=state.templates[:LISTED],
        models=state.models[:LISTED],
        requests=int(inside.requests.sum()),
        output_tokens=inside.output_tokens,
        merged_from=list(state.merged_from),
        failures=evidence.failures() if evidence else None,
    )


def _round(value: float) -> float:
    return 0.0 if math.isnan(value) else round(float(value), 4)
