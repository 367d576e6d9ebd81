"""What each member shares with other members: the object of each kind that most of them use."""

from __future__ import annotations

import msgspec
import numpy as np

from analyzer.exchange.traffic import OBJECTS, Traffic


class Share(msgspec.Struct, frozen=True):
    """One object that a member has in common with others."""

    kind: str
    name: str
    members: int
    """Other members that use it."""


def shares_of(traffic: Traffic) -> dict[str, list[Share]]:
    """By account: what it shares, of each kind the object that most other members use."""
    found: dict[str, list[Share]] = {}
    for kind, column in OBJECTS.items():
        if column == "model":
            continue  # everybody uses a model
        objects = getattr(traffic.rows, column)
        given = objects != 0
        pairs = np.unique(np.stack([traffic.rows.account[given], objects[given]]), axis=1)
        keys, at, users = np.unique(pairs[1], return_inverse=True, return_counts=True)
        order = np.lexsort((keys[at], -users[at], pairs[0]))
        accounts, first = np.unique(pairs[0][order], return_index=True)
        for account, row in zip(accounts.tolist(), order[first].tolist(), strict=True):
            others = int(users[at[row]]) - 1
            if others:
                share = Share(kind, traffic.text(column, int(pairs[1][row])), others)
                found.setdefault(traffic.text("account", account), []).append(share)
    return found
