"""What happened in a range of panes, as tables: what the account step tells the cohort step."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analyzer.core.contracts.empty_columns import i32, i64, u8, u64
from analyzer.core.kernels.interned_names import Names

U8 = NDArray[np.uint8]
I32 = NDArray[np.int32]
I64 = NDArray[np.int64]
U64 = NDArray[np.uint64]
F64 = NDArray[np.float64]
Bool = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class PaneColumns:
    """What happened in a range of panes: five small tables, each sorted by its first columns."""

    org_pane: I64 = field(default_factory=i64)
    """One row per (pane, organisation): number of the pane."""
    org: U64 = field(default_factory=u64)
    org_requests: I64 = field(default_factory=i64)
    org_log_output: I64 = field(default_factory=i64)
    """Sum over the requests of round(10⁶ · ln(output_tokens + 1)); an integer, so that sums
    do not depend on their order."""
    org_output_tokens: I64 = field(default_factory=i64)
    org_created_ms: I64 = field(default_factory=i64)
    """Earliest account creation, epoch ms; -1 means "not given"."""

    account_pane: I64 = field(default_factory=i64)
    """One row per (pane, account): number of the pane."""
    account: U64 = field(default_factory=u64)
    account_org: U64 = field(default_factory=u64)
    account_requests: I64 = field(default_factory=i64)
    account_first_ms: I64 = field(default_factory=i64)
    account_last_ms: I64 = field(default_factory=i64)

    pair_pane: I64 = field(default_factory=i64)
    """One row per (pane, organisation, kind, object): number of the pane."""
    pair_org: U64 = field(default_factory=u64)
    pair_kind: U8 = field(default_factory=u8)
    pair_object: U64 = field(default_factory=u64)
    pair_requests: I32 = field(default_factory=i32)

    prompt_pane: I64 = field(default_factory=i64)
    """One row per (pane, organisation, template, prompt): number of the pane."""
    prompt_org: U64 = field(default_factory=u64)
    prompt_template: U64 = field(default_factory=u64)
    prompt: U64 = field(default_factory=u64)
    prompt_requests: I64 = field(default_factory=i64)

    template_pane: I64 = field(default_factory=i64)
    """One row per (pane, template): number of the pane."""
    template: U64 = field(default_factory=u64)
    template_requests: I64 = field(default_factory=i64)
    template_log_output: I64 = field(default_factory=i64)
    """As ``org_log_output``."""

    names: Names = field(default_factory=Names)
    """Text of the hashes of accounts and objects in these rows."""

    def between(self, start: int, stop: int) -> PaneColumns:
        """The rows of panes ``[start, stop)`` as views; the names stay as they are."""
        kept: dict[str, Any] = {}
        rows = slice(0)
        for column in fields(self):
            if column.name.endswith("_pane"):
                first, last = np.searchsorted(getattr(self, column.name), (start, stop))
                rows = slice(first, last)
            if column.name != "names":
                kept[column.name] = getattr(self, column.name)[rows]
        return replace(self, **kept)

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


def concat(tables: list[PaneColumns]) -> PaneColumns:
    """All rows of all tables, in that order."""
    if len(tables) <= 1:
        return tables[0] if tables else PaneColumns()
    columns: dict[str, Any] = {}
    for f in fields(PaneColumns):
        parts = [getattr(table, f.name) for table in tables]
        if isinstance(parts[0], np.ndarray):
            columns[f.name] = np.concatenate(parts)
        else:
            columns[f.name] = Names.joined(parts)
    return PaneColumns(**columns)
