"""The plain customers: independent people and companies."""

from __future__ import annotations

import numpy as np

from analyzer.simulate.draws import F64, I64, Rng
from analyzer.simulate.economy.life import own_life
from analyzer.simulate.economy.world import DAY_H, World


def settle(world: World, accounts: int) -> I64:
    """Open the plain customers' accounts; most companies have one, some a few, few have many."""
    rng = world.rng_of("population")
    sizes = _company_sizes(rng, accounts)
    org = np.repeat(np.arange(len(sizes)), sizes)
    n = len(org)
    orgs = world.new_orgs(len(sizes))[org]
    members = world.open(rng, n, "benign", org=orgs)
    lead = np.searchsorted(org, np.arange(len(sizes)))[org] + members[0]
    together = rng.random(len(sizes))[org] < 0.8
    for name in (
        "payment",
        "home",
        "home_2",
        "zone",
        "own_first",
        "own_count",
        "client",
        "gateway",
    ):
        column = world.habit(name)
        column[members] = np.where(together, column[lead], column[members])
    _networks(world, rng, members, org)
    joins = rng.random(n) < world.structure.newcomers
    start = np.where(joins, rng.uniform(0, world.hours, n), 0.0)
    created = np.where(joins, start - rng.exponential(10, n), world.habit("created")[members])
    world.set_habit("created", members, np.minimum(created, start))
    return members


def _company_sizes(rng: Rng, accounts: int) -> I64:
    kind = rng.choice(3, accounts, p=[0.86, 0.13, 0.01])
    sizes = np.choose(kind, [1, rng.integers(2, 7, accounts), rng.integers(8, 40, accounts)])
    keep = np.cumsum(sizes) <= accounts
    return np.asarray(sizes[keep] if keep.any() else np.ones(1, np.int64), np.int64)


def _networks(world: World, rng: Rng, members: I64, org: I64) -> None:
    """Who has a network of their own, a cloud, a VPN or a shared office, and who is at home."""
    orgs = int(org.max()) + 1
    kind = rng.choice(5, orgs, p=rng.dirichlet([4, 3, 2, 1, 1]))[org]
    own = world.places.blocks(rng, orgs, "own")
    addresses = {
        1: world.places.hosts(rng, own, 1)[org],
        2: world.places.neighbours(rng, rng.choice(world.clouds, orgs)[org] * 256),
        3: world.places.neighbours(rng, rng.choice(world.vpns, len(org)) * 256),
        4: world.places.neighbours(rng, rng.choice(world.hostings, orgs)[org] * 256),
    }
    for at, ip in addresses.items():
        here = kind == at
        world.set_habit("home", members[here], ip[here])
        world.set_habit("home_3", members[here], ip[here])
        world.set_habit("roam", members[here & (rng.random(len(org)) < 0.6)], 0)
        if at != 3:
            near = here & (rng.random(len(org)) < 0.7)
            world.set_habit("home_2", members[near], world.places.neighbours(rng, ip[near]))


def live(world: World, members: I64) -> None:
    """Spend the rest of the world's budget on the plain customers' own work."""
    rng = world.rng_of("population's life")
    s = world.structure
    n = len(members)
    rate = _law(rng, s.volume_law, n, s.volume_spread)
    days = (world.hours - np.clip(world.habit("created")[members], 0, None)) / DAY_H
    left = max(world.budget - world.emitted, 0.4 * world.budget)
    rate = np.minimum(rate, 0.015 * float((rate * days).sum()) / np.maximum(days, 1))
    rate *= left / float((rate * days).sum())
    begin = np.clip(world.habit("created")[members], 0, None)
    leaves = rng.random(n) < 0.08
    end = np.where(leaves, begin + rng.exponential(world.hours / 2, n), np.inf)
    own_life(world, rng, members, rate, begin=begin, end=end, backends=s.backends)


def _law(rng: Rng, law: str, n: int, spread: float) -> F64:
    lognormal = np.exp(rng.normal(0, spread, n))
    pareto = (1 - rng.random(n)) ** (-1 / (2.4 - 0.6 * spread))
    if law == "lognormal":
        return np.asarray(lognormal)
    if law == "pareto":
        return np.asarray(pareto)
    return np.where(rng.random(n) < 0.5, lognormal, pareto)
