"""The ground that every generator builds on: time, networks, people, templates, traffic."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from enum import IntEnum
from typing import Any, Self

import numpy as np

from analyzer.simulate import shapes
from analyzer.simulate.addresses import AddressPlan, Networks, lay_networks
from analyzer.simulate.catalogue import GATEWAY_SHARES, REGIONS
from analyzer.simulate.draws import F64, I64, Rng, rng_for
from analyzer.simulate.people import People, Personas, Templates

HABIT = -2
"""In a column of ``Traffic``: whatever the account's habits give."""


class Role(IntEnum):
    """Why a request was made; known to the labels only."""

    INNOCENT = 0
    EXTRACTION = 1
    COVER = 2


@dataclass(frozen=True, slots=True)
class Traffic:
    """Requests as columns of equal length, int64; ``HABIT`` leaves a choice open."""

    ts_ms: I64
    account: I64
    template: I64
    block: I64
    client: I64
    prompt: I64
    model: I64
    role: I64

    @classmethod
    def of(
        cls,
        ts_ms: I64,
        account: I64,
        *,
        template: I64 | int = HABIT,
        block: I64 | int = HABIT,
        client: I64 | int = HABIT,
        prompt: I64 | int = HABIT,
        model: I64 | int = HABIT,
        role: Role = Role.INNOCENT,
    ) -> Self:
        """Requests of the given accounts at the given times."""

        def full(value: I64 | int) -> I64:
            return np.broadcast_to(np.asarray(value, np.int64), len(ts_ms))

        return cls(
            ts_ms,
            account,
            full(template),
            full(block),
            full(client),
            full(prompt),
            full(model),
            full(int(role)),
        )

    @classmethod
    def concat(cls, parts: list[Self]) -> Self:
        """All rows of all parts, in that order."""
        return cls(*(np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(cls)))


@dataclass(frozen=True, slots=True)
class Campaign:
    """A group that the analyzer should report, for the labels."""

    id: str
    kind: str
    family: str
    accounts: I64


@dataclass(frozen=True, slots=True)
class Lookalike:
    """A group that the analyzer should leave alone, for the labels."""

    id: str
    type: str
    accounts: I64


@dataclass(slots=True)
class Ground:
    """What generators share while a world is built."""

    seed: int
    scale: float
    start_ms: int
    end_ms: int
    release_ms: int
    """Release of the new model; after ``end_ms`` if there is none."""
    plan: AddressPlan
    networks: Networks
    gateways: F64
    """Shares of the gateways."""
    pools: list[I64]
    """Blocks through which wandering addresses move: providers' first, by region."""
    people: People = field(default_factory=People)
    templates: Templates = field(default_factory=Templates)
    traffic: list[Traffic] = field(default_factory=list)
    campaigns: list[Campaign] = field(default_factory=list)
    lookalikes: list[Lookalike] = field(default_factory=list)
    popular: I64 = field(default_factory=lambda: np.zeros(0, np.int64))
    """Templates of popular apps, the most used first."""
    defaults: I64 = field(default_factory=lambda: np.zeros(0, np.int64))
    """Templates that kits send by default, the most used first."""
    viral: I64 = field(default_factory=lambda: np.zeros(0, np.int64))
    """Templates that go viral during the world."""
    market: I64 = field(default_factory=lambda: np.zeros(0, np.int64))
    """Blocks of the proxy market that several campaigns rent from."""
    innocents: I64 = field(default_factory=lambda: np.zeros(0, np.int64))
    """Accounts of the plain population."""

    @classmethod
    def lay(
        cls,
        seed: int,
        scale: float,
        interval_ms: tuple[int, int],
        release_ms: int,
        organisations: int,
        *,
        texts: float = 0.04,
    ) -> Self:
        """Lay the networks of a world of about so many organisations.

        A share ``texts`` of the producers send prompt text instead of a template id.
        """
        gateways = np.append(GATEWAY_SHARES[:-1] * (1 - texts), texts)
        plan = AddressPlan()
        networks = lay_networks(plan, rng_for(seed, "networks"), organisations)
        pools = [pool.blocks for pool in (*networks.homes, *networks.mobile)]
        return cls(seed, scale, *interval_ms, release_ms, plan, networks, gateways, pools)

    def rng(self, name: str) -> Rng:
        """The stream of random numbers of the generator of that name."""
        return rng_for(self.seed, name)

    def sized(self, n: int, least: int = 8) -> int:
        """A group's size at this world's scale."""
        return max(min(n, least), round(n * self.scale))

    def at_day(self, day: float) -> int:
        """A moment so many days after the start, epoch ms; never after 95 % of the world."""
        latest = self.start_ms + 0.95 * (self.end_ms - self.start_ms)
        return int(min(self.start_ms + day * shapes.DAY_MS, latest))

    def blocks(self, rng: Rng, n: int, *, region: int | None = None) -> I64:
        """Open blocks of one new network, such as an office or a data centre."""
        region = int(rng.integers(0, len(REGIONS))) if region is None else region
        return self.plan.new(rng, n, region, rng.integers(3_000, 64_000, 1))

    def live(self, rng: Rng, accounts: I64, personas: Personas, **fixed: Any) -> None:
        """Let accounts make the requests of their ordinary life."""
        ts_ms, row = shapes.arrivals(rng, personas.rhythm, self.start_ms, self.end_ms)
        there = (ts_ms >= personas.joined_ms[row]) & (ts_ms < personas.left_ms[row])
        self.traffic.append(Traffic.of(ts_ms[there], accounts[row[there]], **fixed))
