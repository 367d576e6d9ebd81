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
    false_positive also closes the campaign and releases its members; findings mostly of these
    organisations are dropped until a family of evidence turns strong that was not before, or a
    later verdict calls the campaign true. Verdicts on other targets are kept, no more.
``evidence``
    One family of its own, ``outside``, for each cohort with the target in it; the verdicts
    false_positive, benign and test make it evidence of innocence. It is no way around the null
    tests: another family must be strong, and the score must pass.

A target that was merged means the campaign that it is part of.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from analyzer.core.campaign.campaign_state import CampaignFile
from analyzer.core.campaign.feedback_queue import Inbox
from analyzer.core.campaign.findings import Finding
from analyzer.core.campaign.linker import Book
from analyzer.core.campaign.models.verdicts import Verdicts, moved
from analyzer.core.cohort.catalog import AGAINST
from analyzer.core.cohort.describe import CohortNote
from analyzer.core.cohort.fusion import OUTSIDE, strong_names
from analyzer.core.contracts.columns import CohortColumns, Kind
from analyzer.core.contracts.feedback import (
    CALENDAR_END_MS,
    GUILTY,
    INNOCENT,
    Feedback,
    FeedbackBlock,
    Target,
    TargetType,
)
from analyzer.core.contracts.records import SignalReading, Suppressed

F64 = NDArray[np.float64]
Key = tuple[TargetType, str]

KEPT = 8
"""Vectors kept of each campaign to learn from, the latest."""
MOSTLY = 0.5
"""Share of a cohort's organisations from which it is about the campaign that holds them."""
FULL_SHARE = 0.1
"""Share of a cohort's accounts from which evidence on them counts in full."""
DEFINED_BY: dict[Kind, TargetType] = {Kind.TEMPLATE: "template", Kind.BLOCK: "block"}
SHOWN = 5
"""Reasons that one alert lists."""


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


class Case(msgspec.Struct):
    """What the findings of a campaign looked like, for when it is judged."""

    vectors: list[list[float]] = []
    families: set[str] = set()
    outside: float = 0.0
    """The strongest outside evidence of any finding, in [-1, 1]."""


