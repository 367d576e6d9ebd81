"""What the cohort step says of the cohorts of a range of panes, as columns."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from analyzer.core.contracts.empty_columns import i64, u64

I64 = NDArray[np.int64]
U64 = NDArray[np.uint64]
F64 = NDArray[np.float64]
Bool = NDArray[np.bool_]


FACTS = ("organisations", "requests", "requests_on_object", "times_usual", "anomaly")
"""Columns of ``CohortColumns.facts``; ``times_usual`` is a member's requests over the median of
all, ``anomaly`` an account's anomaly score, NaN for cohorts of several."""


@dataclass(frozen=True, slots=True)
class CohortColumns:
    """Cohorts judged in a range of panes, one row each, with their members."""

    pane: I64 = field(default_factory=i64)
    """Last pane of the window."""
    kind: I64 = field(default_factory=i64)
    """:class:`Kind` of the defining object."""
    object: U64 = field(default_factory=u64)
    """Hash of the defining object."""
    window_s: I64 = field(default_factory=i64)
    newcomers: I64 = field(default_factory=i64)
    """1: only the organisations that are new on a popular object; 0: all of it."""
    features: F64 = field(default_factory=lambda: np.zeros((0, 0)))
    """Shape (cohorts, signals), in the order of the catalog; NaN is "unknown"."""
    facts: F64 = field(default_factory=lambda: np.zeros((0, 0)))
    """Shape (cohorts, facts), in the order of :data:`FACTS`."""

    member_row: I64 = field(default_factory=i64)
    """One row per (cohort, organisation), rising: index of the cohort in the columns above."""
    member_org: U64 = field(default_factory=u64)

    def take(self, rows: NDArray[np.bool_]) -> Self:
        """The cohorts where the mask is True, with their members."""
        number = np.cumsum(rows) - 1
        members = rows[self.member_row]
        changed: dict[str, Any] = {}
        for f in fields(self):
            column = getattr(self, f.name)
            if f.name == "member_row":
                changed[f.name] = number[column[members]]
            elif f.name.startswith("member"):
                changed[f.name] = column[members]
            else:
                changed[f.name] = column[rows]
        return replace(self, **changed)

    def share_of_members(self, mask: Bool) -> F64:
        """Share of each cohort's named members where the mask is true; shape (cohorts,)."""
        n = len(self.pane)
        named = np.maximum(1, np.bincount(self.member_row, minlength=n))
        return np.asarray(np.bincount(self.member_row, mask, minlength=n) / named)


def concat_cohorts(tables: list[CohortColumns]) -> CohortColumns:
    """All cohorts of all tables, in that order, their members with them."""
    tables = [table for table in tables if len(table.pane)]
    shifts = np.cumsum([0] + [len(table.pane) for table in tables])
    shifted = [
        replace(table, member_row=table.member_row + shift)
        for table, shift in zip(tables, shifts[:-1].tolist(), strict=True)
    ]
    if len(shifted) <= 1:
        return shifted[0] if shifted else CohortColumns()
    columns = {
        f.name: np.concatenate([getattr(table, f.name) for table in shifted])
        for f in fields(CohortColumns)
    }
    return CohortColumns(**columns)
