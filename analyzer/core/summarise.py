"""The events of one pane, added up: rows per organisation, account, pair and prompt."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from analyzer.core.events import EventColumns
from analyzer.core.tables import Kind, PaneColumns

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


def summarise(pane: int, rows: EventColumns, names: dict[int, str]) -> PaneColumns:
    """Tables of one pane, each sorted by its keys.

    Parameters
    ----------
    rows
        The pane's events without duplicates, in (timestamp, event id) order.
    names
        Text of hashes; those that occur are passed on.
    """
    org, account = _Groups(rows.org), _Groups(rows.account)
    kinds, organisations, objects = _pairs(rows)
    pair = _Groups(organisations, kinds, objects)
    prompted = rows.take(rows.prompt != 0)
    prompt = _Groups(prompted.org, prompted.template, prompted.prompt)
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
        pair_pane=np.full(len(pair), pane),
        pair_org=pair.of(organisations),
        pair_kind=pair.of(kinds),
        pair_object=pair.of(objects),
        pair_requests=pair.counts,
        prompt_pane=np.full(len(prompt), pane),
        prompt_org=prompt.of(prompted.org),
        prompt_template=prompt.of(prompted.template),
        prompt=prompt.of(prompted.prompt),
        prompt_requests=prompt.counts,
        names=_names(account.of(rows.account), pair.of(kinds), pair.of(objects), names),
    )


class _Groups:
    """Rows that agree in all key columns, in the order of the keys (the first one leads)."""

    def __init__(self, *keys: NDArray[np.generic]) -> None:
        self.order = np.lexsort(keys[::-1]) if len(keys) > 1 else np.argsort(keys[0], kind="stable")
        changes = np.zeros(len(self.order), np.bool_)
        changes[:1] = True
        for key in keys:
            ordered = key[self.order]
            changes[1:] |= ordered[1:] != ordered[:-1]
        self.starts = np.flatnonzero(changes)
        self.counts = np.diff(np.append(self.starts, len(self.order)))

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


def _pairs(rows: EventColumns) -> tuple[I64, U64, U64]:
    kinds, organisations, objects = [], [], []
    for kind, name in PAIR_COLUMNS.items():
        column = getattr(rows, name)
        given = column != 0
        objects.append(column[given])
        organisations.append(rows.org[given])
        kinds.append(np.full(int(given.sum()), int(kind)))
    return np.concatenate(kinds), np.concatenate(organisations), np.concatenate(objects)


def _names(accounts: U64, kinds: I64, objects: U64, names: dict[int, str]) -> dict[int, str]:
    """Text of the accounts and objects; a block needs none, since its number tells it."""
    named = {h: names[h] for h in accounts.tolist()}
    told = np.unique(objects[kinds != Kind.BLOCK]).tolist()
    named.update((h, names[h]) for h in told if h in names)
    families = objects[kinds == Kind.TEMPLATE].tolist()
    named.update((h, f"family-{h:016x}") for h in families if h not in named)
    return named
