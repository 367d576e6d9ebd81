"""Companies with many accounts, and companies that do alike work at alike times."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from analyzer.simulate.draws import F64, I64, Rng, pick, zipf_weights
from analyzer.simulate.economy.arrivals import OFFICE, clockwork
from analyzer.simulate.economy.life import customers, own_life, people, volumes
from analyzer.simulate.economy.schedule import assign, draw_scheduler
from analyzer.simulate.economy.world import DAY_H, NONE, Pool, World


def fleet(world: World, rng: Rng, size: int, group: str) -> None:
    """One organisation with many accounts."""
    _many(world, rng, min(size, 150), "fleet", group, org=world.new_orgs(1)[0])


def agency(world: World, rng: Rng, size: int, group: str) -> None:
    """An agency's accounts under organisations that do not show they belong together."""
    size = min(size, 120)
    _many(world, rng, size, "agency", group, org=world.new_orgs(size))


def _many(world: World, rng: Rng, size: int, label: str, group: str, *, org: ArrayLike) -> None:
    """Accounts of one hand: some share a card, a client, an office; each serves a client."""
    office = world.places.hosts(
        rng, world.places.blocks(rng, int(rng.integers(1, 4)), "own"), int(rng.integers(1, 5))
    )
    habits: dict[str, ArrayLike] = {
        "org": org, "home": rng.choice(office, size),
        "created": -rng.exponential(100 * DAY_H) + rng.normal(0, rng.uniform(1, 40) * DAY_H, size),
        "roam": 0, "zone": float(rng.choice(world.structure.zones)),
    }  # fmt: skip
    if rng.random() < 0.6:
        habits["client"] = int(world.programs.kit(rng, 1)[0])
    if rng.random() < (0.9 if label == "fleet" else 0.4):
        habits["payment"] = int(world.new_payments(1)[0])
    who = world.open(rng, size, label, group, **habits)
    world.set_habit("created", who, np.minimum(world.habit("created")[who], -1))
    rate = volumes(rng, size, float(rng.uniform(5, 40)), rng.uniform(0.4, 1.5))
    time, account, _, _ = people(world, rng, who, rate, profile=OFFICE, regularity=2)
    relay = NONE
    if rng.random() < 0.3:  # keys that take turns, so that no limit is hit
        time = np.sort(time)
        account = who[assign(rng, time, draw_scheduler(rng), size, np.arange(len(time)))]
        relay = world.relay(float(rng.choice([0.0, 0.9])))
    shared = world.new_templates(int(rng.integers(1, 25)))
    common = rng.random(len(time)) < rng.uniform(0.1, 0.95)
    here = rng.random(len(time)) < 0.8
    world.emit(
        time, account, relay=relay,
        ip=np.where(here, rng.choice(office, len(time)), world.usual_place(account, time)),
        template=np.where(common, rng.choice(shared, len(time)), world.usual_work(account)),
    )  # fmt: skip


