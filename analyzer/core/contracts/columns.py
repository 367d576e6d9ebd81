"""Columns that travel between the steps after ingest."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from enum import IntEnum
from typing import Any, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from analyzer.core.kernels.interned_names import Names

I64 = NDArray[np.int64]
U64 = NDArray[np.uint64]
F64 = NDArray[np.float64]
Bool = NDArray[np.bool_]


class Kind(IntEnum):
    """What an organisation can share with others."""

    TEMPLATE = 1
    BLOCK = 2
    PAYMENT = 3
    TLS = 4
    AGENT = 5
    MODEL = 6
    PARAMS = 7
    GRAPH = 8
    """No single object: a group that a graph of pairs joins."""
    ACCOUNT = 9
    """No object at all: one organisation by itself."""


def _u64() -> U64:
    return np.zeros(0, np.uint64)


def _i64() -> I64:
    return np.zeros(0, np.int64)


@dataclass(frozen=True, slots=True)
class PaneColumns:
    """What happened in a range of panes: five small tables, each sorted by its first columns."""

    org_pane: I64 = field(default_factory=_i64)
    """One row per (pane, organisation): number of the pane."""
    org: U64 = field(default_factory=_u64)
    org_requests: I64 = field(default_factory=_i64)
    org_log_output: I64 = field(default_factory=_i64)
    """Sum over the requests of round(10⁶ · ln(output_tokens + 1)); an integer, so that sums
    do not depend on their order."""
    org_output_tokens: I64 = field(default_factory=_i64)
    org_created_ms: I64 = field(default_factory=_i64)
    """Earliest account creation, epoch ms; -1 means "not given"."""

    account_pane: I64 = field(default_factory=_i64)
    """One row per (pane, account): number of the pane."""
    account: U64 = field(default_factory=_u64)
    account_org: U64 = field(default_factory=_u64)
    account_requests: I64 = field(default_factory=_i64)
    account_first_ms: I64 = field(default_factory=_i64)
    account_last_ms: I64 = field(default_factory=_i64)

    pair_pane: I64 = field(default_factory=_i64)
    """One row per (pane, organisation, kind, object): number of the pane."""
    pair_org: U64 = field(default_factory=_u64)
    pair_kind: I64 = field(default_factory=_i64)
    pair_object: U64 = field(default_factory=_u64)
    pair_requests: I64 = field(default_factory=_i64)

    prompt_pane: I64 = field(default_factory=_i64)
    """One row per (pane, organisation, template, prompt): number of the pane."""
    prompt_org: U64 = field(default_factory=_u64)
    prompt_template: U64 = field(default_factory=_u64)
    prompt: U64 = field(default_factory=_u64)
    prompt_requests: I64 = field(default_factory=_i64)

    template_pane: I64 = field(default_factory=_i64)
    """One row per (pane, template): number of the pane."""
    template: U64 = field(default_factory=_u64)
    template_requests: I64 = field(default_factory=_i64)
    template_log_output: I64 = field(default_factory=_i64)
    """As ``org_log_output``."""

    names: Names = field(default_factory=Names)
    """Text of the hashes of accounts and objects in these rows."""

    def between(self, start: int, stop: int) -> PaneColumns:
        """The rows of panes ``[start, stop)``; the names stay as they are."""
        panes = (
            self.org_pane,
            self.account_pane,
            self.pair_pane,
            self.prompt_pane,
            self.template_pane,
        )
        return self.where(*((pane >= start) & (pane < stop) for pane in panes))

    def where(
        self,
        org: Bool | None = None,
        account: Bool | None = None,
        pair: Bool | None = None,
        prompt: Bool | None = None,
        template: Bool | None = None,
    ) -> PaneColumns:
        """The rows of each table where its mask is true, or all; the names stay as they are."""
        masks = iter((org, account, pair, prompt, template))
        mask: Bool | None = None
        kept: dict[str, Any] = {}
        for column in fields(self):
            if column.name.endswith("_pane"):
                mask = next(masks)
            if mask is not None and column.name != "names":
                kept[column.name] = getattr(self, column.name)[mask]
        return replace(self, **kept)


FACTS = ("organisations", "requests", "requests_on_object", "times_usual", "anomaly")
"""Columns of ``CohortColumns.facts``; ``times_usual`` is a member's requests over the median of
all, ``anomaly`` an account's anomaly score, NaN for cohorts of several."""


@dataclass(frozen=True, slots=True)
class CohortColumns:
    """Cohorts judged in a range of panes, one row each, with their members."""

    pane: I64 = field(default_factory=_i64)
    """Last pane of the window."""
    kind: I64 = field(default_factory=_i64)
    """:class:`Kind` of the defining object."""
    object: U64 = field(default_factory=_u64)
    """Hash of the defining object."""
    window_s: I64 = field(default_factory=_i64)
    newcomers: I64 = field(default_factory=_i64)
    """1: only the organisations that are new on a popular object; 0: all of it."""
    features: F64 = field(default_factory=lambda: np.zeros((0, 0)))
    """Shape (cohorts, signals), in the order of the catalog; NaN is "unknown"."""
    facts: F64 = field(default_factory=lambda: np.zeros((0, 0)))
    """Shape (cohorts, facts), in the order of :data:`FACTS`."""

    member_row: I64 = field(default_factory=_i64)
    """One row per (cohort, organisation), rising: index of the cohort in the columns above."""
    member_org: U64 = field(default_factory=_u64)

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


C = TypeVar("C", PaneColumns, CohortColumns)


def concat(tables: list[PaneColumns]) -> PaneColumns:
    """All rows of all tables, in that order."""
    return _concat(tables, PaneColumns)


def concat_cohorts(tables: list[CohortColumns]) -> CohortColumns:
    """All cohorts of all tables, in that order, their members with them."""
    tables = [table for table in tables if len(table.pane)]
    shifts = np.cumsum([0] + [len(table.pane) for table in tables])
    shifted = [
        replace(table, member_row=table.member_row + shift)
        for table, shift in zip(tables, shifts[:-1].tolist(), strict=True)
    ]
    return _concat(shifted, CohortColumns)


def _concat(tables: list[C], kind: type[C]) -> C:
    if len(tables) <= 1:
        return tables[0] if tables else kind()
    columns: dict[str, Any] = {}
    for f in fields(kind):
        parts = [getattr(table, f.name) for table in tables]
        if isinstance(parts[0], np.ndarray):
            columns[f.name] = np.concatenate(parts)
        else:
            columns[f.name] = Names.joined(parts)
    return kind(**columns)
