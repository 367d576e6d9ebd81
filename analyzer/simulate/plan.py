"""How a campaign is run, as numbers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

if TYPE_CHECKING:
    from analyzer.simulate.draws import Rng

Egress = Literal["rented", "residential", "cloud", "vpn"]
"""Own blocks at a hoster, proxies in households, a public cloud, a public VPN."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How one campaign is run."""

    family: str
    accounts: float = 300
    """Accounts at work at the same time, at scale 1."""
    per_day: float = 25.0
    """Extraction requests per account and day."""
    start_day: float = 1.5
    days: float = 1_000.0
    ramp_days: float = 0.3
    """Accounts join the work over so long."""
    aged: float = 0.0
    """Share of accounts opened long before, with an innocent past."""
    signup_days: float = 3.0
    """The others were opened within so long before the start."""
    cover: float = 0.0
    """Camouflage requests per extraction request."""
    evenness: float = np.inf
    """Gamma shape of the accounts' shares of the work; infinite is round robin."""
    clients: Literal["rare", "dominant"] = "dominant"
    mixed_clients: float = 0.1
    """Share of accounts whose client is drawn like anybody's."""
    egress: tuple[Egress, ...] = ("rented",)
    """Where the pool's blocks are; equal parts."""
    accounts_per_block: float = 6.0
    market: bool = False
    """Whether it rents the same proxies as every other such campaign of the world."""
    rotates: float = 0.3
    """Share of accounts whose block moves through the pool from lease to lease."""
    turn: float = 2.0
    """Mean items that an account takes at a time."""
    templates: int = 3
    fragments: bool = False
    """Whether an account sees only a few of the templates at a time."""
    borrows_viral: bool = False
    """Whether it works under the viral template of the world."""
    per_card: float = 4.0
    """Accounts per means of payment."""
    per_device: float = 4.0
    """Accounts per sign-up device."""
    life_days: float = np.inf
    """Mean time until an account is banned and replaced."""
    retries: float = 0.02
    pivot: float = 0.0
    """Share of requests that move to the new model within a day of its release."""
    longer: float = 0.35
    """Added to the log of output tokens."""
    long_sampling: bool = True
    varies: float = 0.2
    """Greatest relative change of the numbers above from seed to seed."""
    shift: float = 0.4
    """0: work all round the clock; 1: with the hours of an office."""


_VARIED = (
    "accounts", "per_day", "start_day", "evenness", "accounts_per_block", "longer", "life_days",
    "cover", "signup_days",
)  # fmt: skip


def varied(rng: Rng, plan: Plan) -> Plan:
    """Give the same family other numbers under another seed."""
    factor = dict(zip(_VARIED, np.exp(rng.uniform(-1, 1, len(_VARIED)) * plan.varies), strict=True))
    numbers: dict[str, Any] = {name: float(getattr(plan, name) * factor[name]) for name in _VARIED}
    return replace(plan, **numbers)
