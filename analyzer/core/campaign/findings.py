"""A finding: one cohort of one window whose evidence passed, with its type."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from analyzer.core.campaign.baseline import Baseline
from analyzer.core.campaign.decision import LIVES_INSIDE, Judged, focus_of
from analyzer.core.cohort.catalog import NAMES
from analyzer.core.cohort.describe import CohortNote
from analyzer.core.cohort.fusion import STRONG
from analyzer.core.contracts.calibration import strata_of
from analyzer.core.contracts.columns import FACTS, CohortColumns, Kind
from analyzer.core.contracts.event_time import DAY_S
from analyzer.core.contracts.records import AlertKind
from analyzer.core.kernels.interned_names import NameBook

F64 = NDArray[np.float64]

MIXED_WORK = 0.75
"""From this diversity on, in nats, each member does the work of several customers."""
POOL_FOCUS, QUEUE_FOCUS = 0.2, 0.4
"""Share of a pool's traffic from which one template in it can be extraction: where its answers are
long, and where it is only a queue of prompts; either way all accounts do it alike."""
LONG = 0.6
"""Deviations beyond the mean from which a template's own answers are long."""
ALL_LONG = 0.7
"""From this value of ``output_length`` on, all of the members' work draws long answers."""
ONE_WORK = 0.25
"""Up to this diversity, in nats, long answers may be to one kind of work."""
PLAIN_WORK = 0.15
"""Up to this diversity, in nats, members do no more kinds of work than others of their volume."""
SAME_SETTINGS = 0.7
"""From this value of ``params_homogeneity`` on, members are run by one program."""
DEVOTED = 0.4
"""Share of the members' traffic from which one object is what they are there for."""
FEW_BLOCKS, FEWEST_BLOCKS = 10, 6
"""Up to so many blocks may be one customer's own servers; the second even of made-up accounts."""
FEW = 20
"""Fewer organisations may be the first accounts of a pool that one of its tenants uses."""
MADE_UP = ("payment_sharing", "creation_scan")
"""Signs that accounts were opened to look like several customers'."""


class Account(msgspec.Struct, frozen=True, gc=False):
    """A member of a finding, as it stands at the end of the window."""

    key: int
    name: str
    org: int
    requests: int
    first_ms: int
    last_ms: int
    affinity: float
    """How like the other members its organisation is, in nats."""


