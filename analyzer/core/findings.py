"""A finding: one cohort of one window whose evidence passed, with its type."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from analyzer.core.alerts import AlertKind
from analyzer.core.catalog import NAMES
from analyzer.core.config import CoreConfig
from analyzer.core.describe import CohortNote
from analyzer.core.evidence import FAMILIES_NEEDED, Fusion, strong_families
from analyzer.core.tables import FACTS, CohortColumns, Kind

SHARED_INFRASTRUCTURE = (Kind.BLOCK, Kind.PAYMENT, Kind.TLS, Kind.AGENT, Kind.GRAPH)


@dataclass(frozen=True, slots=True)
class Account:
    """A member of a finding, as it stands at the end of the window."""

    key: int
    name: str
    org: int
    requests: int
    first_ms: int
    last_ms: int


@dataclass(frozen=True, slots=True)
class Finding:
    """One cohort that passed the threshold and has two strong families of evidence."""

    pane: int
    kind: AlertKind
    cohort_kind: Kind
    object: int
    window_s: int
    newcomers: int
    score: float
    features: NDArray[np.float64]
    facts: dict[str, float]
    note: CohortNote
    accounts: list[Account]

    @property
    def key(self) -> str:
        """Names the cohort: kind and hash of the object, window, and which of its users."""
        return f"{int(self.cohort_kind)}:{self.object:016x}:{self.window_s}:{self.newcomers}"

    @property
    def orgs(self) -> set[int]:
        """Organisations of the members."""
        return {account.org for account in self.accounts}

    @property
    def tight(self) -> bool:
        """True if sharing the object is reason enough to take in a new member."""
        if self.cohort_kind in (Kind.TEMPLATE, Kind.PAYMENT):
            return True
        return max(self.signal("private_blocks"), self.signal("narrowness")) >= 0.6

    def signal(self, name: str) -> float:
        """Value of one signal, 0 where unknown."""
        return value_of(self.features, name)


def value_of(features: NDArray[np.float64], name: str) -> float:
    """Value of one signal in a feature vector, 0 where unknown."""
    return float(np.nan_to_num(features[NAMES.index(name)]))


def findings(cohorts: CohortColumns, fusion: Fusion, config: CoreConfig) -> Iterator[Finding]:
    """Findings among these cohorts, surest first; ties are broken by the cohort's name."""
    if not len(cohorts.pane):
        return
    scores = fusion.score(cohorts.features)
    passed = scores >= config.alert_threshold
    passed &= strong_families(cohorts.features) >= FAMILIES_NEEDED
    found = [_finding(cohorts, row, float(scores[row])) for row in np.flatnonzero(passed).tolist()]
    yield from sorted(found, key=lambda finding: (-finding.score, finding.key))


def _finding(cohorts: CohortColumns, row: int, score: float) -> Finding:
    start, stop = np.searchsorted(cohorts.member_row, [row, row + 1])
    members = slice(int(start), int(stop))
    facts = dict(zip(FACTS, cohorts.facts[row].tolist(), strict=True))
    kind = Kind(int(cohorts.kind[row]))
    return Finding(
        pane=int(cohorts.pane[row]),
        kind=_type_of(kind, cohorts.features[row], facts),
        cohort_kind=kind,
        object=int(cohorts.object[row]),
        window_s=int(cohorts.window_s[row]),
        newcomers=int(cohorts.newcomers[row]),
        score=score,
        features=cohorts.features[row],
        facts=facts,
        note=msgspec.json.decode(cohorts.note[row], type=CohortNote),
        accounts=[
            Account(key, cohorts.names[key], org, requests, first_ms, last_ms)
            for key, org, requests, first_ms, last_ms in zip(
                cohorts.member[members].tolist(),
                cohorts.member_org[members].tolist(),
                cohorts.member_requests[members].tolist(),
                cohorts.member_first_ms[members].tolist(),
                cohorts.member_last_ms[members].tolist(),
                strict=True,
            )
        ],
    )


def _type_of(kind: Kind, features: NDArray[np.float64], facts: dict[str, float]) -> AlertKind:
    """What the cohort looks like.

    A reseller's customers share infrastructure and use many templates; accounts that are only
    linked sit on one or two blocks with volumes as unequal as anybody's.
    """
    shared = max(value_of(features, "entanglement"), value_of(features, "private_blocks"))
    if (
        kind in SHARED_INFRASTRUCTURE
        and shared >= 0.5
        and value_of(features, "many_templates") >= 0.2
    ):
        return "reseller_pool"
    linked = max(shared, value_of(features, "narrowness")) >= 0.5
    if linked and value_of(features, "balance") < 0.3 and facts["blocks"] <= 2:
        return "linked_accounts"
    return "extraction_campaign"
