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

from collections.abc import Iterable, Sequence
from hashlib import blake2b
from itertools import takewhile
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from analyzer.core.campaign.campaign_state import Campaign, CampaignState, Domain, Members
from analyzer.core.campaign.findings import LASTING, Finding
from analyzer.core.campaign.likeness import Groups
from analyzer.core.campaign.overlap import Holders, Shares, members_of
from analyzer.core.cohort.window import Window
from analyzer.core.config import CoreConfig
from analyzer.core.contracts.hashing import in_turn
from analyzer.core.contracts.object_kind import Kind

I64 = NDArray[np.int64]
U64 = NDArray[np.uint64]
Bool = NDArray[np.bool_]

BIG, BIG_SHARE = 3, 0.15
"""A campaign counts in a finding from so many of its members, and such a share of them."""
MOST = 0.5
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
        """Finding → pane in which it last counted, rising."""

    def open(self, domain: Domain = "group") -> list[Campaign]:
        """Open campaigns of a domain, oldest first."""
        return [c for c in self.campaigns.values() if c.is_open and c.state.domain == domain]

    def held(self) -> U64:
        """Organisations of all open campaigns."""
        keys = [c.members.key for c in self.campaigns.values() if c.is_open]
        return np.concatenate([*keys, NOBODY])

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

    def support(self, campaign: Campaign, found: Sequence[tuple[Finding, U64]]) -> None:
        """Of findings of a pane, members are found once more, and the free become candidates."""
        campaign.members.hit(np.concatenate([finding.orgs for finding, _ in found]))
        state, last = campaign.state, found[-1][0]
        state.last_pane, state.times_usual = last.pane, last.times_usual
        state.score = max(state.score, *[finding.score for finding, _ in found])
        state.outside = max(state.outside, *[finding.outside for finding, _ in found], key=abs)
        state.findings += len(found)
        if anomaly := [f.anomaly for f, _ in found if f.anomaly is not None]:
            state.anomaly = max(state.anomaly or 0.0, *anomaly)
        for finding, free in found:
            self._last.pop(key := finding.key, None)
            self._last[key] = last.pane
            if len(free):
                campaign.candidates |= dict.fromkeys(free.tolist(), last.pane)
        self.touched[campaign.id] = None

    def merge(self, one: Campaign, another: Campaign) -> Campaign:
        """Two campaigns were the same all along; the one that keeps its name."""
        first, other = sorted((one, another), key=lambda campaign: campaign.seniority)
        first.absorb(other)
        self.touched[first.id] = self.touched[other.id] = None
        return first

    def take_account(self, finding: Finding) -> None:
        """A single account worth a look, unless a campaign holds it already."""
        for campaign in self.open("account"):
            if np.isin(finding.orgs, campaign.members.key).any():
                self.support(campaign, [(finding, NOBODY)])
                return
        if np.isin(finding.orgs, self.held()).any():
            return
        campaign = self.found("account", finding.pane, finding.about, finding.orgs)
        campaign.state.kind = "account_anomaly"
        campaign.members.add(finding.orgs, finding.pane)
        self.support(campaign, [(finding, NOBODY)])

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
        for key in list(takewhile(lambda key: self._last[key] < limit, self._last)):
            del self._last[key]

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
        shares = held.shares(self.owner, len(self._campaigns), (BIG, BIG_SHARE))
        is_plain = self._plain(findings, held.size, shares, np.array([*core_size, 0]))
        self._settled = (is_plain & (shares.big == 1) & (shares.most >= MOST * held.size)).tolist()
        """Findings that support the campaign with most members in them, without a question."""
        self._first, self._free_in = shares.first.tolist(), shares.free.tolist()
        self._stale = False
        """True once an organisation has another owner than when the shares were counted."""
        self._supports: dict[int, list[tuple[Finding, U64]]] = {}
        """Campaign → findings that support it, and their free members, not counted yet."""
        for i in np.flatnonzero((held.size > 0) & ~is_plain).tolist():
            finding = findings[i]
            self._finding_row[finding.key] = len(rows)
            rows.append(held.of(i))
            own.append(view.population.object_row(finding.cohort_kind, finding.object))
        self.innocent = self.owner < 0
        self.groups = Groups(
            view, members_of(rows, len(self._keys)), np.array(own, np.int32), self.innocent
        )

    def _plain(self, findings: Sequence[Finding], size: I64, shares: Shares, core: I64) -> Bool:
        """Which are about campaigns without a question: nothing need be compared."""
        if not self._campaigns:
            return np.zeros(len(findings), np.bool_)
        lasting = np.array([finding.lasting for finding in findings], np.bool_)
        other = lasting & self._may_be_other(shares.most, core[shares.first])
        return (shares.big > 1) | ((shares.most >= MOST * size) & ~other)

    def _may_be_other(self, common: I64 | int, core: I64 | float) -> Bool:
        """True if a lasting finding could be an operation among the members of a campaign."""
        return np.asarray((self._view.length_s >= MERGE_S) & (common < MOST * core))

    def link(self) -> list[Campaign]:
        """Let every finding support, found or unite; then compare what was touched.

        Returns
        -------
        Campaigns that were founded: whose members counted as innocent until then, so that the
        work of a large operation looked popular. They are to be compared once more.
        """
        before = len(self._campaigns)
        order = sorted(self._findings, key=lambda found: found[0].rank)
        merges = self._view.length_s >= MERGE_S
        touched: list[Campaign] = []
        for finding, numbers, i in order:
            touched += self._place(finding, numbers, i, merges=merges)
        self._count_supports()
        if merges:
            self.unite(dict.fromkeys(touched))
        return self._campaigns[before:]

    def unite(self, campaigns: Iterable[Campaign]) -> None:
        """Merge with each of these campaigns all that is the same."""
        campaigns = list(campaigns)
        self.groups.compare(self._rows(campaigns), self._rows(self._campaigns))
        for one in campaigns:
            for other in self._campaigns:
                if one is not other and one.is_open and other.is_open and self._alike(one, other):
                    self._merge(self._campaigns.index(one), self._campaigns.index(other))

    def _rows(self, campaigns: Iterable[Campaign]) -> list[int]:
        """Rows of these campaigns among the groups, of those that have one."""
        return [self.group_of[c.id] for c in campaigns if c.id in self.group_of]

    def _place(
        self, finding: Finding, numbers: NDArray[np.int64], i: int, *, merges: bool
    ) -> list[Campaign]:
        """The campaigns that the finding supports."""
        if self._settled[i] and not self._stale:
            free = self._free(numbers) if self._free_in[i] else NOBODY
            return self._support(finding, self._first[i], free)
        row = self._finding_row.get(finding.key)
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
        return bool(
            core is not None
            and finding.lasting
            and self._may_be_other(common, float(self.groups.size[core]))
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
            one = big[0]
            for number in same:
                one = self._merge(one, number)
            self._stale = True
            if len(same) == len(big) - 1:
                return self._support(finding, one, free)
        for number in big:
            if self._campaigns[number].is_open:
                self._support(finding, number, NOBODY)
        return []

    def _support(self, finding: Finding, number: int, free: U64) -> list[Campaign]:
        self._supports.setdefault(number, []).append((finding, free))
        return [self._campaigns[number]]

    def _count_supports(self) -> None:
        """Count whom the findings hold since last time, before a campaign has other members."""
        for number, found in self._supports.items():
            self._registry.support(self._campaigns[number], found)
        self._supports = {}

    def _alike(self, one: Campaign, other: Campaign) -> float:
        rows = [self.group_of.get(c.id) for c in (one, other)]
        if rows[0] is None or rows[1] is None:
            return 0.0
        return self.groups.same(rows[0], rows[1])

    def _most_like(self, row: int) -> int | None:
        """The campaign that is the same as the finding, the surest if there are several."""
        self.groups.compare([row], self._rows(self._campaigns))
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
        self._registry.support(campaign, [(finding, NOBODY)])
        return campaign

    def _merge(self, *numbers: int) -> int:
        """Merge two campaigns; the number of the one that remains."""
        kept = self._registry.merge(*(self._campaigns[number] for number in numbers))
        number = self._campaigns.index(kept)
        self.owner[np.isin(self.owner, numbers)] = number
        return number