def evallab(world: World, rng: Rng, size: int, group: str) -> None:
    """An evaluation lab: items of a benchmark, sent again for each model, over several accounts."""
    size = min(max(size // 6, 3), 40)
    one = rng.random() < 0.5
    who = customers(world, rng, size, group, rng.uniform(0, 1))
    machines = world.places.hosts(rng, world.places.blocks(rng, size if not one else 1, "cloud"), 2)
    template = world.new_templates(int(rng.integers(1, 9)))
    items = int(rng.integers(150, 1_500))
    first = world.new_items(items)
    params = world.parameters.own(rng)
    for at, account in enumerate(who.tolist()):
        for _ in range(int(rng.integers(1, 4))):
            start = rng.uniform(0, world.hours - 2)
            part = rng.random(items) < rng.uniform(0.3, 1)
            n = int(part.sum())
            time = start + np.sort(rng.random(n)) * rng.uniform(0.3, 8)
            world.emit(
                time, np.full(n, account), item=first + np.flatnonzero(part), params=params,
                template=template[np.flatnonzero(part) % len(template)],
                ip=machines[(at * 2) % len(machines)], model=int(rng.integers(3)),
            )  # fmt: skip
    own_life(world, rng, who, volumes(rng, len(who), 8, 1.3))


def batch(world: World, rng: Rng, size: int, group: str) -> None:
    """Customers with nightly jobs of one sort, each with data and often templates of its own."""
    who = customers(world, rng, size, group, rng.uniform(0.5, 1))
    n = len(who)
    shared = rng.random() < 0.4
    templates = world.new_templates(3 if shared else n)
    period = float(rng.choice([6, 12, 24, 24, 24]))
    begin, row = clockwork(
        rng, np.zeros(n), world.hours, period, offset=rng.uniform(0, 4, n) % period,
        jitter_h=0.05, kept=rng.uniform(0.6, 1),
    )  # fmt: skip
    size_of = np.minimum(np.exp(rng.normal(np.log(rng.uniform(8, 60)), 1.0, n)), 900)
    counts = rng.poisson(size_of[row])
    job = np.repeat(np.arange(len(row)), counts)
    time = begin[job] + rng.random(len(job)) * rng.uniform(0.1, 2.5)
    account = who[row[job]]
    template = rng.choice(templates, len(job)) if shared else templates[row[job]]
    world.emit(time, account, template=template, ip=world.habit("home")[account])
    own_life(world, rng, who, volumes(rng, n, 3, 1.2))


def reseller(world: World, rng: Rng, size: int, group: str) -> None:
    """A reseller: many end users' work over a pool of accounts, egress and cards of its own."""
    number = world.number("pool")
    size = min(max(size, 25), 400)
    cards = world.new_payments(max(1, size // int(rng.integers(3, 60))))
    fresh = rng.random() < 0.5
    start = 0.0 if rng.random() < 0.7 else rng.uniform(0, world.hours * 0.6)
    who = world.open(
        rng, size, f"reseller:{number}", group,
        created=start - rng.exponential((12 if fresh else 150) * DAY_H, size),
        payment=rng.choice(cards, size) if rng.random() < 0.7 else world.new_payments(size),
        client=_relay_clients(world, rng, size),
    )  # fmt: skip
    egress = _egress(world, rng, size)
    rate = rng.uniform(8, 45) * size
    tenants = int(rng.integers(30, 500))
    time, tenant = _tenants(world, rng, tenants, rate, start)
    order = np.argsort(time)
    time, tenant = time[order], tenant[order]
    slot = assign(rng, time, draw_scheduler(rng), size, tenant)
    work = world.new_templates(tenants * 3)
    own = work[tenant * 3 + rng.integers(0, 3, len(time))]
    fad = world.viral[pick(rng, zipf_weights(len(world.viral), world.structure.viral_power),
                           len(time))]  # fmt: skip
    kind = rng.random(len(time))
    chatty = rng.uniform(0.1, 0.6)
    template = np.where(kind < chatty, NONE, np.where(kind < chatty + 0.2, fad, own))
    failover = float(rng.choice([0.0, 0.8]))
    world.emit(
        time, who[slot], template=template, ip=rng.choice(egress, len(time)),
        longer=0.3 * rng.standard_normal(tenants)[tenant], relay=world.relay(failover),
        chat=np.where(template == NONE, world.chats + tenant, NONE),
    )  # fmt: skip
    world.chats += tenants
    world.pools.append(Pool(who, egress, np.bincount(slot, minlength=size) / max(len(slot), 1),
                            number))  # fmt: skip


def _relay_clients(world: World, rng: Rng, n: int) -> I64:
    if rng.random() < 0.6:
        return np.full(n, int(world.programs.kit(rng, 1)[0]))
    return world.programs.browser(rng, n)


def _egress(world: World, rng: Rng, size: int) -> I64:
    kind = int(rng.integers(3))
    if kind == 0:
        blocks = world.places.blocks(rng, int(rng.integers(2, 15)), "hosting")
        return world.places.hosts(rng, blocks, int(rng.integers(3, 20)))
    if kind == 1:
        return world.places.neighbours(rng, rng.choice(world.hostings, size) * 256)
    return world.places.neighbours(rng, rng.choice(world.homes, 3 * size) * 256)


def _tenants(world: World, rng: Rng, tenants: int, per_day: float, start: float) -> tuple[F64, I64]:
    """End users' requests: a few tenants are large."""
    shares = zipf_weights(tenants, rng.uniform(0.5, 1.2))
    length = world.hours - start
    count = int(rng.poisson(per_day * length / 24))
    tenant = pick(rng, shares, count)
    hour = rng.random(count) * length + start
    night = rng.random(tenants) * 24
    awake = 1 + 0.85 * np.cos(2 * np.pi * (hour - night[tenant] / 4 - 12) / 24)
    keep = rng.random(count) * 1.85 < awake
    return hour[keep], tenant[keep]
