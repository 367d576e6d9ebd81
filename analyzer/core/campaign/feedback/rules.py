"""What people and outside systems said, and what follows from it.

``allow``
    A template or block: findings founded by it are dropped, so it founds no campaign and brings
    nobody in; what else is found still counts. A finding is founded by the object that defines
    it, by the template that its members use most, and by its blocks if all of them are allowed.
    An account: it is never named as a member, and leaves the campaigns that it is in. A campaign:
    no further alert, and its members are told as released. Each until it expires, by event time;
    a later allowance of the same target replaces the earlier, and one that has expired by then
    takes it back.
``label``
    A campaign's verdict is a lesson (:mod:`analyzer.core.campaign.models.verdicts`). The verdict
    false_positive also closes the campaign and releases its members, whom no other campaign takes
    in; findings mostly of these organisations are dropped. Both end once a family of evidence turns
    strong that was not before, or a later verdict calls the campaign true. Verdicts on other
    targets are kept, no more.
``evidence``
    One family of its own, ``outside``, for each cohort with the target in it; the verdicts
    false_positive, benign and test make it evidence of innocence. It is no way around the null
    tests: another family must be strong, and the score must pass.

A target that was merged means the campaign that it is part of.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec
import numpy as np
from msgspec import structs
from numpy.typing import NDArray

from analyzer.core.campaign.campaign_state import Campaign
from analyzer.core.campaign.feedback.queue import Inbox
from analyzer.core.campaign.findings import Finding
from analyzer.core.campaign.linker import Registry
from analyzer.core.campaign.models.verdicts import Verdicts, moved
from analyzer.core.campaign.objects import Objects
from analyzer.core.cohort.catalog import AGAINST
from analyzer.core.cohort.fusion import OUTSIDE, strong_names
from analyzer.core.cohort.window import Window
from analyzer.core.contracts.cohort_columns import CohortColumns
from analyzer.core.contracts.feedback import (
    BENIGN,
    CALENDAR_END_MS,
    POSITIVE,
    Feedback,
    FeedbackBlock,
    Target,
    TargetType,
)
from analyzer.core.contracts.object_kind import Kind
from analyzer.core.contracts.records import SignalReading, Suppressed

F64 = NDArray[np.float64]
U64 = NDArray[np.uint64]
Key = tuple[TargetType, str]

MOSTLY = 0.5
"""Share of a cohort's organisations from which it is about the campaign that holds them."""
FULL_SHARE = 0.1
"""Share of a cohort's accounts from which evidence on them counts in full."""
DEFINED_BY: dict[Kind, TargetType] = {Kind.TEMPLATE: "template", Kind.BLOCK: "block"}
SHOWN = 5
"""Reasons that one alert lists."""
MOST_BLOCKS = 12
"""Blocks that must all be allowed for a finding to be founded by them."""


class Allowance(msgspec.Struct):
    """A target that is left alone."""

    said: Feedback
    hits: int = 0
    """Findings dropped, accounts left unnamed, alerts not sent because of it."""


class Dismissal(msgspec.Struct):
    """A campaign that was judged a false positive."""

    said: Feedback
    orgs: set[int]
    """Whom it is closed for."""
    families: set[str]
    """Families of evidence that were strong in it: they count no more."""
    silent: bool
    """True if it was closed before: nothing is left to tell."""
    hits: int = 0
    """Findings dropped because of it."""


class Lesson(NamedTuple):
    """A campaign whose verdict is known now."""

    campaign: Campaign
    true: bool


