"""What is known about one campaign, and the place of each account in it."""

from __future__ import annotations

from typing import Literal

import msgspec
import numpy as np

from analyzer.core.contracts.records import AlertKind, Severity

POOL, CAMPAIGN, ACCOUNT = "pool", "campaign", "account"
NOBODY = 0
"""Organisation of an account that was taken out; no organisation's key is 0."""
SMALL, UNEQUAL, TOGETHER = 40, 0.5, 0.5
"""Fewer organisations than the first, with a mean balance below the second or without long answers,
may be an agency's accounts if they sit together: with fewer than so many address blocks a head."""
YOUNG_POOL = 60
"""Without long answers, fewer than so many together may be a pool that has few customers yet."""
VOTES_NEEDED, SLIGHT_VOTE = 2.0, 0.25
"""So many findings must say extraction; one of few members that do little else counts less."""
CORE_SHARE = 0.15
CONFIRMING_HITS = 2
MOST_HITS_NEEDED = 3.0
"""Of a campaign, however often others are found: who came late or was replaced has few hits.
A pool is found through many templates, popular ones among them; there, few hits mean little."""
CONFIRMED_ORGS = {POOL: 20, CAMPAIGN: 6, ACCOUNT: 1}
"""Members, in organisations, from which a campaign is spoken of."""


class Place(msgspec.Struct):
    """An account's place in a campaign."""

    name: str
    org: int
    requests: int
    first_ms: int
    last_ms: int
    joined_ms: int = -1
    shown: float = -1.0
    """Membership as last published; -1 before that."""
    reasons: list[str] = []

    def moved(self) -> Place:
        """The place in the campaign that takes it over: not published there yet."""
        shown = self.shown if self.org == NOBODY else -1.0
        return msgspec.structs.replace(self, shown=shown, reasons=list(self.reasons))


class CampaignFile(msgspec.Struct):
    """Everything known about one campaign."""

    id: str
    domain: str
    """``POOL``, ``CAMPAIGN`` or ``ACCOUNT``; campaigns of different domains never meet."""
    kind: AlertKind
    opened_pane: int
    last_pane: int
    hits: dict[int, int] = {}
    """Organisation → findings that it was a member of."""
    accounts: dict[int, Place] = {}
    anchors: dict[str, None] = {}
    """Objects that brought members in."""
    findings: int = 0
    balance: float = 0.0
    """Sum of the findings' balance signal."""
    eliciting: int = 0
    """Findings whose members draw long answers, or on a template that is much of a pool's work."""
    spread: float = 0.0
    """Sum of the findings' effective numbers of address blocks a head."""
    votes: dict[AlertKind, int] = {}
    """What the findings look like, each counted."""
    slight: int = 0
    """Votes for extraction that are slight, see :class:`.findings.Finding`."""
    score: float = 0.0
    features: list[float] = []
    usual: list[float] = []
    """Mean of each signal among innocent cohorts of the same sort."""
    high: list[float] = []
    """What one of these in twenty exceeds."""
    window_s: int = 0
    strangeness: float | None = None
    """Greatest so far; None if unknown."""
    facts: dict[str, float] = {}
    about: str = ""
    templates: dict[str, int] = {}
    models: dict[str, int] = {}
    blocks: dict[str, int] = {}
    payments: dict[str, int] = {}
    merged_from: list[str] = []
    state: Literal["open", "closed", "merged"] = "open"
    merged_into: str | None = None
    severity: Severity = "info"
    revision: int = 0
    alerted_ms: int = -1
    alerted_kind: AlertKind | None = None
    alerted_members: int = 0
    alerted_models: list[str] = []
    suppressed: int = 0

    @property
    def core_hits(self) -> float:
        """Hits from which an organisation belongs to the core."""
        return CORE_SHARE * float(np.median(list(self.hits.values()))) if self.hits else 0.0

    @property
    def full_hits(self) -> float:
        """Hits of a sure member: the 80th percentile."""
        return float(np.percentile(list(self.hits.values()), 80)) if self.hits else 1.0

    @property
    def confirming_hits(self) -> float:
        """Hits from which an organisation is a member."""
        usual = max(float(CONFIRMING_HITS), CORE_SHARE * self.full_hits)
        return usual if self.kind == "reseller_pool" else min(usual, MOST_HITS_NEEDED)

    def confirmed(self) -> set[int]:
        """Organisations that are members."""
        least = self.confirming_hits
        return {org for org, hits in self.hits.items() if hits >= least}

    def elected(self) -> AlertKind:
        """Extraction if two in five of the findings, and two at least, say so; else what most say.

        Of the two, slight ones count a quarter. A finding of linked accounts lacks a sign of
        extraction; it doesn't speak against one.

        A small group in a few places, with unequal volumes or without long answers, may be an
        agency's accounts or a young pool: linked, no more.
        """
        extraction = self.votes.get("extraction_campaign", 0)
        linked = self.votes.get("linked_accounts", 0)
        pools = self.votes.get("reseller_pool", 0)
        sure = extraction - (1 - SLIGHT_VOTE) * self.slight
        if sure >= VOTES_NEEDED and extraction >= max(0.4 * (extraction + linked + pools), pools):
            unequal = self.balance < UNEQUAL * self.findings
            plain = self.eliciting < 0.25 * self.findings
            together = self.spread < TOGETHER * self.findings
            least = max(SMALL if unequal else 0, YOUNG_POOL if plain else 0)
            agency = together and least > 0 and len(self.confirmed()) < least
            return "linked_accounts" if agency else "extraction_campaign"
        return "reseller_pool" if pools > linked else "linked_accounts"

    def absorb(self, other: CampaignFile) -> None:
        """Take over what is known about a campaign that turned out to be the same."""
        for org, hits in other.hits.items():
            self.hits[org] = max(self.hits.get(org, 0), hits)
        for key, place in other.accounts.items():
            self.accounts.setdefault(key, place.moved())
        for mine, theirs in (
            (self.templates, other.templates),
            (self.models, other.models),
            (self.blocks, other.blocks),
            (self.payments, other.payments),
        ):
            for name, count in theirs.items():
                mine[name] = mine.get(name, 0) + count
        self.merged_from = sorted({*self.merged_from, other.id, *other.merged_from})
        self.score = max(self.score, other.score)
        self.findings += other.findings
        self.balance += other.balance
        self.eliciting += other.eliciting
        self.spread += other.spread
        self.slight += other.slight
        for kind, count in other.votes.items():
            self.votes[kind] = self.votes.get(kind, 0) + count
        self.anchors |= other.anchors
