"""The accounts that a campaign names, in columns, and which of them have something to tell."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
from msgspec import structs
from numpy.typing import NDArray

from analyzer.core.campaign.campaign_state import Account, Campaign, CampaignState
from analyzer.core.cohort.window import Window
from analyzer.core.contracts.records import Member

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]
U64 = NDArray[np.uint64]
Bool = NDArray[np.bool_]

LARGEST_ORG = 5
"""Accounts from which an organisation is a fleet: one customer, whose accounts are not named."""
NEWS = 0.1
"""Change of a member's sureness that is told."""


class Accounts:
    """All accounts of a view that may be named."""

    def __init__(self, view: Window) -> None:
        self._population = view.population
        self.table = view.population.accounts
        org = self.table["org"]
        count = np.bincount(org, minlength=len(view.population.orgs))
        self._rows = np.flatnonzero(count[org] <= LARGEST_ORG)
        self._org = org[self._rows]

    def rows_of(self, orgs: U64) -> NDArray[np.intp]:
        """Rows of the accounts of organisations of these keys, rising."""
        found = self._population.orgs.find(orgs)
        wanted = np.zeros(len(self._population.orgs), np.bool_)
        wanted[found[found >= 0]] = True
        return self._rows[wanted[self._org]]

    def orgs(self, rows: NDArray[np.intp]) -> U64:
        """Key of the organisation of each account."""
        return np.asarray(self._population.orgs["key"][self.table["org"][rows]], np.uint64)

    def output_tokens(self, orgs: U64) -> int:
        """Tokens answered to organisations of these keys, each given once, as long as known."""
        rows = self._population.orgs.find(orgs)
        return int(self._population.orgs["output_tokens"][rows[rows >= 0]].sum())

    def names(self, keys: U64) -> dict[int, str]:
        """Names of the accounts of these keys; those without one are left out."""
        return self._population.names_of(keys).as_dict()


@dataclass(frozen=True)
class Roll:
    """Accounts that are members of one campaign, in columns of equal length."""

    keys: list[int]
    names: list[str]
    before: list[Account | None]
    """Each as last published, None if it never was."""
    org: U64
    requests: I64
    first_ms: I64
    last_ms: I64
    membership: F64
    """How sure each is, in [0.5, 1]."""
    output_tokens: int
    """Tokens answered to all of their organisations, over the time of the requests."""

    @classmethod
    def of(
        cls, campaign: Campaign, orgs: U64, accounts: Accounts, may_name: Callable[[str], bool]
    ) -> Self:
        """Accounts of these organisations, but for those without a name that may be said."""
        rows, known = accounts.rows_of(orgs), campaign.state.accounts
        key = accounts.table["key"][rows]
        keys = key.tolist()
        before = [known.get(one) for one in keys]
        new = accounts.names(key[np.array([one is None for one in before], np.bool_)])
        names = [
            new.get(one, "") if old is None else old.name
            for one, old in zip(keys, before, strict=True)
        ]
        named = [bool(name) and may_name(name) for name in names]
        if not all(named):
            kept = np.flatnonzero(named)
            rows = rows[kept]
            keys, names, before = _of(keys, kept), _of(names, kept), _of(before, kept)
        org = accounts.orgs(rows)
        requests, first_ms, last_ms = (
            accounts.table[name][rows] for name in ("requests", "first_ms", "last_ms")
        )
        sure = campaign.members.sureness(org)
        tokens = accounts.output_tokens(np.unique(org))
        return cls(keys, names, before, org, requests, first_ms, last_ms, sure, tokens)

    def __len__(self) -> int:
        return len(self.keys)

    @cached_property
    def orgs(self) -> U64:
        """Organisations of the accounts, each once, rising."""
        return np.unique(self.org)

    def first_event_ms(self, otherwise: int) -> int:
        """When the first of all was seen first."""
        return int(self.first_ms.min()) if len(self) else otherwise

    def last_event_ms(self, otherwise: int) -> int:
        """When the last of all was seen last."""
        return int(self.last_ms.max()) if len(self) else otherwise

    def surest(self, most: int) -> list[str]:
        """Names of those that are members most surely, then by name."""
        order = sorted(zip((-self.membership).tolist(), self.names, strict=True))
        return [name for _, name in order[:most]]

    def changed(self, state: CampaignState, now_ms: int, *, everyone: bool) -> list[Account]:
        """Those that are new, surer or less sure by :data:`NEWS`, or gone; or all that are here.

        They are in the order of their sureness, then of their names.
        """
        was = np.array([-1.0 if one is None else one.membership for one in self.before])
        told = everyone | (was <= 0) | (np.abs(was - self.membership) >= NEWS)
        found = [self._account(i, state, now_ms) for i in np.flatnonzero(told).tolist()]
        here = set(self.keys)
        found += [
            structs.replace(account, membership=0.0)
            for key, account in state.accounts.items()
            if account.membership > 0 and key not in here
        ]
        return sorted(found, key=lambda account: (-account.membership, account.name))

    def _account(self, i: int, state: CampaignState, now_ms: int) -> Account:
        before = self.before[i]
        return Account(
            key=self.keys[i],
            name=self.names[i],
            org=int(self.org[i]),
            requests=int(self.requests[i]),
            first_ms=int(self.first_ms[i]),
            last_ms=int(self.last_ms[i]),
            joined_ms=now_ms if before is None else before.joined_ms,
            membership=float(self.membership[i]),
            reasons=[state.about] if state.about else [],
        )


def member(state: CampaignState, account: Account) -> Member:
    """What is told of one account."""
    return Member(
        account_id=account.name,
        campaign_id=state.id,
        kind=state.kind,
        membership=account.membership,
        reasons=list(account.reasons),
        joined_ms=account.joined_ms,
        first_event_ms=account.first_ms,
        last_event_ms=account.last_ms,
        requests=account.requests,
        state="member" if account.membership > 0 else "released",
    )


def _of(values: Sequence[Any], kept: NDArray[np.intp]) -> list[Any]:
    return [values[i] for i in kept.tolist()]
