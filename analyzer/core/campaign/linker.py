"""The book of campaigns: findings that belong together become one campaign with a stable id.

::

    finding ──► overlaps one campaign ──► joins it
            ──► overlaps several      ──► joins the oldest, which takes the others in
            ──► overlaps none         ──► opens a new one
            ──► overlaps a little     ──► is left alone (a chain through something popular)

    two campaigns that use the same address blocks, or the same cards, are one operator's,
    and become one

Extraction inside a reseller's pool stays a campaign of its own beside the pool. A finding
that looks like a pool supports a campaign that holds most of its members already.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Set as AbstractSet
from hashlib import blake2b
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from analyzer.core.campaign.campaign_state import (
    ACCOUNT,
    CAMPAIGN,
    NOBODY,
    POOL,
    CampaignFile,
    Place,
)
from analyzer.core.campaign.findings import Finding
from analyzer.core.config import CoreConfig
from analyzer.core.contracts.columns import Kind

ANCHORS = (Kind.TEMPLATE, Kind.BLOCK, Kind.PAYMENT)
QUIET_S = 3 * 3_600
INSIDE_POOL = 0.6
SAME_BLOCKS, SAME_SHARE = 8, 0.7
SAME_CARDS, SAME_CARD_SHARE = 2, 0.1
"""Customers hardly ever share a card, so a few common ones tell more than common blocks."""
OUTLIERS, LESS, KNOWN_CORE, UNLIKE = 0.05, 0.35, 8, 0.25

_DOMAINS = {"reseller_pool": POOL, "account_anomaly": ACCOUNT}


class Book:
    """All campaigns, and which one each organisation belongs to."""

    def __init__(self, config: CoreConfig) -> None:
        self._config = config
        self.files: dict[str, CampaignFile] = {}
        self._owner: dict[str, dict[int, str]] = {}
        self._anchored: dict[str, str] = {}
        """Object → campaign whose members it brought in; its later users belong there too."""
        self._last: dict[str, int] = {}
        self.touched: dict[str, None] = {}
        """Campaigns changed since the last publication, in order."""

    def is_old(self, key: str, pane: int) -> bool:
        """True if a finding of this key was taken a short while ago: one more tells nothing."""
        quiet = QUIET_S // self._config.pane_s
        return pane - self._last.get(key, -quiet) < quiet

    def take(self, finding: Finding) -> CampaignFile | None:
        """Put a finding where it belongs; None if it is left alone."""
        file = self._place(finding)
        if file is None:
            return None
        self._last[finding.key] = finding.pane
        core = file.core_hits
        known = sum(file.hits.get(org, -1) >= core for org in finding.orgs)
        familiar = known >= (0.8 if file.kind == "reseller_pool" else 0.5) * len(finding.orgs)
        anchored = finding.anchor in file.anchors and "reseller_pool" not in {
            file.kind,
            finding.kind,
        }
        grows = finding.tight and (not file.hits or anchored or familiar)
        if grows and finding.lasting and finding.kind != "reseller_pool":
            file.anchors[finding.anchor] = None
            self._anchored[finding.anchor] = file.id
        self._add(file, finding, grows=grows)
        return file

    def _place(self, finding: Finding) -> CampaignFile | None:
        """The campaign that a finding belongs to, a new one if need be; None to leave it."""
        orgs = finding.orgs
        pooled = self._held(POOL, orgs) >= INSIDE_POOL * len(orgs)
        domains = self._domains(finding, pooled=pooled)
        within = domains[:1] if pooled else domains
        anchored = self._anchored.get(finding.anchor)
        if anchored is not None and self.files[anchored].domain in within:
            return self.files[anchored]
        held = Counter[str]()
        for domain in domains:
            held = self._holders(domain, orgs)
            enough = {
                id_: count
                for id_, count in held.items()
                if count >= 0.5 * len(orgs)
                or (finding.cohort_kind in ANCHORS and count >= max(5, 0.25 * len(orgs)))
            }
            if enough:
                return self._join(finding, enough)
        if finding.kind == "account_anomaly":
            known = self._held(CAMPAIGN, orgs) + self._held(POOL, orgs)
            return None if known else self._open(finding)
        alone = sum(held.values()) <= 0.2 * len(orgs) and len(orgs) - sum(held.values()) >= 6
        if alone and finding.tight:
            return self._open(finding)
        return None

    def _domains(self, finding: Finding, *, pooled: bool) -> tuple[str, ...]:
        """Where to look for a campaign to join, in this order.

        Work inside a pool that draws no long answers, or is a small part of what the pool does,
        is one more customer of the pool.
        """
        if finding.kind == "account_anomaly":
            return (ACCOUNT,)
        if finding.kind == "reseller_pool" or not (finding.elicits or finding.dominates):
            return POOL, CAMPAIGN
        if pooled and not finding.dominates:
            return POOL, CAMPAIGN
        return (CAMPAIGN,)

    def unite(self) -> None:
        """Merge campaigns that use the same address blocks: one operator, several templates."""
        for id_ in list(self.touched):
            for other in self._rivals(self.files[id_]):
                older, younger = sorted(
                    (self.files[id_], other), key=lambda file: (file.opened_pane, file.id)
                )
                self._merge(older, younger)
                self.touched[older.id] = None
                break

    def _rivals(self, file: CampaignFile) -> list[CampaignFile]:
        """Open campaigns that seem to be the same operator's."""
        if file.domain != CAMPAIGN or file.state != "open":
            return []
        return [
            other
            for other in self.files.values()
            if other.id != file.id
            and (other.domain, other.state) == (CAMPAIGN, "open")
            and (
                _same(file.blocks, other.blocks, SAME_BLOCKS, SAME_SHARE)
                or _same(file.payments, other.payments, SAME_CARDS, SAME_CARD_SHARE)
            )
        ]

    def expire(self, pane: int) -> None:
        """Close what has not been found again for ``close_after_s``."""
        limit = pane - self._config.close_after_s // self._config.pane_s
        for file in self.files.values():
            if file.state == "open" and file.last_pane < limit:
                self.close(file)
        self._last = {key: last for key, last in self._last.items() if last >= limit}

    def close(self, file: CampaignFile) -> None:
        """End a campaign that is open; its members are nobody's again."""
        if file.state == "open":
            file.state = "closed"
            self._disown(file)
        self.touched[file.id] = None

    def part(self, name: str) -> None:
        """Take an account out of its campaigns; it will be told as released."""
        for file in self.files.values():
            for place in [p for p in file.accounts.values() if p.name == name and p.org != NOBODY]:
                org, place.org = place.org, NOBODY
                if all(other.org != org for other in file.accounts.values()):
                    file.hits.pop(org, None)
                    if self._owner.get(file.domain, {}).get(org) == file.id:
                        del self._owner[file.domain][org]
                self.touched[file.id] = None

    def held(self) -> NDArray[np.uint64]:
        """Organisations that are in any open campaign."""
        orgs = set[int]().union(*(owner.keys() for owner in self._owner.values()))
        return np.fromiter(orgs, np.uint64, len(orgs))

    def _held(self, domain: str, orgs: AbstractSet[int]) -> int:
        """How many of these are core members of campaigns of the domain."""
        return sum(self._holders(domain, orgs).values())

    def _holders(self, domain: str, orgs: AbstractSet[int]) -> Counter[str]:
        owner = self._owner.setdefault(domain, {})
        counts: Counter[str] = Counter()
        core: dict[str, float] = {}
        for org in owner.keys() & orgs:
            id_ = owner[org]
            if id_ not in core:
                core[id_] = self.files[id_].core_hits
            counts[id_] += self.files[id_].hits[org] >= core[id_]
        return counts

    def _join(self, finding: Finding, enough: dict[str, int]) -> CampaignFile:
        """The campaign that holds most; the oldest, if the finding proves several to be one."""
        most = min(enough, key=lambda id_: (-enough[id_], id_))
        if finding.cohort_kind not in ANCHORS:
            return self.files[most]
        proven = [
            id_
            for id_, count in enough.items()
            if id_ == most
            or count >= 0.5 * len(self.files[id_].confirmed() or self.files[id_].hits)
        ]
        by_age = sorted(proven, key=lambda id_: (self.files[id_].opened_pane, id_))
        first, *others = (self.files[id_] for id_ in by_age)
        for other in others:
            self._merge(first, other)
        return first

    def _open(self, finding: Finding) -> CampaignFile:
        name = f"{finding.kind}:{finding.key}:{finding.pane}"
        id_ = "c-" + blake2b(name.encode(), digest_size=8).hexdigest()
        domain = _DOMAINS.get(finding.kind, CAMPAIGN)
        file = CampaignFile(id_, domain, finding.kind, finding.pane, finding.pane)
        self.files[id_] = file
        return file

    def _add(self, file: CampaignFile, finding: Finding, *, grows: bool) -> None:
        owner = self._owner.setdefault(file.domain, {})
        alike = _alike(file, finding)
        for account in finding.accounts:
            if account.org not in file.hits and not (grows and account.org in alike):
                continue
            place = file.accounts.get(account.key)
            if place is None or place.org == NOBODY:
                place = Place(account.name, account.org, 0, account.first_ms, 0)
                file.accounts[account.key] = place
            place.requests, place.last_ms = account.requests, account.last_ms
            if finding.note.name and len(place.reasons) < 5:
                reason = f"{finding.cohort_kind.name.lower()} {finding.note.name}"
                if reason not in place.reasons:
                    place.reasons.append(reason)
            owner.setdefault(account.org, file.id)
        for org in {place.org for place in file.accounts.values()} & alike:
            file.hits[org] = file.hits.get(org, 0) + 1
        self._update(file, finding)

    def _update(self, file: CampaignFile, finding: Finding) -> None:
        for kept, names in (
            (file.templates, finding.note.templates),
            (file.models, finding.note.models),
            (file.blocks, finding.note.blocks),
            (file.payments, finding.note.payments if finding.tight else []),
        ):
            for name in names:
                kept[name] = kept.get(name, 0) + 1
        if finding.score >= file.score or finding.pane > file.last_pane:
            file.features = finding.features.tolist()
            file.usual, file.high = finding.usual.tolist(), finding.high.tolist()
            file.window_s, file.facts = finding.window_s, finding.facts
            file.about = f"{finding.cohort_kind.name.lower()} {finding.note.name}".strip()
        file.score = max(file.score, finding.score)
        if finding.strangeness is not None:
            file.strangeness = max(finding.strangeness, file.strangeness or 0.0)
        file.findings += 1
        file.balance += finding.signal("balance")
        file.eliciting += finding.elicits or (finding.dominates and finding.draws_long)
        file.spread += finding.spread
        own_work = finding.kind == "reseller_pool" and finding.anchor in file.anchors
        if finding.tells_type and not own_work:
            file.votes[finding.kind] = file.votes.get(finding.kind, 0) + 1
            file.slight += finding.slight
        if file.domain == CAMPAIGN:
            file.kind = file.elected()
        file.last_pane = finding.pane
        self.touched[file.id] = None

    def _merge(self, first: CampaignFile, other: CampaignFile) -> None:
        first.absorb(other)
        self._owner[first.domain] |= dict.fromkeys(other.hits, first.id)
        self._anchored |= dict.fromkeys(other.anchors, first.id)
        other.state, other.merged_into = "merged", first.id
        self.touched[other.id] = None

    def _disown(self, file: CampaignFile) -> None:
        owner = self._owner.get(file.domain, {})
        for org in file.hits:
            if owner.get(org) == file.id:
                del owner[org]
        for anchor in file.anchors:
            self._anchored.pop(anchor, None)

    def state(self) -> dict[str, Any]:
        """All of it, as plain data."""
        return {
            "files": [msgspec.to_builtins(file) for file in self.files.values()],
            "owner": self._owner,
            "anchored": self._anchored,
            "last": self._last,
            "touched": list(self.touched),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Put back what :meth:`state` gave."""
        files = msgspec.convert(state["files"], list[CampaignFile])
        self.files = {file.id: file for file in files}
        self._owner = {k: dict(v) for k, v in state["owner"].items()}
        self._anchored = dict(state["anchored"])
        self._last = dict(state["last"])
        self.touched = dict.fromkeys(state["touched"])


def _same(mine: dict[str, int], theirs: dict[str, int], least: int, share: float) -> bool:
    """True if so many, and such a share of the smaller's objects, are common."""
    common = len(mine.keys() & theirs.keys())
    return common >= max(least, share * min(len(mine), len(theirs)))


def _alike(file: CampaignFile, finding: Finding) -> set[int]:
    """Organisations of the finding that are members, or as like the members as these are.

    Who merely shares an object that became popular is less like the core than nearly all of
    the core are, and much less than most. While hardly any of its members are known, half of
    them are the measure.
    """
    core, members = file.core_hits, file.confirmed()
    known = [a.affinity for a in finding.accounts if file.hits.get(a.org, 0) >= max(core, 1)]
    if len(known) >= KNOWN_CORE:
        floor = max(float(np.quantile(known, OUTLIERS)), LESS * float(np.median(known)))
    else:
        usual = float(np.median([a.affinity for a in finding.accounts] or [0.0]))
        floor = min(usual, UNLIKE * usual)
    return {a.org for a in finding.accounts if a.org in members or a.affinity >= floor}