class Judgements:
    """All feedback in effect; the one place that knows what it means."""

    def __init__(self) -> None:
        self.inbox = Inbox()
        self.allowed: dict[Key, Allowance] = {}
        self.labels: dict[Key, Feedback] = {}
        """The latest label of each target."""
        self._evidence: dict[tuple[TargetType, str, str], Feedback] = {}
        self._dismissed: dict[str, Dismissal] = {}
        self.model = Verdicts()
        self._now_ms = 0

    def take(self, block: FeedbackBlock) -> None:
        """Records that arrived; they take effect in their time."""
        self.inbox.take(block)

    def enter(self, now_ms: int, registry: Registry, view: Window) -> list[Lesson]:
        """Let everything take effect that has, up to the end of a pane; what there is to learn."""
        self._now_ms, self._objects = now_ms, Objects(view)
        lessons: list[Lesson] = []
        for said in self.inbox.due(now_ms):
            key = (said.target.type, _current(said.target, registry))
            if said.action == "allow":
                self._allow(key, said, registry)
            elif said.evidence is not None and said.action == "evidence":
                self._evidence[*key, said.evidence.source] = said
            else:
                lessons += self._label(key, said, registry)
        return lessons

    def _allow(self, key: Key, said: Feedback, registry: Registry) -> None:
        self.allowed[key] = Allowance(said)
        if not self._counts(said):
            return
        if key[0] == "account":
            for campaign in registry.campaigns.values():
                if any(account.name == key[1] for account in campaign.state.accounts.values()):
                    registry.touched[campaign.id] = None
        elif key[0] == "campaign" and key[1] in registry.campaigns:
            registry.touched[key[1]] = None

    def _label(self, key: Key, said: Feedback, registry: Registry) -> Iterator[Lesson]:
        before, self.labels[key] = self.labels.get(key), said
        campaign = registry.campaigns.get(key[1]) if key[0] == "campaign" else None
        if campaign is None or (true := _truth(said)) is None:
            return
        if before is None or _truth(before) != true:
            self.model.learn_one(campaign.vectors(), true=true)
            yield Lesson(campaign, true)
        if true:
            self._dismissed.pop(campaign.id, None)
        elif said.verdict == "false_positive" and self._counts(said):
            silent = not campaign.is_open
            orgs = set(campaign.members.key.tolist())
            self._dismissed[campaign.id] = Dismissal(said, orgs, _families(campaign), silent)
            registry.close(campaign)

    def outside(self, cohorts: CohortColumns, registry: Registry) -> F64:
        """Outside evidence for each cohort in [-1, 1], below 0 for innocence; shape (cohorts,).

        Several pieces add up. One organisation among many says little: evidence on accounts
        counts in full from a tenth of the members on.
        """
        total = np.zeros(len(cohorts.pane))
        evidence = [said for said in self._evidence.values() if self._counts(said)]
        if not evidence or not len(total):
            return total
        for said in evidence:
            assert said.evidence is not None  # noqa: S101 - the contract's own rule
            sign = -1.0 if said.verdict in BENIGN else 1.0
            total += sign * said.evidence.strength * self._holds(said.target, cohorts, registry)
        return np.clip(total, -1.0, 1.0)

    def _holds(self, target: Target, cohorts: CohortColumns, registry: Registry) -> F64:
        """How far each cohort has the target in it, in [0, 1]; shape (cohorts,)."""
        if target.type in {"template", "block"}:
            kind = Kind.TEMPLATE if target.type == "template" else Kind.BLOCK
            users = self._objects.users(kind, target.id)
            defined = self._objects.hashes(target.id, kind)
            share = cohorts.share_of_members(np.isin(cohorts.member_org, users))
            own = (cohorts.kind == kind) & np.isin(cohorts.object, defined)
            return np.asarray(own | (share >= MOSTLY), np.float64)
        if target.type == "account":
            orgs = self._objects.orgs_of(target.id)
            share = cohorts.share_of_members(np.isin(cohorts.member_org, orgs))
            return np.minimum(1.0, share / FULL_SHARE)
        campaign = registry.campaigns.get(_current(target, registry))
        orgs = campaign.members.key if campaign else np.zeros(0, np.uint64)
        share = cohorts.share_of_members(np.isin(cohorts.member_org, orgs))
        return (share >= MOSTLY).astype(np.float64)

    def admit(self, finding: Finding) -> Finding | None:
        """The finding without whom it must not name; None if it must not count."""
        if not self.allowed and not self._dismissed:
            return finding if len(finding.orgs) else None
        if self.allowed and (allowance := self._founder(finding)):
            allowance.hits += 1
            return None
        if self._is_dismissed(finding):
            return None
        for (kind, name), allowance in self.allowed.items():
            if kind == "account" and self._counts(allowance.said):
                alone = self._objects.orgs_of(name, alone=True)
                allowance.hits += int(np.isin(alone, finding.orgs).any())
        orgs = finding.orgs[~np.isin(finding.orgs, self.barred())]
        if not len(orgs):
            return None
        return finding if len(orgs) == len(finding.orgs) else structs.replace(finding, orgs=orgs)

    def barred(self) -> U64:
        """Organisations that no campaign may take in: allowed, or cleared by a verdict."""
        allowed = [
            self._objects.orgs_of(name, alone=True)
            for (kind, name), allowance in self.allowed.items()
            if kind == "account" and self._counts(allowance.said)
        ]
        cleared = [
            np.fromiter(dismissal.orgs, np.uint64, len(dismissal.orgs))
            for dismissal in self._dismissed.values()
            if self._counts(dismissal.said)
        ]
        return np.unique(np.concatenate([*allowed, *cleared, np.zeros(0, np.uint64)]))

    def names_account(self, name: str) -> bool:
        """False if the account is allowed: it is named nowhere."""
        return not self.allowed or self._allowance("account", name) is None

    def _founder(self, finding: Finding) -> Allowance | None:
        """The allowance of what founds the finding, if it is allowed."""
        kind = DEFINED_BY.get(finding.cohort_kind)
        if kind is not None and (found := self._allowance(kind, finding.name)):
            return found
        kinds = {kind for kind, _ in self.allowed}
        if "template" in kinds:
            templates = self._objects.top(Kind.TEMPLATE, finding.orgs, 1)
            if templates and (found := self._allowance("template", templates[0])):
                return found
        if "block" in kinds:
            blocks = self._objects.top(Kind.BLOCK, finding.orgs, MOST_BLOCKS)
            places = [self._allowance("block", block) for block in blocks]
            return places[0] if places and all(places) else None
        return None

    def _is_dismissed(self, finding: Finding) -> bool:
        """True if it is about whom a verdict has cleared, and shows nothing new."""
        if not self._dismissed:
            return False
        orgs = set(finding.orgs.tolist())
        strong = strong_names(finding.features, finding.outside)
        for id_, dismissal in list(self._dismissed.items()):
            common = len(orgs & dismissal.orgs)
            if not self._counts(dismissal.said) or common < MOSTLY * len(orgs):
                continue
            if strong <= dismissal.families:
                dismissal.hits += 1
                return True
            del self._dismissed[id_]
        return False

    def releases(self, campaign: Campaign) -> bool:
        """True if the campaign's members are to be left alone."""
        allowed = self._allowance("campaign", campaign.id) is not None
        return allowed or campaign.id in self._dismissed

    def silences(self, campaign: Campaign) -> bool:
        """True if no alert may be sent of the campaign; called once for each that would be."""
        if allowance := self._allowance("campaign", campaign.id):
            allowance.hits += 1
            return True
        work = campaign.state.templates[:1]
        if work and (allowance := self._allowance("template", work[0])):
            allowance.hits += 1
            return True
        dismissal = self._dismissed.get(campaign.id)
        return dismissal is not None and dismissal.silent

    def suppressed(self, campaign: Campaign) -> Suppressed:
        """What the alert leaves out, or what it is sent in spite of, and why."""
        reasons = [_sentence(allowance.said) for allowance in self._touching(campaign)]
        if (dismissal := self._dismissed.get(campaign.id)) is not None:
            reasons.append(f"false positive, says {dismissal.said.author_ref}")
        unsent = campaign.state.suppressed
        quiet = ["nothing new since"] if unsent else []
        return Suppressed(unsent + len(reasons), "; ".join(quiet + reasons[:SHOWN]))

    def _touching(self, campaign: Campaign) -> Iterator[Allowance]:
        state = campaign.state
        names = {
            "template": set(state.templates),
            "block": set(state.blocks),
            "account": {account.name for account in state.accounts.values()},
            "campaign": {state.id, *state.merged_from},
        }
        for (kind, id_), allowance in sorted(self.allowed.items()):
            if id_ in names[kind] and self._counts(allowance.said):
                yield allowance

    def confidence(self, campaign: Campaign, confidence: float) -> float:
        """The confidence after hearing the model of verdicts."""
        return moved(confidence, self._probability(campaign))

    def _probability(self, campaign: Campaign) -> float | None:
        vectors = campaign.vectors()
        return self.model.score_one(vectors[-1]) if vectors else None

    def readings(self, campaign: Campaign, *, against: bool) -> list[SignalReading]:
        """What verdicts and outside evidence say of the campaign, if they say anything."""
        found = []
        outside = campaign.state.outside
        window_s = campaign.latest.window_s if campaign.latest else 0
        if outside and (outside < 0) == against:
            found.append(
                SignalReading(
                    name=OUTSIDE,
                    family=AGAINST if against else OUTSIDE,
                    value=round(abs(outside), 4),
                    baseline=0.0,
                    unit="strength",
                    evidence="known from elsewhere: a watermark, a partner, a model's fingerprint",
                    window_s=window_s,
                )
            )
        probability = self._probability(campaign)
        if probability is not None and not against:
            n = self.model.true + self.model.false
            found.append(
                SignalReading(
                    name="verdicts",
                    family="feedback",
                    value=round(probability, 4),
                    baseline=round(self.model.true / n, 4),
                    unit="probability",
                    evidence=f"learned from {n} judged campaigns (ranks, never decides)",
                    window_s=window_s,
                )
            )
        return found

    def _allowance(self, kind: TargetType, id_: str) -> Allowance | None:
        found = self.allowed.get((kind, id_))
        return found if found is not None and self._counts(found.said) else None

    def _counts(self, said: Feedback) -> bool:
        return said.expires_ms is None or self._now_ms < said.expires_ms

    def state(self) -> dict[str, Any]:
        """All of it, as plain data."""
        return {
            "inbox": self.inbox.state(),
            "allowed": msgspec.to_builtins(list(self.allowed.items())),
            "labels": msgspec.to_builtins(list(self.labels.items())),
            "evidence": msgspec.to_builtins(list(self._evidence.items())),
            "dismissed": msgspec.to_builtins(self._dismissed),
            "model": self.model.snapshot(),
            "now_ms": self._now_ms,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Put back what :meth:`state` gave."""
        self.inbox.restore(state["inbox"])
        self.allowed = dict(msgspec.convert(state["allowed"], list[tuple[Key, Allowance]]))
        self.labels = dict(msgspec.convert(state["labels"], list[tuple[Key, Feedback]]))
        kind = list[tuple[tuple[TargetType, str, str], Feedback]]
        self._evidence = dict(msgspec.convert(state["evidence"], kind))
        self._dismissed = msgspec.convert(state["dismissed"], dict[str, Dismissal])
        self.model.restore(state["model"])
        self._now_ms = state["now_ms"]


def _truth(said: Feedback) -> bool | None:
    """What a label says of its campaign; None if it leaves it open."""
    if said.verdict in POSITIVE:
        return True
    return False if said.verdict in BENIGN else None


def _current(target: Target, registry: Registry) -> str:
    """Id of the target, or of the campaign that it is part of by now."""
    return registry.current(target.id) if target.type == "campaign" else target.id


def _families(campaign: Campaign) -> set[str]:
    """Families of evidence that are strong in any reading of the campaign."""
    vectors = [np.array(vector) for vector in campaign.vectors()]
    return set[str]().union(*(strong_names(v, campaign.state.outside) for v in vectors))


def _sentence(said: Feedback) -> str:
    until = ""
    if said.expires_ms is not None and said.expires_ms < CALENDAR_END_MS:
        until = f" until {datetime.fromtimestamp(said.expires_ms / 1_000, UTC):%Y-%m-%d %H:%M} UTC"
    return (
        f"{said.target.type} {said.target.id} is allowed{until} by {said.author_ref}: {said.reason}"
    )
