"""Linking: which campaign a finding supports, and which campaigns are one.

::

    finding ──► holds members of no campaign    ──► supports the one that is same(), or founds one
            ──► mostly of one campaign          ──► supports it
            ──► of several that are same()      ──► they become one
            ──► of several that are not         ──► a mixture: confirms members, brings nobody in

Sharing an object makes candidates only: :mod:`.membership` decides who belongs. No rule
chains, since whoever is brought in must resemble what the campaign is like already.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from analyzer.core.campaign.campaign_state import Campaign, CampaignState, Domain, Members
from analyzer.core.campaign.findings import Finding
from analyzer.core.campaign.likeness import Groups
from analyzer.core.campaign.overlap import Holders, members_of
from analyzer.core.cohort.window import Window
from analyzer.core.config import CoreConfig
from analyzer.core.contracts.columns import Kind
from analyzer.core.contracts.hashing import in_turn

U64 = NDArray[np.uint64]

BIG, BIG_SHARE = 3, 0.15
"""A campaign counts in a finding from so many of its members, and such a share of them."""
MOST = 0.5
LASTING = (Kind.TEMPLATE, Kind.PAYMENT)
"""Objects whose users do or pay something in common; a place or a client shows no more."""
FREE, FREE_SHARE = 6, 0.6
"""Members in no campaign that a founding finding needs."""
FOUNDING_WORK, FOUNDING_PLACE = 0.2, 0.6
"""Mass of the profile that founders without common work of their own must show."""
MERGE_S = 6 * 3_600
"""Shorter windows merge nothing: one public block would join several operations."""
NOBODY: U64 = np.zeros(0, np.uint64)


class Registry:
    """All campaigns, and which one each organisation belongs to."""

    def __init__(self, config: CoreConfig) -> None:
        self._config = config
        self.campaigns: dict[str, Campaign] = {}
        self.touched: dict[str, None] = {}
        """Campaigns to be published, in order."""
        self._last: dict[str, int] = {}
        """Finding → pane in which it last counted."""

    def open(self, domain: Domain = "group") -> list[Campaign]:
        """Open campaigns of a domain, oldest first."""
        return [c for c in self.campaigns.values() if c.is_open and c.state.domain == domain]

    def held(self) -> U64:
        """Organisations of all open campaigns, rising."""
        keys = [c.members.key for c in self.campaigns.values() if c.is_open]
        return np.unique(np.concatenate([*keys, np.zeros(0, np.uint64)]))

    def current(self, id_: str) -> str:
        """The campaign that this one is part of by now."""
        while (campaign := self.campaigns.get(id_)) and campaign.state.merged_into:
            id_ = campaign.state.merged_into
        return id_

    def is_old(self, key: str, window_s: int, pane: int) -> bool:
        """True if this finding counted a short while ago: one more tells nothing."""
        quiet = (7_200 if window_s >= 86_400 else 3_600) // self._config.pane_s
        return pane - self._last.get(key, -quiet) < quiet

    def found(self, domain: Domain, pane: int, about: str, orgs: U64) -> Campaign:
        """A new campaign, named by the founder whose hash is least.

        Other settings find another set of founders, but as like this one as the sets are the
        campaign keeps its name: the least hash of two sets is the same with a probability of
        their Jaccard index (Broder, 1997).
        """
        founder = int(orgs[np.argmin(in_turn(orgs, 0))])
        again = 0
        while (id_ := _name(domain, founder, again)) in self.campaigns:
            again += 1
        state = CampaignState(id_, domain, pane, pane, about=about)
        self.campaigns[id_] = Campaign(state)
        return self.campaigns[id_]

    def support(self, campaign: Campaign, finding: Finding, *, free: U64) -> None:
        """Members that are part of the finding are found once more; the free are candidates."""
        campaign.members.hit(finding.orgs)
        campaign.candidates |= dict.fromkeys(free.tolist(), finding.pane)
        self.note(campaign, finding)

    def note(self, campaign: Campaign, finding: Finding) -> None:
        """The finding counts, but for whom it holds."""
        state = campaign.state
        state.last_pane = finding.pane
        state.score = max(state.score, finding.score)
        state.outside = max(state.outside, finding.outside, key=abs)
        state.findings += 1
        state.times_usual = finding.times_usual
        if finding.anomaly is not None:
            state.anomaly = max(finding.anomaly, state.anomaly or 0.0)
        self._last[finding.key] = finding.pane
        self.touched[campaign.id] = None

    def merge(self, first: Campaign, other: Campaign) -> None:
        """The other campaign was the same all along."""
        first.members.absorb(other.members)
        first.candidates = other.candidates | first.candidates
        mine, theirs = first.state, other.state
        mine.merged_from = sorted({*mine.merged_from, theirs.id, *theirs.merged_from})
        mine.score = max(mine.score, theirs.score)
        mine.findings += theirs.findings
        mine.last_pane = max(mine.last_pane, theirs.last_pane)
        theirs.state, theirs.merged_into = "merged", first.id
        self.touched[first.id] = self.touched[other.id] = None

    def take_account(self, finding: Finding) -> None:
        """A single account worth a look, unless a campaign holds it already."""
        for campaign in self.open("account"):
            if np.isin(finding.orgs, campaign.members.key).any():
                self.support(campaign, finding, free=finding.orgs[:0])
                return
        if np.isin(finding.orgs, self.held()).any():
            return
        campaign = self.found("account", finding.pane, finding.about, finding.orgs)
        campaign.state.kind = "account_anomaly"
        campaign.members.add(finding.orgs, finding.pane)
        self.support(campaign, finding, free=finding.orgs[:0])

    def close(self, campaign: Campaign) -> None:
        """End a campaign; its members are nobody's again."""
        if campaign.is_open:
            campaign.state.state = "closed"
        self.touched[campaign.id] = None

    def expire(self, pane: int) -> None:
        """Close what has not been found again for ``close_after_s``."""
        limit = pane - self._config.close_after_s // self._config.pane_s
        for campaign in self.campaigns.values():
            if campaign.is_open and campaign.state.last_pane < limit:
                self.close(campaign)
        self._last = {key: last for key, last in self._last.items() if last >= limit}

    def state(self) -> dict[str, Any]:
        """All of it, as plain data."""
        return {
            "campaigns": [
                (msgspec.to_builtins(c.state), c.members.state(), list(c.candidates.items()))
                for c in self.campaigns.values()
            ],
            "touched": list(self.touched),
            "last": self._last,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Put back what :meth:`state` gave."""
        self.campaigns = {}
        for saved, members, candidates in state["campaigns"]:
            campaign = Campaign(msgspec.convert(saved, CampaignState), Members.of(members))
            campaign.candidates = dict(candidates)
            self.campaigns[campaign.id] = campaign
        self.touched = dict.fromkeys(state["touched"])
        self._last = dict(state["last"])


def _name(domain: Domain, founder: int, again: int) -> str:
    text = f"{domain}:{founder:016x}:{again}"
    return "c-" + blake2b(text.encode(), digest_size=8).hexdigest()


class Linker:
    """Links the findings of one pane in one view of the population.

    Parameters
    ----------
    view
        The longest window that ends here, of at most a day.
    """

    def __init__(self, registry: Registry, view: Window, findings: Sequence[Finding]) -> None:
        self._registry, self._view = registry, view
        self._keys, self._campaigns = view.of_orgs("key"), registry.open()
        self.owner = np.full(len(self._keys), -1)
        """Number of the campaign that each organisation of the view belongs to; −1: of none."""
        rows: list[NDArray[np.int64]] = []
        own: list[int] = []
        core_size: list[int] = []
        self.group_of: dict[str, int] = {}
        """Campaign → its row among the groups."""
        for number, campaign in enumerate(self._campaigns):
            self.owner[self._view.numbers_of(campaign.members.key)] = number
            members = campaign.members.core
            core_size.append(len(members))
            core = self._view.numbers_of(members)
            if len(core):
                self.group_of[campaign.id] = len(rows)
                rows.append(core)
                own.append(-1)
        self._finding_row: dict[str, int] = {}
        held = Holders(view, [finding.orgs for finding in findings])
        kept = np.flatnonzero(held.size).tolist()
        self._findings = [(findings[i], held.of(i), i) for i in kept]
        self._shares = held.shares(self.owner, len(self._campaigns), (BIG, BIG_SHARE))
        self._stale = False
        """True once an organisation has another owner than when the shares were counted."""
        self._supports: dict[int, list[tuple[Finding, U64]]] = {}
        """Campaign → findings that support it, and their free members, not counted yet."""
        for finding, numbers, i in self._findings:
            if not self._is_plain(finding, i, len(numbers), core_size):
                self._finding_row[finding.key] = len(rows)
                rows.append(numbers)
                own.append(view.population.object_row(finding.cohort_kind, finding.object))
        self.innocent = self.owner < 0
        self.groups = Groups(
            view, members_of(rows, len(self._keys)), np.array(own, np.int32), self.innocent
        )

    def _is_plain(self, finding: Finding, i: int, size: int, core_size: list[int]) -> bool:
        """True if it is about one campaign without a question: nothing need be compared."""
        most = int(self._shares.most[i])
        if not core_size or self._shares.big[i] > 1:
            return bool(core_size)
        core = core_size[self._shares.first[i]]
        return most >= MOST * size and not self._may_be_other(finding, most, core)

    def _may_be_other(self, finding: Finding, common: int, core: int) -> bool:
        """True if it could be an operation of its own among the members of another campaign."""
        return (
            not finding.newcomers
            and finding.cohort_kind in LASTING
            and self._view.length_s >= MERGE_S
            and common < MOST * core
        )

    def link(self) -> None:
        """Let every finding support, found or unite; then compare what was touched."""
        order = sorted(self._findings, key=lambda found: found[0].rank)
        merges = self._view.length_s >= MERGE_S
        touched: list[Campaign] = []
        for finding, numbers, i in order:
            touched += self._place(finding, numbers, i, merges=merges)
        self._count_supports()
        if merges:
            for campaign in dict.fromkeys(touched):
                self._unite(campaign)

    def _place(
        self, finding: Finding, numbers: NDArray[np.int64], i: int, *, merges: bool
    ) -> list[Campaign]:
        """The campaigns that the finding supports."""
        row = self._finding_row.get(finding.key)
        if row is None and not self._stale:
            shares = self._shares
            if shares.big[i] == 1 and shares.most[i] >= MOST * len(numbers):
                free = self._free(numbers) if shares.free[i] else NOBODY
                return self._support(finding, int(shares.first[i]), free)
        owned = self.owner[numbers]
        free = self._keys[numbers[owned < 0]]
        counts = np.bincount(owned[owned >= 0], minlength=len(self._campaigns))
        least = max(BIG, BIG_SHARE * len(numbers))
        big = np.flatnonzero(counts >= least)
        big = big[np.argsort(-counts[big], kind="stable")]
        if len(big) > 1:
            return self._of_several(finding, big.tolist(), free, merges=merges)
        if len(big) == 1 and counts[big[0]] >= MOST * len(numbers):
            campaign = self._campaigns[big[0]]
            if row is not None and self._is_other(finding, row, campaign, int(counts[big[0]])):
                return [self._found(finding, row, numbers)]
            return self._support(finding, int(big[0]), free)
        if row is None:
            return []
        return self._of_strangers(finding, row, numbers, big.tolist())

    def _free(self, numbers: NDArray[np.int64]) -> U64:
        """Keys of those that are in no campaign."""
        return self._keys[numbers[self.owner[numbers] < 0]]

    def _of_strangers(
        self, finding: Finding, row: int, numbers: NDArray[np.int64], big: list[int]
    ) -> list[Campaign]:
        """Mostly of no campaign: more of one that is the same, or a new one."""
        free = self._free(numbers)
        alike = self._most_like(row)
        if alike is not None:
            return self._support(finding, alike, free)
        for number in big:  # a few of a campaign beside strangers
            self._support(finding, number, NOBODY)
        if self._founds(finding, row, len(free), len(numbers)):
            return [self._found(finding, row, numbers[self.owner[numbers] < 0])]
        return []

    def _is_other(self, finding: Finding, row: int, campaign: Campaign, common: int) -> bool:
        """True if an operation of its own lies among the members of another campaign."""
        core = self.group_of.get(campaign.id)
        return (
            core is not None
            and self._may_be_other(finding, common, int(self.groups.size[core]))
            and self.groups.differs(row, core)
        )

    def _of_several(
        self, finding: Finding, big: list[int], free: U64, *, merges: bool
    ) -> list[Campaign]:
        """One operation in several campaigns, or a mixture that only confirms."""
        first = self._campaigns[big[0]]
        same = [n for n in big[1:] if self._alike(first, self._campaigns[n])]
        if merges and same:
            self._count_supports()
            for number in same:
                self._registry.merge(first, self._campaigns[number])
                self.owner[self.owner == number] = big[0]
            self._stale = True
            if len(same) == len(big) - 1:
                return self._support(finding, big[0], free)
        for number in big:
            if self._campaigns[number].is_open:
                self._support(finding, number, NOBODY)
        return []

    def _support(self, finding: Finding, number: int, free: U64) -> list[Campaign]:
        self._registry.note(self._campaigns[number], finding)
        self._supports.setdefault(number, []).append((finding, free))
        return [self._campaigns[number]]

    def _count_supports(self) -> None:
        """Count whom the findings hold since last time, before a campaign has other members."""
        for number, found in self._supports.items():
            campaign = self._campaigns[number]
            campaign.members.hit(np.concatenate([finding.orgs for finding, _ in found]))
            for finding, free in found:
                if len(free):
                    campaign.candidates |= dict.fromkeys(free.tolist(), finding.pane)
        self._supports = {}

    def _alike(self, one: Campaign, other: Campaign) -> float:
        rows = [self.group_of.get(c.id) for c in (one, other)]
        if rows[0] is None or rows[1] is None:
            return 0.0
        return self.groups.same(rows[0], rows[1])

    def _most_like(self, row: int) -> int | None:
        """The campaign that is the same as the finding, the surest if there are several."""
        sure = [
            (self.groups.same(row, self.group_of[campaign.id]), -number)
            for number, campaign in enumerate(self._campaigns)
            if campaign.is_open and campaign.id in self.group_of
        ]
        best = max(sure, default=(0.0, 0))
        return -best[1] if best[0] > 0 else None

    def _founds(self, finding: Finding, row: int, free: int, members: int) -> bool:
        if finding.newcomers or free < FREE or free < FREE_SHARE * members:
            return False
        if finding.cohort_kind in LASTING:
            return True
        return (
            self.groups.mass(Kind.TEMPLATE, row) >= FOUNDING_WORK
            or self.groups.mass(Kind.BLOCK, row) >= FOUNDING_PLACE
        )

    def _found(self, finding: Finding, row: int, numbers: NDArray[np.int64]) -> Campaign:
        self._count_supports()
        self._stale = True
        orgs = self._keys[numbers]
        for number in np.unique(self.owner[numbers][self.owner[numbers] >= 0]).tolist():
            left = self._campaigns[number]
            left.members.keep(~np.isin(left.members.key, orgs))
            self._registry.touched[left.id] = None
        campaign = self._registry.found("group", finding.pane, finding.about, orgs)
        campaign.members.add(orgs, finding.pane)
        self.owner[numbers] = len(self._campaigns)
        self._campaigns.append(campaign)
        self.group_of[campaign.id] = row
        self._registry.support(campaign, finding, free=NOBODY)
        return campaign

    def _unite(self, campaign: Campaign) -> None:
        """Merge all that is the same as this campaign into the older."""
        for other in self._campaigns:
            if other is campaign or not (campaign.is_open and other.is_open):
                continue
            if self._alike(campaign, other) > 0:
                older, younger = sorted(
                    (campaign, other), key=lambda c: (c.state.opened_pane, c.id)
                )
                self._registry.merge(older, younger)
                self.owner[self.owner == self._campaigns.index(younger)] = self._campaigns.index(
                    older
                )
