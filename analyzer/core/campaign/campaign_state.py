"""What is known about one campaign: who is in it, what was measured, and what was said."""

from __future__ import annotations

from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from analyzer.core.cohort.catalog import NAMES
from analyzer.core.contracts.records import SEVERITIES, AlertKind, Severity
from analyzer.core.kernels.group_by import count_among
from analyzer.core.kernels.order_statistics import median

U64 = NDArray[np.uint64]
I32 = NDArray[np.int32]
F64 = NDArray[np.float64]
Bool = NDArray[np.bool_]

Domain = Literal["group", "inside", "account"]
"""A group of organisations; one work inside a pool, beside it; a single account."""
CORE = 5
"""So many members that findings brought in set what the campaign is like."""
CORE_SHARE = 0.25
CONFIRMING_HITS = 2
"""Findings that a member must be part of before it is spoken of, or likeness to the core."""


class Members:
    """Organisations of a campaign by rising key, in columns.

    Examples
    --------
    >>> members = Members()
    >>> members.add(np.array([9, 4], np.uint64), pane=3)
    >>> members.hit(np.array([4], np.uint64)); members.key.tolist(), members.hits.tolist()
    ([4, 9], [1, 0])
    """

    def __init__(self) -> None:
        self.key: U64 = np.zeros(0, np.uint64)
        self.hits: I32 = np.zeros(0, np.int32)
        """Findings that the organisation was part of."""
        self.unlike: I32 = np.zeros(0, np.int32)
        """Views in a row in which it was unlike the core."""
        self.since: I32 = np.zeros(0, np.int32)
        """Pane in which it became a member."""

    def __len__(self) -> int:
        return len(self.key)

    def add(self, keys: U64, pane: int, hits: int = 0) -> None:
        """Take in those that are not members yet."""
        new = np.setdiff1d(keys, self.key)
        order = np.argsort(np.concatenate([self.key, new]), kind="stable")
        n = len(new)
        blank = np.full(n, hits), np.zeros(n), np.full(n, pane)
        columns = (self.hits, self.unlike, self.since)
        self.key = np.concatenate([self.key, new])[order]
        self.hits, self.unlike, self.since = (
            np.concatenate([old, more]).astype(np.int32)[order]
            for old, more in zip(columns, blank, strict=True)
        )

    def hit(self, keys: U64) -> None:
        """Those of these that are members were part of one more finding, each time they come."""
        count_among(self.key, keys, self.hits)

    def keep(self, kept: Bool) -> None:
        """Let the others go."""
        self.key, self.hits = self.key[kept], self.hits[kept]
        self.unlike, self.since = self.unlike[kept], self.since[kept]

    def absorb(self, other: Members) -> None:
        """Take over another campaign's members, each with the greater number of hits."""
        self.add(other.key, 0)
        at = np.searchsorted(self.key, other.key)
        self.hits[at] = np.maximum(self.hits[at], other.hits)
        since = self.since[at]
        self.since[at] = np.where(since > 0, np.minimum(since, other.since), other.since)

    @property
    def core(self) -> U64:
        """Who sets what the campaign is like: members found often, if there are enough.

        Often is a quarter of the median member's findings, and twice at least; while hardly
        anybody was, whoever was found at all, or all.
        """
        hits = self.hits[self.hits > 0]
        often = max(2.0, CORE_SHARE * median(hits))
        for found in (self.hits >= often, self.hits >= 1):
            if int(found.sum()) >= CORE:
                return self.key[found]
        return self.key

    def sureness(self, keys: U64) -> F64:
        """How sure these members are, in [0.5, 1]: findings beside those of the median member."""
        hits, of_key = np.unique(self.hits[np.searchsorted(self.key, keys)], return_inverse=True)
        full = max(2.0, median(self.hits))
        sure = [round(0.5 + 0.5 * min(1.0, count / full), 4) for count in hits.tolist()]
        return np.array(sure)[of_key]

    def state(self) -> list[list[int]]:
        """Plain data."""
        return [c.tolist() for c in (self.key, self.hits, self.unlike, self.since)]

    @classmethod
    def of(cls, state: list[list[int]]) -> Members:
        """The inverse of :meth:`state`."""
        members = cls()
        members.key = np.array(state[0], np.uint64)
        members.hits, members.unlike, members.since = (np.array(c, np.int32) for c in state[1:])
        return members


class Reading(msgspec.Struct):
    """The campaign itself, measured in one window: all its members by all signals."""

    pane: int
    window_s: int
    features: dict[str, float]
    """By name; what is not known is left out."""
    usual: dict[str, float]
    """Mean of each signal among innocent cohorts of the same sort."""
    facts: dict[str, float]
    """Counts behind the sentences: members, requests, blocks and so on."""
    kinds: dict[str, float]
    """Probability of each kind of group."""
    extraction: float
    """Probability of extraction, as far as the evidence allows."""