class Judgements:
    """All feedback in effect; the one place that knows what it means."""

    def __init__(self) -> None:
        self.inbox = Inbox()
        self.allowed: dict[Key, Allowance] = {}
        self.labels: dict[Key, Feedback] = {}
        """The latest label of each target."""
        self._evidence: dict[tuple[TargetType, str, str], Feedback] = {}
        self._dismissed: dict[str, Dismissal] = {}
        self._cases: dict[str, Case] = {}
        self.model = Verdicts()
        self._now_ms = 0

    def take(self, block: FeedbackBlock) -> None:
        """Records that arrived; they take effect in their time."""
        self.inbox.take(block)

    def enter(self, now_ms: int, book: Book) -> None:
        """Let everything take effect that has, up to the end of a pane."""
        self._now_ms = now_ms
        for said in self.inbox.due(now_ms):
            key = (said.target.type, _current(said.target, book))
            if said.action == "allow":
                self._allow(key, said, book)
            elif said.evidence is not None and said.action == "evidence":
                self._evidence[*key, said.evidence.source] = said
            else:
                self._label(key, said, book)

    def _allow(self, key: Key, said: Feedback, book: Book) -> None:
        self.allowed[key] = Allowance(said)
        if self._counts(said) and key[0] == "account":
            book.part(key[1])
        elif key[0] == "campaign" and key[1] in book.files:
            book.touched[key[1]] = None

    def _label(self, key: Key, said: Feedback, book: Book) -> None:
        before, self.labels[key] = self.labels.get(key), said
        file = book.files.get(key[1]) if key[0] == "campaign" else None
        if file is None or (true := _truth(said)) is None:
            return
        cases = list(self._cases_of(file))
        if before is None or _truth(before) != true:
            self.model.learn_one([v for case in cases for v in case.vectors], true=true)
        if true:
            self._dismissed.pop(file.id, None)
        elif said.verdict == "false_positive" and self._counts(said):
            families = set[str]().union(*(case.families for case in cases))
            silent = file.state != "open"
            self._dismissed[file.id] = Dismissal(said, set(file.hits), families, silent)
            book.close(file)

    def outside(self, cohorts: CohortColumns, book: Book) -> F64:
        """Outside evidence for each cohort in [-1, 1], below 0 for innocence; shape (cohorts,).

        Several pieces add up. One account among many says little: evidence on accounts counts
        in full from a tenth of those named on.
        """
        total = np.zeros(len(cohorts.pane))
        evidence = [said for said in self._evidence.values() if self._counts(said)]
        if not evidence or not len(total):
            return total
        notes = [
            msgspec.json.decode(note, type=CohortNote) if note else None for note in cohorts.note
        ]
        for said in evidence:
            assert said.evidence is not None  # noqa: S101 - the contract's own rule
            sign = -1.0 if said.verdict in INNOCENT else 1.0
            total += sign * said.evidence.strength * _holds(said.target, cohorts, notes, book)
        return np.clip(total, -1.0, 1.0)

    def admit(self, finding: Finding) -> Finding | None:
        """The finding without whom it must not name; None if it must not count."""
        if allowance := self._founder(finding):
            allowance.hits += 1
            return None
        if self._is_dismissed(finding):
            return None
        named = [a for a in finding.accounts if not self._allowance("account", a.name)]
        for account in finding.accounts if len(named) < len(finding.accounts) else []:
            if allowance := self._allowance("account", account.name):
                allowance.hits += 1
        if not named:
            return None
        return finding if len(named) == len(finding.accounts) else replace(finding, accounts=named)

    def _founder(self, finding: Finding) -> Allowance | None:
        """The allowance of what founds the finding, if it is allowed."""
        note, kind = finding.note, DEFINED_BY.get(finding.cohort_kind)
        if kind is not None and (found := self._allowance(kind, note.name)):
            return found
        if note.templates and (found := self._allowance("template", note.templates[0])):
            return found
        places = [self._allowance("block", block) for block in note.blocks]
        return places[0] if places and all(places) else None

    def _is_dismissed(self, finding: Finding) -> bool:
        """True if it is about whom a verdict has cleared, and shows nothing new."""
        strong = strong_names(finding.features, finding.outside)
        for id_, dismissal in list(self._dismissed.items()):
            common = len(finding.orgs & dismissal.orgs)
            if not self._counts(dismissal.said) or common < MOSTLY * len(finding.orgs):
                continue
            if strong <= dismissal.families:
                dismissal.hits += 1
                return True
            del self._dismissed[id_]
        return False

    def keep(self, file: CampaignFile | None, finding: Finding) -> None:
        """Remember what a finding of the campaign looked like."""
        if file is None:
            return
        case = self._cases.setdefault(file.id, Case())
        case.vectors = [*case.vectors, np.nan_to_num(finding.features).tolist()][-KEPT:]
        case.families |= strong_names(finding.features, finding.outside)
        case.outside = max(case.outside, finding.outside, key=abs)

    def releases(self, file: CampaignFile) -> bool:
        """True if the campaign's members are to be left alone."""
        return bool(self._allowance("campaign", file.id)) or file.id in self._dismissed

    def silences(self, file: CampaignFile) -> bool:
        """True if no alert may be sent of the campaign; called once for each that would be."""
        if allowance := self._allowance("campaign", file.id):
            allowance.hits += 1
            return True
        dismissal = self._dismissed.get(file.id)
        return dismissal is not None and dismissal.silent

    def suppressed(self, file: CampaignFile) -> Suppressed:
        """What the alert leaves out, or what it is sent in spite of, and why."""
        reasons = [_sentence(allowance.said) for allowance in self._touching(file)]
        if (dismissal := self._dismissed.get(file.id)) is not None:
            reasons.append(f"false positive, says {dismissal.said.author_ref}")
        count = file.suppressed + len(reasons)
        quiet = ["nothing new since"] if file.suppressed else []
        return Suppressed(count, "; ".join(quiet + reasons[:SHOWN]))

    def _touching(self, file: CampaignFile) -> Iterator[Allowance]:
        names = {
            "template": set(file.templates),
            "block": set(file.blocks),
            "account": {place.name for place in file.accounts.values()} if self.allowed else set(),
            "campaign": {file.id, *file.merged_from},
        }
        for (kind, id_), allowance in sorted(self.allowed.items()):
            if id_ in names[kind] and self._counts(allowance.said):
                yield allowance

    def outside_of(self, file: CampaignFile) -> float:
        """Outside evidence on the campaign in [-1, 1]."""
        found = [case.outside for case in self._cases_of(file)]
        return max(found, key=abs, default=0.0)

    def confidence(self, file: CampaignFile, confidence: float) -> float:
        """The confidence after hearing the model of verdicts."""
        return moved(confidence, self.model.score_one(file.features))

    def readings(self, file: CampaignFile, *, against: bool) -> list[SignalReading]:
        """What verdicts and outside evidence say of the campaign, if they say anything."""
        found = []
        outside = self.outside_of(file)
        if outside and (outside < 0) == against:
            found.append(
                SignalReading(
                    name=OUTSIDE,
                    family=AGAINST if against else OUTSIDE,
                    value=round(abs(outside), 4),
                    baseline=0.0,
                    unit="strength",
                    evidence="known from elsewhere: a watermark, a partner, a model's fingerprint",
                    window_s=file.window_s,
                )
            )
        probability = self.model.score_one(file.features)
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
                    window_s=file.window_s,
                )
            )
        return found

    def _allowance(self, kind: TargetType, id_: str) -> Allowance | None:
        found = self.allowed.get((kind, id_))
        return found if found is not None and self._counts(found.said) else None

    def _counts(self, said: Feedback) -> bool:
        return said.expires_ms is None or self._now_ms < said.expires_ms

    def _cases_of(self, file: CampaignFile) -> Iterator[Case]:
        for id_ in [file.id, *file.merged_from]:
            if id_ in self._cases:
                yield self._cases[id_]

    def state(self) -> dict[str, Any]:
        """All of it, as plain data."""
        return {
            "inbox": self.inbox.state(),
            "allowed": msgspec.to_builtins(list(self.allowed.items())),
            "labels": msgspec.to_builtins(list(self.labels.items())),
            "evidence": msgspec.to_builtins(list(self._evidence.items())),
            "dismissed": msgspec.to_builtins(self._dismissed),
            "cases": msgspec.to_builtins(self._cases),
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
        self._cases = msgspec.convert(state["cases"], dict[str, Case])
        self.model.restore(state["model"])
        self._now_ms = state["now_ms"]


def _truth(said: Feedback) -> bool | None:
    """What a label says of its campaign; None if it leaves it open."""
    if said.verdict in GUILTY:
        return True
    return False if said.verdict in INNOCENT else None


def _current(target: Target, book: Book) -> str:
    """Id of the target, or of the campaign that it is part of by now."""
    id_ = target.id
    while target.type == "campaign" and id_ in book.files and book.files[id_].merged_into:
        id_ = book.files[id_].merged_into or id_
    return id_


def _holds(
    target: Target, cohorts: CohortColumns, notes: list[CohortNote | None], book: Book
) -> F64:
    """How far each cohort has the target in it, in [0, 1]; shape (cohorts,)."""
    n = len(cohorts.pane)
    if target.type == "template":
        return np.array([note is not None and target.id in note.templates for note in notes], float)
    if target.type == "block":
        return np.array([note is not None and target.id in note.blocks for note in notes], float)
    if target.type == "account":
        keys = [key for key, name in cohorts.names.as_dict().items() if name == target.id]
        mine = cohorts.member_row[np.isin(cohorts.member, np.array(keys, np.uint64))]
        named = np.maximum(1, np.bincount(cohorts.member_row, minlength=n))
        share = np.bincount(mine, minlength=n) / named
        return np.asarray(np.minimum(1.0, share / FULL_SHARE))
    file = book.files.get(_current(target, book))
    held = np.zeros(n)
    if file is not None and file.hits:
        inside = np.isin(cohorts.member_org, np.array(list(file.hits), np.uint64))
        named = np.maximum(1, np.bincount(cohorts.member_row, minlength=n))
        held = np.bincount(cohorts.member_row, weights=inside, minlength=n) / named
    return np.asarray((held >= MOSTLY).astype(float))


def _sentence(said: Feedback) -> str:
    until = ""
    if said.expires_ms is not None and said.expires_ms < CALENDAR_END_MS:
        until = f" until {datetime.fromtimestamp(said.expires_ms / 1_000, UTC):%Y-%m-%d %H:%M} UTC"
    return (
        f"{said.target.type} {said.target.id} is allowed{until} by {said.author_ref}: {said.reason}"
    )
