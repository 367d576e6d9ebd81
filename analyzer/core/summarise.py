"""The events of one pane, added up: rows per organisation, account, pair and prompt."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from analyzer.core import groups
from analyzer.core.events import EventColumns
from analyzer.core.names import NameBook
from analyzer.core.tables import Kind, PaneColumns
from analyzer.core.windows import HashIndex

T = TypeVar("T", bound=np.generic)
U64 = NDArray[np.uint64]
I64 = NDArray[np.int64]

PAIR_COLUMNS = {
    Kind.TEMPLATE: "template",
    Kind.BLOCK: "block",
    Kind.PAYMENT: "payment",
    Kind.TLS: "tls",
    Kind.AGENT: "agent",
    Kind.MODEL: "model",
    Kind.PARAMS: "params",
}
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
    org, account = _Groups(rows.org), _Groups(rows.account)
    told = np.flatnonzero(rows.template)
    template = _Groups(rows.template[told])
    pair_org, kind, objects, pair_requests = groups.pairs(
        org.of_row, len(org), np.stack([getattr(rows, name) for name in PAIR_COLUMNS.values()])
    )
    kinds = np.array(list(PAIR_COLUMNS), np.int64)[kind]
    given = np.flatnonzero(rows.prompt)
    prompt, prompt_requests = groups.prompts(
        org.of_row[given], len(org), rows.template[given], rows.prompt[given]
    )
    prompt = given[prompt]
    log_output = np.rint(np.log1p(rows.output_tokens) * MICRO).astype(np.int64)
    never = np.iinfo(np.int64).max
    created = org.least(np.where(rows.created_ms < 0, never, rows.created_ms))
    return PaneColumns(
        org_pane=np.full(len(org), pane),
        org=org.of(rows.org),
        org_requests=org.counts,
        org_log_output=org.total(log_output),
        org_output_tokens=org.total(rows.output_tokens),
        org_created_ms=np.where(created == never, -1, created),
        account_pane=np.full(len(account), pane),
        account=account.of(rows.account),
        account_org=account.of(rows.org),
        account_requests=account.counts,
        account_first_ms=account.least(rows.ts_ms),
        account_last_ms=-account.least(-rows.ts_ms),
        pair_pane=np.full(len(kinds), pane),
        pair_org=org.of(rows.org)[pair_org],
        pair_kind=kinds,
        pair_object=objects,
        pair_requests=pair_requests,
        prompt_pane=np.full(len(prompt), pane),
        prompt_org=rows.org[prompt],
        prompt_template=rows.template[prompt],
        prompt=rows.prompt[prompt],
        prompt_requests=prompt_requests,
        template_pane=np.full(len(template), pane),
        template=template.of(rows.template[told]),
        template_requests=template.counts,
        template_log_output=template.total(log_output[told]),
        names=names.of(HashIndex(np.concatenate([account.of(rows.account), objects])).keys),
    )


class _Groups:
    """Rows with the same hash, in the order of the hashes."""

    def __init__(self, hashes: U64) -> None:
        self.order = groups.by_hash(hashes)
        ordered = hashes[self.order]
        changes = np.ones(len(ordered), np.bool_)
        changes[1:] = ordered[1:] != ordered[:-1]
        self.starts = np.flatnonzero(changes)
        self.counts = np.diff(np.append(self.starts, len(ordered)))
        self.of_row = np.empty(len(ordered), np.int64)
        """Number of each row's group."""
        self.of_row[self.order] = np.cumsum(changes) - 1

    def __len__(self) -> int:
        return len(self.starts)

    def of(self, column: NDArray[T]) -> NDArray[T]:
        """The column's value in each group (the first row's)."""
        return column[self.order[self.starts]]

    def total(self, column: I64) -> I64:
        """Sum of each group."""
        return _reduce(np.add, column[self.order], self.starts)

    def least(self, column: I64) -> I64:
        """Minimum of each group."""
        return _reduce(np.minimum, column[self.order], self.starts)


def _reduce(ufunc: np.ufunc, ordered: I64, starts: NDArray[np.intp]) -> I64:
    if not len(starts):
        return np.zeros(0, np.int64)
    return ufunc.reduceat(ordered, starts)
