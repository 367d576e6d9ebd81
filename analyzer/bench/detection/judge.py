"""Records of a run beside the truth: what was found, when, and who was wronged.

The rules:

* a thread is a campaign id with everything that was merged into it; it accuses if it ever
  carried an ``extraction_campaign`` alert of severity medium or above;
* its members are those whose last state is ``member`` (all that ever were, if none is left);
* a campaign is found if at least half of an accusing thread's members are its accounts;
* an accusing thread is false if fewer than half of its members belong to any campaign;
* a false thread goes to the look-alike that holds most of its members, if that is 30 % or more;
* a reseller is mistyped if at least half of a false thread's members are its accounts. Where a
  campaign runs inside a pool, the pool's accounts are the campaign's: nothing is mistyped there.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

import msgspec
import numpy as np

from analyzer.bench.detection.truth import SHARED, Operation, Truth
from analyzer.core.contracts.records import SEVERITIES, Alert, Campaign, Member, Record

MEDIUM = SEVERITIES.index("medium")


class CampaignVerdict(msgspec.Struct, frozen=True):
    """How one campaign fared."""

    id: str
    family: str
    accounts: int
    shared_blocks: bool
    found: bool
    united: bool
    """At least half of its accounts are in threads that are no false ones: its own, or one
    that took several campaigns for one."""
    seen_as: str
    """Kinds of the threads, most of whose members are its accounts; "" if there are none."""
    leak: float | None
    """Share of its extraction requests before the first accusing alert; None if not found."""
    leaked_requests: int | None
    fragments: int
    account_recall: float


class FalseCampaign(msgspec.Struct, frozen=True):
    """One thread that accuses the innocent."""

    lookalike: str
    members: int
    purity: float
    score: float
    summary: str


class Outcome(msgspec.Struct, frozen=True):
    """One run, judged."""

    scenario: str
    seed: int
    requests: int
    benign_requests: int
    campaigns: list[CampaignVerdict]
    false: list[FalseCampaign]
    pools: int
    mistyped_pools: int
    accused: int
    """Members of accusing threads."""
    rightly: int
    """Those of them that belong to a campaign."""


@dataclass(slots=True)
class Thread:
    """One campaign id with what was merged into it."""

    id: str
    alerts: list[Alert] = field(default_factory=list)
    members: set[str] = field(default_factory=set)
    ever: set[str] = field(default_factory=set)

    @property
    def accusations(self) -> list[Alert]:
        """Alerts of extraction at medium or above."""
        return [
            alert
            for alert in self.alerts
            if alert.kind == "extraction_campaign" and SEVERITIES.index(alert.severity) >= MEDIUM
        ]

    def share_of(self, accounts: Iterable[str]) -> float:
        """Share of the members that are among these accounts."""
        return len(self.members & set(accounts)) / max(1, len(self.members))


def roots_of(records: Iterable[Record]) -> dict[str, str]:
    """Merged campaign → the one that it is part of in the end."""
    into = {
        r.campaign_id: r.merged_into for r in records if isinstance(r, Campaign) and r.merged_into
    }
    roots = dict(into)
    for id_ in into:
        while roots[id_] in into:
            roots[id_] = into[roots[id_]]
    return roots


def threads_of(records: Iterable[Record]) -> list[Thread]:
    """Threads in the order of their ids."""
    kept = list(records)
    roots = roots_of(kept)
    threads: defaultdict[str, Thread] = defaultdict(lambda: Thread(""))
    for record in kept:
        root = roots.get(record.campaign_id, record.campaign_id)
        thread = threads[root]
        thread.id = root
        if isinstance(record, Alert):
            thread.alerts.append(record)
        elif isinstance(record, Member) and record.state == "member":
            thread.members.add(record.account_id)
            thread.ever.add(record.account_id)
        elif isinstance(record, Member):
            thread.members.discard(record.account_id)
    for thread in threads.values():
        thread.members = thread.members or thread.ever
    return [threads[key] for key in sorted(threads) if threads[key].alerts]


def judge(records: Iterable[Record], truth: Truth) -> Outcome:
    """Judge one run by the rules of this module."""
    threads = threads_of(records)
    accusing = [thread for thread in threads if thread.accusations]
    guilty = frozenset().union(*(operation.accounts for operation in truth.operations))
    false = [thread for thread in accusing if thread.share_of(guilty) < 0.5]
    true = [thread for thread in accusing if thread.share_of(guilty) >= 0.5]
    accused = set().union(*(thread.members for thread in accusing))
    mistyped = [
        name
        for name, pool in truth.pools.items()
        if any(thread.share_of(pool) >= 0.5 for thread in false)
    ]
    return Outcome(
        truth.scenario,
        truth.seed,
        truth.requests,
        truth.benign_requests,
        [_campaign(operation, threads, true) for operation in truth.operations],
        [_false(thread, truth, guilty) for thread in false],
        len(truth.pools),
        len(mistyped),
        len(accused),
        len(accused & guilty),
    )


def _campaign(
    operation: Operation, threads: list[Thread], accusing: list[Thread]
) -> CampaignVerdict:
    mine = [thread for thread in threads if thread.share_of(operation.accounts) >= 0.5]
    hits = [thread for thread in mine if thread in accusing]
    held = set().union(*(thread.members for thread in accusing)) & operation.accounts
    first = min((t.accusations[0].detected_at_ms for t in hits), default=None)
    leaked = None if first is None else int(np.searchsorted(operation.times_ms, first))
    return CampaignVerdict(
        id=operation.id,
        family=operation.family,
        accounts=len(operation.accounts),
        shared_blocks=operation.shared >= SHARED,
        found=bool(hits),
        united=len(held) >= 0.5 * len(operation.accounts),
        seen_as=", ".join(sorted({thread.alerts[-1].kind for thread in mine})),
        leak=None if leaked is None else leaked / max(1, len(operation.times_ms)),
        leaked_requests=leaked,
        fragments=len(hits),
        account_recall=len(held) / max(1, len(operation.accounts)),
    )


def _false(thread: Thread, truth: Truth, guilty: frozenset[str]) -> FalseCampaign:
    kinds = Counter(truth.lookalikes.get(account, "population") for account in thread.members)
    for pool in truth.pools.values():
        kinds["reseller_pool"] += len(thread.members & pool)
    named = {kind: n for kind, n in kinds.items() if kind != "population"}
    top = max(named, key=lambda kind: (named[kind], kind), default="population")
    enough = named.get(top, 0) >= 0.3 * len(thread.members)
    last = thread.accusations[-1]
    return FalseCampaign(
        lookalike=top if enough else "population",
        members=len(thread.members),
        purity=round(thread.share_of(guilty), 3),
        score=last.score,
        summary=last.summary,
    )
