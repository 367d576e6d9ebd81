"""What a world's labels and columns say, in the form that the judge wants."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analyzer.simulate import World
from analyzer.simulate.ground import Role
from analyzer.simulate.world import CampaignLabel, Labels

I64 = NDArray[np.int64]

SHARED = 0.5
"""Share of requests on blocks that innocents use, from which an operation's blocks are shared."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One extraction campaign as it truly is."""

    id: str
    family: str
    accounts: frozenset[str]
    times_ms: I64
    """Times of its extraction requests, rising."""
    shared: float
    """Share of these requests from blocks that innocent customers use too."""


@dataclass(frozen=True, slots=True)
class Truth:
    """The truth about one world."""

    scenario: str
    seed: int
    requests: int
    benign_requests: int
    operations: list[Operation]
    pools: dict[str, frozenset[str]]
    """Accounts of each reseller's pool that holds no campaign."""
    lookalikes: dict[str, str]
    """Account → type of the look-alike that it belongs to."""


def truth_of(world: World, names: list[str]) -> Truth:
    """The truth about a world.

    Parameters
    ----------
    names
        Account id of each event, in the order of the world's columns.
    """
    number = dict(zip(names, world.columns.account.tolist(), strict=True))
    return truth_in(
        world.labels,
        lambda c: _operation(world, c["id"], c["family"], c["accounts"], number),
    )


def truth_in(labels: Labels, operation: Callable[[CampaignLabel], Operation]) -> Truth:
    """What labels say; ``operation`` knows the requests of a campaign, or that nobody does."""
    campaigns = [c for c in labels["campaigns"] if c["kind"] == "extraction_campaign"]
    guilty = {account for c in campaigns for account in c["accounts"]}
    pools = {
        c["id"]: frozenset(c["accounts"])
        for c in labels["campaigns"]
        if c["kind"] == "reseller_pool" and not guilty & set(c["accounts"])
    }
    return Truth(
        labels["scenario"],
        labels["seed"],
        labels["requests"],
        labels["benign_requests"],
        [operation(c) for c in campaigns],
        pools,
        {account: group["type"] for group in labels["lookalikes"] for account in group["accounts"]},
    )


def _operation(
    world: World, name: str, family: str, accounts: list[str], number: dict[str, int]
) -> Operation:
    columns = world.columns
    mine = np.isin(columns.account, [number[account] for account in accounts])
    work = mine & (columns.role == Role.EXTRACTION)
    innocent = np.unique(columns.block[~mine & (columns.role == Role.INNOCENT)])
    met = np.isin(columns.block[work], innocent)
    shared = float(met.mean()) if len(met) else 0.0
    return Operation(name, family, frozenset(accounts), np.sort(columns.ts_ms[work]), shared)
