"""A finding: one cohort of one window whose evidence passed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from analyzer.core.campaign.decision import Judged
from analyzer.core.contracts.cohort_columns import FACTS, CohortColumns
from analyzer.core.contracts.object_kind import Kind

F64 = NDArray[np.float64]
U64 = NDArray[np.uint64]

LASTING = (Kind.TEMPLATE, Kind.PAYMENT)
"""Objects whose users do or pay something in common; a place or a client shows no more."""
KINDS = {int(kind): kind for kind in Kind}


class Finding(msgspec.Struct, frozen=True, eq=False):
    """One cohort that was found, see :mod:`analyzer.core.campaign.decision`."""

    pane: int
    cohort_kind: Kind
    object: int
    window_s: int
    newcomers: int
    score: float
    anomaly: float | None
    """How unlike other cohorts, in [0, 1]; None if unknown."""
    features: F64
    orgs: U64
    """Organisations of the cohort, rising."""
    times_usual: float
    """A member's requests over the median of all."""
    outside: float = 0.0
    """Outside evidence, in [-1, 1]; below 0 for innocence."""
    name_of: Callable[[int, int], str] = lambda _kind, _hash: ""
    """Told the kind and hash of an object: what people call it."""

    @property
    def name(self) -> str:
        """What people call the defining object."""
        return self.name_of(self.cohort_kind, self.object)

    @property
    def about(self) -> str:
        """The kind and name of the defining object."""
        return named(self.cohort_kind, self.name)

    @property
    def key(self) -> str:
        """Names the cohort, see :func:`key_of`."""
        return key_of(self.cohort_kind, self.object, self.window_s, self.newcomers)

    @property
    def lasting(self) -> bool:
        """True if all users of an object that lasts were found."""
        return not self.newcomers and self.cohort_kind in LASTING

    @property
    def rank(self) -> tuple[int, int, float, str]:
        """Order of linking: whole objects, lasting ones before groups, and the surest first."""
        lasts = (self.cohort_kind not in LASTING) + (self.cohort_kind == Kind.GRAPH)
        return self.newcomers, lasts, -self.score, self.key


def key_of(kind: int, hash_: int, window_s: int, newcomers: int) -> str:
    """Names a cohort: kind and hash of the object, window, and which of its users."""
    return f"{int(kind)}:{hash_:016x}:{window_s}:{newcomers}"


def named(kind: Kind, name: str) -> str:
    """The kind of an object before its name, if it has one."""
    return f"{kind.name.lower()} {name}".strip()


def findings(
    cohorts: CohortColumns,
    judged: Judged,
    anomaly: Sequence[float | None],
    is_old: Callable[[str, int, int], bool],
    name_of: Callable[[int, int], str],
) -> Iterator[Finding]:
    """What was found among these cohorts, in the order of their columns.

    Parameters
    ----------
    is_old
        Told the key, window and pane of a finding: true if it counted a short while ago.
    name_of
        Told the kind and hash of an object: what people call it.
    """
    rows = np.flatnonzero(judged.found)
    starts = np.searchsorted(cohorts.member_row, rows).tolist()
    stops = np.searchsorted(cohorts.member_row, rows, side="right").tolist()
    columns = (
        rows,
        cohorts.pane[rows],
        cohorts.kind[rows],
        cohorts.object[rows],
        cohorts.window_s[rows],
        cohorts.newcomers[rows],
        judged.score[rows],
        cohorts.facts[rows, FACTS.index("times_usual")],
        judged.outside[rows],
    )
    for start, stop, row, pane, kind, hash_, window_s, newcomers, score, times, outside in zip(
        starts, stops, *(column.tolist() for column in columns), strict=True
    ):
        if is_old(key_of(kind, hash_, window_s, newcomers), window_s, pane):
            continue
        orgs = cohorts.member_org[start:stop].copy()
        orgs.sort()
        yield Finding(
            pane=pane,
            cohort_kind=KINDS[kind],
            object=hash_,
            window_s=window_s,
            newcomers=newcomers,
            score=score,
            anomaly=anomaly[row],
            features=cohorts.features[row],
            orgs=orgs,
            times_usual=times,
            outside=outside,
            name_of=name_of,
        )