@dataclass(frozen=True)
class Finding:
    """One cohort that was found, see :mod:`analyzer.core.campaign.decision`."""

    pane: int
    kind: AlertKind
    cohort_kind: Kind
    object: int
    window_s: int
    newcomers: int
    score: float
    strangeness: float | None
    """How unlike other cohorts, in [0, 1]; None if unknown."""
    features: F64
    facts: dict[str, float]
    """Figures by name, and ``focus``: share of the members' traffic on the defining object."""
    note: CohortNote
    accounts: list[Account]
    usual: F64
    """Mean of each signal among innocent cohorts of the same sort, shape (signals,)."""
    high: F64
    """What one of these in twenty exceeds, shape (signals,)."""
    outside: float = 0.0
    """Outside evidence, in [-1, 1]; below 0 for innocence."""

    @property
    def key(self) -> str:
        """Names the cohort: kind and hash of the object, window, and which of its users."""
        return _key(self.cohort_kind, self.object, self.window_s, self.newcomers)

    @cached_property
    def orgs(self) -> frozenset[int]:
        """Organisations of the members."""
        return frozenset(account.org for account in self.accounts)

    @property
    def spread(self) -> float:
        """Effective number of address blocks a member organisation; 0 where none is known."""
        return float(np.nan_to_num(self.facts["places"])) / self.facts["organisations"]

    @property
    def elicits(self) -> bool:
        """True if the members draw unusually long answers."""
        return self.signal("output_length") >= STRONG

    @property
    def draws_long(self) -> bool:
        """True if the defining template draws long answers, whatever else the members do."""
        return self.facts["own_length"] >= LONG

    @property
    def dominates(self) -> bool:
        """True if the object is more than one customer's share of a pool, over a day or more."""
        return self.window_s >= DAY_S and _inside_pool(self.facts, self.features)

    @property
    def slight(self) -> bool:
        """True if it says extraction of few members, on one template or object alone.

        A pool that has just opened looks so: a tenant's requests are all that its accounts do.
        """
        own_work = max(self.signal("narrowness"), self.signal("work_queue")) >= STRONG
        few = self.facts["organisations"] < FEW
        return self.kind == "extraction_campaign" and few and not own_work

    @property
    def lasting(self) -> bool:
        """True if whoever uses the object later belongs there too."""
        return self.cohort_kind in (Kind.TEMPLATE, Kind.PAYMENT)

    @property
    def tells_type(self) -> bool:
        """True if the cohort shows common work; blocks and clients show only a common place."""
        return self.lasting or self.cohort_kind == Kind.GRAPH

    @property
    def tight(self) -> bool:
        """True if sharing the object is reason enough to belong together.

        A client is too common for that; a block is reason enough only where hardly anybody
        else does what its members do.
        """
        if self.lasting or self.cohort_kind == Kind.ACCOUNT:
            return True
        if self.cohort_kind == Kind.GRAPH:
            return self.signal("narrowness") >= LIVES_INSIDE
        inside = max(self.signal("private_blocks"), self.signal("narrowness"))
        return self.cohort_kind == Kind.BLOCK and inside >= LIVES_INSIDE

    @property
    def anchor(self) -> str:
        """Names the object and which of its users, whatever the window."""
        return f"{int(self.cohort_kind)}:{self.object:016x}:{self.newcomers}"

    def signal(self, name: str) -> float:
        """Value of one signal, 0 where unknown."""
        return value_of(self.features, name)


def _key(kind: int, hash_: int, window_s: int, newcomers: int) -> str:
    return f"{int(kind)}:{hash_:016x}:{window_s}:{newcomers}"


def _key_of(cohorts: CohortColumns, row: int) -> str:
    columns = (cohorts.kind, cohorts.object, cohorts.window_s, cohorts.newcomers)
    return _key(*(int(column[row]) for column in columns))


def value_of(features: F64, name: str) -> float:
    """Value of one signal in a feature vector, 0 where unknown."""
    return float(np.nan_to_num(features[NAMES.index(name)]))


def findings(
    cohorts: CohortColumns,
    judged: Judged,
    baseline: Baseline,
    strangeness: Sequence[float | None],
    is_old: Callable[[str], bool],
) -> Iterator[Finding]:
    """What was found among these cohorts, surest first; ties are broken by the cohort's name.

    Cohorts whose key is old news are left out before anything is made of them.
    """
    usual, high = baseline.usual(strata_of(cohorts))
    names = NameBook(cohorts.names)
    found = [
        _finding(
            cohorts,
            row,
            names,
            score=float(judged.score[row]),
            usual=usual[row],
            high=high[row],
            strangeness=strangeness[row],
            outside=float(judged.outside[row]),
        )
        for row in np.flatnonzero(judged.found).tolist()
        if not is_old(_key_of(cohorts, row))
    ]
    yield from sorted(found, key=lambda finding: (-finding.score, finding.key))


def _finding(cohorts: CohortColumns, row: int, names: NameBook, **judged: Any) -> Finding:
    start, stop = np.searchsorted(cohorts.member_row, [row, row + 1])
    members = slice(int(start), int(stop))
    facts = dict(zip(FACTS, cohorts.facts[row].tolist(), strict=True))
    facts["focus"] = float(focus_of(cohorts.facts[row]))
    kind = Kind(int(cohorts.kind[row]))
    return Finding(
        pane=int(cohorts.pane[row]),
        kind=type_of(kind, cohorts.features[row], facts),
        cohort_kind=kind,
        object=int(cohorts.object[row]),
        window_s=int(cohorts.window_s[row]),
        newcomers=int(cohorts.newcomers[row]),
        features=cohorts.features[row],
        facts=facts,
        note=msgspec.json.decode(cohorts.note[row], type=CohortNote),
        accounts=[
            Account(*account)
            for account in zip(
                cohorts.member[members].tolist(),
                names.texts(cohorts.member[members]),
                cohorts.member_org[members].tolist(),
                cohorts.member_requests[members].tolist(),
                cohorts.member_first_ms[members].tolist(),
                cohorts.member_last_ms[members].tolist(),
                cohorts.member_affinity[members].tolist(),
                strict=True,
            )
        ],
        **judged,
    )