class Account(msgspec.Struct):
    """An account of a member, as last published."""

    key: int
    name: str
    org: int
    requests: int
    first_ms: int
    last_ms: int
    joined_ms: int
    membership: float
    reasons: list[str] = []


class CampaignState(msgspec.Struct):
    """Everything known about one campaign but its members, which are columns."""

    id: str
    domain: Domain
    opened_pane: int
    last_pane: int
    """Of the latest finding."""
    about: str = ""
    """The object that founded it."""
    score: float = 0.0
    """Greatest fused score of a finding."""
    findings: int = 0
    anomaly: float | None = None
    """Greatest anomaly score so far, in [0, 1]; None if unknown."""
    outside: float = 0.0
    """Strongest outside evidence of a finding, in [-1, 1]."""
    parent: str | None = None
    """The pool that this work lies inside."""
    inside: dict[int, int] = {}
    """Per window length, readings in a row in which one work inside showed; see :mod:`.inside`."""
    readings: dict[int, Reading] = {}
    """Latest reading of each window, by its length in seconds."""
    extraction: float = 0.0
    """Probability of extraction by the latest readings together."""
    sure: int = 0
    """Readings in a row that say extraction; below 0, that say something else."""
    kind: AlertKind = "linked_accounts"
    kind_changes: int = 0
    kind_reason: str = ""
    """Why the kind changed; empty until it did."""
    said_features: dict[str, float] = {}
    """Counter-evidence as it stood when extraction was said."""
    accounts: dict[int, Account] = {}
    """Accounts that were published, by key."""
    templates: list[str] = []
    models: list[str] = []
    blocks: list[str] = []
    asns: list[int] = []
    """What the members use most, as last looked at."""
    times_usual: float = 1.0
    """A member's requests over the median of all, when last found."""
    merged_from: list[str] = []
    state: Literal["open", "closed", "merged"] = "open"
    merged_into: str | None = None
    severity: Severity = "info"
    revision: int = 0
    alerted_ms: int = -1
    alerted_kind: AlertKind | None = None
    alerted_members: int = 0
    alerted_models: list[str] = []
    ended: bool = False
    """True once its end was told."""
    suppressed: int = 0


class Campaign:
    """A campaign: its state and its members."""

    def __init__(self, state: CampaignState, members: Members | None = None) -> None:
        self.state = state
        self.members = members or Members()
        self.candidates: dict[int, int] = {}
        """Organisation → pane of the finding that made it one; likeness must confirm it."""

    @property
    def id(self) -> str:
        """Stable name."""
        return self.state.id

    @property
    def is_open(self) -> bool:
        """True until it is closed or merged."""
        return self.state.state == "open"

    @property
    def found_twice(self) -> int:
        """Members, in organisations, that were found twice at least."""
        return int((self.members.hits >= CONFIRMING_HITS).sum())

    @property
    def seniority(self) -> tuple[int, int, str]:
        """Of campaigns that become one the least keeps its name: gravest told, then oldest."""
        state = self.state
        return -SEVERITIES.index(state.severity), state.opened_pane, state.id

    def absorb(self, other: Campaign) -> None:
        """The other campaign is part of this one from now on."""
        self.members.absorb(other.members)
        self.candidates = other.candidates | self.candidates
        mine, theirs = self.state, other.state
        mine.merged_from = sorted({*mine.merged_from, theirs.id, *theirs.merged_from})
        mine.score = max(mine.score, theirs.score)
        mine.findings += theirs.findings
        mine.last_pane = max(mine.last_pane, theirs.last_pane)
        theirs.state, theirs.merged_into = "merged", self.id

    @property
    def latest(self) -> Reading | None:
        """The reading of the longest window of those not older than a day, None before any."""
        readings = sorted(self.state.readings.values(), key=lambda r: (r.pane, r.window_s))
        return readings[-1] if readings else None

    def vectors(self) -> list[list[float]]:
        """Signals of the latest readings in the order of the catalog, shortest window first."""
        readings = sorted(self.state.readings.values(), key=lambda r: r.window_s)
        return [[r.features.get(name, 0.0) for name in NAMES] for r in readings]

    def confirmed(self) -> U64:
        """Members that are spoken of: found twice, or taken in for their likeness.

        A single account is spoken of at once.
        """
        members = self.members
        if self.state.domain == "account":
            return members.key
        told = (members.hits >= CONFIRMING_HITS) | (members.hits == 0)
        return np.asarray(members.key[told])
