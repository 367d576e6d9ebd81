"""The events of one pane, added up: rows per organisation, account, pair and prompt."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from analyzer.core.contracts.empty_columns import u64
from analyzer.core.contracts.events import EventColumns
from analyzer.core.contracts.object_kind import Kind
from analyzer.core.contracts.pane_columns import PaneColumns
from analyzer.core.kernels import group_by
from analyzer.core.kernels.interned_names import NameBook

T = TypeVar("T", bound=np.generic)
U64 = NDArray[np.uint64]
I64 = NDArray[np.int64]
Columns = dict[str, NDArray[Any]]

PAIR_COLUMNS = {
    Kind.TEMPLATE: "template",
    Kind.BLOCK: "block",
    Kind.PAYMENT: "payment",
    Kind.TLS: "tls",
    Kind.AGENT: "agent",
    Kind.MODEL: "model",
    Kind.PARAMS: "params",
    Kind.ASN: "asn",
    Kind.FAILURE: "failure",
}
SPENT = ("event", *(name for name in PAIR_COLUMNS.values() if name != "template"))
"""Columns that nothing but pairs is made of, or nothing at all; a crowded pane needs their room."""
MICRO = 1e6


def summarise(pane: int, rows: EventColumns, names: NameBook) -> PaneColumns:
    """Tables of one pane, each sorted by its keys.

    Parameters
    ----------
    rows
        The pane's events without duplicates, in (timestamp, event id) order.
    names
        Text of hashes; those that occur are passed on.
    """
    org = _Groups(rows.org)
    columns = _pairs(rows, org)
    spent: dict[str, Any] = dict.fromkeys(SPENT, u64())
    rows = replace(rows, **spent)
    log_output = np.rint(np.log1p(rows.output_tokens) * MICRO).astype(np.int64)
    columns |= _orgs(rows, org, log_output) | _prompts(rows, org)
    del org
    columns |= _accounts(rows) | _templates(rows, log_output)
    for name in ("org", "account", "pair", "prompt", "template"):
        # One number in memory, however many rows there are.
        columns[f"{name}_pane"] = np.broadcast_to(pane, len(columns[f"{name}_requests"]))
    found = names.once(columns["account"], columns["pair_object"])
    return PaneColumns(**columns, names=found)


def _accounts(rows: EventColumns) -> Columns:
    account = _Groups(rows.account)
    return {
        "account": account.of(rows.account),
        "account_org": account.of(rows.org),
        "account_requests": account.counts,
        "account_first_ms": account.least(rows.ts_ms),
        "account_last_ms": -account.least(-rows.ts_ms),
    }


def _templates(rows: EventColumns, log_output: I64) -> Columns:
    told = np.flatnonzero(rows.template)
    template = _Groups(rows.template[told])
    return {
        "template": template.of(rows.template[told]),
        "template_requests": template.counts,
        "template_log_output": template.total(log_output[told]),
    }


def _orgs(rows: EventColumns, org: _Groups, log_output: I64) -> Columns:
    never = np.iinfo(np.int64).max
    created = org.least(np.where(rows.created_ms < 0, never, rows.created_ms))
    return {
        "org": org.of(rows.org),
        "org_requests": org.counts,
        "org_log_output": org.total(log_output),
        "org_output_tokens": org.total(rows.output_tokens),
        "org_created_ms": np.where(created == never, -1, created),
    }


def _prompts(rows: EventColumns, org: _Groups) -> Columns:
    given = np.flatnonzero(rows.prompt)
    prompt, requests = group_by.prompts(
        org.of_row[given], len(org), rows.template[given], rows.prompt[given]
    )
    prompt = given[prompt]
    return {
        "prompt_org": rows.org[prompt],
        "prompt_template": rows.template[prompt],
        "prompt": rows.prompt[prompt],
        "prompt_requests": requests,
    }


def _pairs(rows: EventColumns, org: _Groups) -> Columns:
    used = tuple(getattr(rows, name) for name in PAIR_COLUMNS.values())
    pair_org, kind, objects, requests = group_by.pairs(org.order, org.stops, used)
    return {
        "pair_org": org.of(rows.org)[pair_org],
        "pair_kind": np.array(list(PAIR_COLUMNS), np.uint8)[kind],
        "pair_object": objects,
        "pair_requests": requests,
    }


class _Groups:
    """Rows with the same hash, in the order of the hashes."""

    def __init__(self, hashes: U64) -> None:
        self.order = group_by.by_hash(hashes)
        self.of_row, self.stops = group_by.numbered(hashes, self.order)
        self.counts = np.diff(self.stops, prepend=0)
        self._first = self.order[self.stops - self.counts]

    def __len__(self) -> int:
        return len(self.stops)

    def of(self, column: NDArray[T]) -> NDArray[T]:
        """The column's value in each group (the first row's)."""
        return column[self._first]

    def total(self, column: I64) -> I64:
        """Sum of each group."""
        return group_by.totals(self.of_row, len(self), column)

    def least(self, column: I64) -> I64:
        """Minimum of each group."""
        return group_by.leasts(self.of_row, len(self), column)