def type_of(kind: Kind, features: F64, facts: dict[str, float]) -> AlertKind:
    """What the cohort looks like.

    A reseller's accounts each do the work of several customers, and no template takes a large
    part of the traffic. Extraction draws long answers to one kind of work, from a queue, or beside
    work that hardly anybody else does; or its accounts do little but such work, and either of one
    kind or from a queue, each prompt sent once; or made-up accounts do one kind of work from blocks
    of their own, all with the same rare sampling parameters. Where none of this shows, accounts are
    linked and no more.
    Accounts on a few blocks may be one customer's, on its own servers, unless they look made up
    to seem several; people who sign up together in one place and each pay for themselves are a
    class.
    Made-up accounts on very few blocks may be one customer's too, as may those whose billing is
    unknown, unlike everybody else's, and a graph's group: there only long answers tell.
    """
    if kind == Kind.ACCOUNT:
        return "account_anomaly"
    focus = facts["focus"]
    mixed = facts["diversity"] >= MIXED_WORK and not _all_extract(features)
    if mixed:
        inside = kind == Kind.TEMPLATE and _inside_pool(facts, features)
        return "extraction_campaign" if inside else "reseller_pool"
    blocks = facts["blocks"]
    made_up = max(value_of(features, name) for name in MADE_UP) >= STRONG
    class_like = 0 < blocks <= FEWEST_BLOCKS and value_of(features, "payment_sharing") < STRONG
    if class_like or (0 < blocks <= FEW_BLOCKS and not made_up):
        return "linked_accounts"
    unbilled = facts["billed"] < 0.2 and facts["billed_population"] >= 0.5
    narrow = value_of(features, "narrowness")
    queue = value_of(features, "work_queue") >= STRONG
    several_works = facts["diversity"] > ONE_WORK and not queue and narrow < LIVES_INSIDE
    if value_of(features, "output_length") >= STRONG and not several_works:
        return "extraction_campaign"
    devoted = focus >= DEVOTED or narrow >= STRONG
    plain = facts["diversity"] <= PLAIN_WORK
    one_pipeline = made_up and facts["diversity"] <= ONE_WORK and _one_pipeline(features)
    if (
        unbilled
        or 0 < blocks <= FEWEST_BLOCKS
        or kind == Kind.GRAPH
        or not (one_pipeline or (devoted and (queue or plain)))
    ):
        return "linked_accounts"
    return "extraction_campaign"


def _one_pipeline(features: F64) -> bool:
    """True if members ask with the same rare sampling parameters from blocks that are theirs."""
    same = value_of(features, "params_homogeneity") >= SAME_SETTINGS
    return same and value_of(features, "private_blocks") >= LIVES_INSIDE


def _all_extract(features: F64) -> bool:
    """True if whatever the members do draws long answers, from a queue of prompts sent once.

    So works an operator who spreads many kinds of prompts over all accounts; among a reseller's
    customers some ask for little, and send prompts again.
    """
    queue = value_of(features, "work_queue") >= STRONG
    return queue and value_of(features, "output_length") >= ALL_LONG


def _inside_pool(facts: dict[str, float], features: F64) -> bool:
    """True if work that takes this share of a pool's traffic looks like extraction.

    All accounts do it alike, as nobody's own work would be.
    """
    long = facts["own_length"] >= LONG and facts["focus"] >= POOL_FOCUS
    queue = value_of(features, "work_queue") >= STRONG and facts["focus"] >= QUEUE_FOCUS
    return (long or queue) and value_of(features, "balance") >= STRONG
