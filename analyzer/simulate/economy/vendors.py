"""Users of one vendor's software: no-code tools, products, plug-ins, apps, extensions, routers.

They are independent people and companies whose client, template and sometimes egress, card or
clock a vendor chose for them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from analyzer.simulate.draws import F64, I64, Rng, pick, unit, zipf_weights
from analyzer.simulate.economy.arrivals import EVENING, MIXED, OFFICE, clockwork
from analyzer.simulate.economy.life import customers, own_life, people, volumes
from analyzer.simulate.economy.world import CARRIER, DAY_H, LEASED, NONE, World


def _wave(world: World, rng: Rng, n: int) -> F64:
    """When each user begins: long ago, or during the world, sometimes after a launch."""
    early = rng.random(n) < rng.uniform(0.2, 1)
    launch = rng.uniform(0, world.hours)
    kind = int(rng.integers(3))
    late = rng.uniform(0, world.hours, n) if kind else launch + rng.exponential(30, n)
    return np.where(early, 0.0, np.clip(late, 0, world.hours - 1))


def _side_life(world: World, rng: Rng, who: I64, begin: F64) -> None:
    """What a product's users do beside it."""
    busy = rng.random(len(who)) < rng.uniform(0.1, 0.9)
    rate = volumes(rng, len(who), float(np.exp(rng.uniform(0, 2.3))), 1.2)
    own_life(world, rng, who[busy], rate[busy], begin=begin[busy], backends=0.15)


def _product_work(world: World, rng: Rng, account: I64, flows: int) -> I64:
    """Templates of a product: a few that all use; each account has its favourites."""
    own = world.new_templates(flows)
    power = float(rng.uniform(0.4, 1.6))
    shift = rng.random() < 0.5
    rank = pick(rng, zipf_weights(flows, power), len(account))
    if shift:  # each account's favourite flow is another one
        rank = (rank + (unit(account, 41) * flows).astype(np.int64)) % flows
    return own[rank]


def nocode(world: World, rng: Rng, size: int, group: str) -> None:
    """A no-code tool: the vendor's client and templates, users' own keys and cards."""
    who = customers(world, rng, size, group, rng.uniform(0, 0.8))
    begin = _wave(world, rng, len(who))
    median = float(np.exp(rng.uniform(np.log(3), np.log(40))))
    rate = volumes(rng, len(who), median, rng.uniform(0.3, 1.6))
    time, account, _, _ = people(
        world, rng, who, rate, begin=begin, profile=int(rng.choice([OFFICE, MIXED, EVENING])),
        regularity=rng.uniform(0.5, 4),
    )  # fmt: skip
    client = world.programs.product(rng, "flowtool", int(rng.integers(1, 5)))
    hosted = rng.random() < 0.5
    given: dict[str, ArrayLike] = {}
    if hosted:
        servers = world.places.hosts(
            rng, world.places.blocks(rng, int(rng.integers(1, 7)), "cloud"), int(rng.integers(1, 9))
        )
        given["ip"] = rng.choice(servers, len(time))
    template = _product_work(world, rng, account, int(rng.integers(1, 40)))
    mine = rng.random(len(time)) < rng.uniform(0, 0.6)  # flows that users built themselves
    template = np.where(mine, world.usual_work(account), template)
    params = world.parameters.own(rng) if rng.random() < 0.6 else NONE
    world.emit(
        time, account, template=template, client=client[_version(rng, account, len(client))],
        params=params, longer=rng.normal(0, 0.5), **given,
    )  # fmt: skip
    _side_life(world, rng, who, begin)


def _version(rng: Rng, account: I64, versions: int) -> I64:
    """Most users have the newest version."""
    return np.floor(unit(account, int(rng.integers(1 << 30))) ** 2.5 * versions).astype(np.int64)


def saas(world: World, rng: Rng, size: int, group: str) -> None:
    """A vendor opens one account for each of its customers and calls from its own servers."""
    one_card = rng.random() < 0.5
    fresh = rng.random() < 0.35
    began = _wave(world, rng, size)
    created = began - rng.exponential(3 if fresh else 120 * DAY_H, size)
    card = world.new_payments(1)[0]
    servers = world.places.hosts(
        rng, world.places.blocks(rng, int(rng.integers(1, 6)), "cloud"), int(rng.integers(1, 7))
    )
    client = world.programs.product(rng, "server", 1) if rng.random() < 0.5 else None
    habits: dict[str, ArrayLike] = {"created": created}
    if one_card:
        habits["payment"] = card
    if rng.random() < 0.5:
        habits["signup"] = world.new_signup()
    who = world.open(rng, size, "saas", group, **habits)
    median = float(np.exp(rng.uniform(np.log(4), np.log(50))))
    rate = volumes(rng, size, median, rng.choice([0.3, 0.8, 1.4, 1.8]))
    time, account, _, _ = people(
        world, rng, who, rate, begin=began, profile=int(rng.choice([OFFICE, MIXED])),
        regularity=rng.uniform(0.6, 6),
    )  # fmt: skip
    if rng.random() < 0.3:  # the vendor also works its customers through, night by night
        runs, row = _nightly(world, rng, began, rate)
        time, account = np.r_[time, runs], np.r_[account, who[row]]
    sticky = rng.random() < 0.4
    at = unit(account, 42) if sticky else rng.random(len(time))
    world.emit(
        time, account, template=_product_work(world, rng, account, int(rng.integers(1, 60))),
        ip=servers[(at * len(servers)).astype(np.int64)],
        client=int(client[0]) if client is not None else int(world.programs.kit(rng, 1)[0]),
        params=world.parameters.own(rng), longer=rng.normal(0, 0.6),
    )  # fmt: skip


def _nightly(world: World, rng: Rng, began: F64, rate: F64) -> tuple[F64, I64]:
    """A job for each customer, one after another, at the same hour of each day."""
    start, row = clockwork(
        rng, began, world.hours, DAY_H, offset=np.full(len(began), rng.uniform(0, 20)),
        jitter_h=0.01, kept=rng.uniform(0.8, 1),
    )  # fmt: skip
    counts = 1 + rng.poisson(np.minimum(rate[row] * rng.uniform(0.1, 0.6), 300))
    job = np.repeat(np.arange(len(row)), counts)
    time = start[job] + row[job] * rng.uniform(0, 0.02) + rng.random(len(job)) * 0.05
    keep = time < world.hours
    return time[keep], row[job[keep]]


def plugin(world: World, rng: Rng, size: int, group: str) -> None:
    """A plug-in that runs by the clock, or at login, on its users' own machines."""
    who = customers(world, rng, size, group, rng.uniform(0.1, 1))
    begin = _wave(world, rng, len(who))
    client = world.programs.product(rng, "plugin", int(rng.integers(1, 4)))
    template = world.new_templates(int(rng.integers(1, 4)))
    if rng.random() < 0.3:  # at login: once or a few times a working day
        time, account, _, _ = people(
            world, rng, who, np.full(len(who), rng.uniform(1.5, 6)), begin=begin, profile=OFFICE,
            regularity=6,
        )  # fmt: skip
    else:
        period = float(rng.choice([0.25, 0.5, 1, 1, 2, 6, 12, 24]))
        spread = rng.random() < 0.5  # by each machine's start, or all at the full hour
        offset = rng.uniform(0, period, len(who)) if spread else np.zeros(len(who))
        time, row = clockwork(
            rng, begin, world.hours, period, offset=offset,
            jitter_h=float(np.exp(rng.uniform(np.log(0.0005), np.log(0.1)))),
            kept=rng.uniform(0.5, 1) * min(1, period * 1.5),
        )  # fmt: skip
        awake = np.cos(2 * np.pi * (time + world.habit("zone")[who[row]] - 15) / 24) > -0.5
        keep = awake | (rng.random(len(time)) < rng.choice([0.1, 1.0]))
        time, account = time[keep], who[row[keep]]
    fixed = rng.random() < 0.25
    world.emit(
        time, account, template=rng.choice(template, len(time)),
        client=client[_version(rng, account, len(client))], params=world.parameters.own(rng),
        item=world.new_items(40) + rng.integers(0, 40, len(time)) if fixed else NONE,
        longer=rng.normal(-0.3, 0.5),
    )  # fmt: skip
    _side_life(world, rng, who, begin)


def mobile(world: World, rng: Rng, size: int, group: str) -> None:
    """A mobile app whose users bring keys: carriers' gateways and homes, evenings."""
    who = customers(world, rng, size, group, rng.uniform(0, 0.4))
    begin = _wave(world, rng, len(who))
    world.set_habit("roam", who, CARRIER)
    if rng.random() < 0.5:
        world.set_habit("pool", who, int(rng.integers(len(world.carriers))))
    rate = volumes(rng, len(who), float(rng.uniform(3, 25)), rng.uniform(0.6, 1.5))
    time, account, chat, turn = people(world, rng, who, rate, begin=begin, profile=EVENING)
    client = world.programs.product(rng, "app", int(rng.integers(2, 7)))
    away = unit(account, np.floor(time).astype(np.int64), 43) < rng.uniform(0.3, 1)
    ip = np.where(away, world.mobile(account, time), world.usual_place(account, time))
    world.emit(
        time, account, ip=ip, template=_product_work(world, rng, account, int(rng.integers(1, 12))),
        client=client[_version(rng, account, len(client))], params=world.parameters.own(rng),
        chat=chat, turn=turn,
    )  # fmt: skip
    _side_life(world, rng, who, begin)


def extension(world: World, rng: Rng, size: int, group: str) -> None:
    """A browser extension: one client, few templates, people at home and at work."""
    who = customers(world, rng, size, group, rng.uniform(0.1, 0.9))
    begin = _wave(world, rng, len(who))
    leased = rng.random(len(who)) < 0.5
    world.set_habit("roam", who[leased], LEASED)
    rate = volumes(rng, len(who), float(rng.uniform(2, 30)), rng.uniform(0.5, 1.5))
    time, account, _, _ = people(world, rng, who, rate, begin=begin)
    client = world.programs.product(rng, "ext", 1)[0]
    if rng.random() < 0.5:  # the browser shows, not the extension
        clients = world.programs.browser(rng, len(world.labels))[account]
    else:
        clients = np.full(len(time), client)
    world.emit(
        time, account, template=_product_work(world, rng, account, int(rng.integers(1, 9))),
        client=clients, params=world.parameters.own(rng), longer=rng.normal(-0.2, 0.4),
    )  # fmt: skip
    _side_life(world, rng, who, begin)


def router(world: World, rng: Rng, size: int, group: str) -> None:
    """A router service: tenants bring their own keys, all come from its egress, each its own."""
    who = customers(world, rng, size, group, rng.uniform(0.2, 0.9))
    begin = _wave(world, rng, len(who))
    egress = world.places.hosts(
        rng, world.places.blocks(rng, int(rng.integers(1, 9)), "cloud"), int(rng.integers(2, 13))
    )
    rate = volumes(rng, len(who), float(rng.uniform(4, 30)), rng.uniform(0.9, 1.7))
    time, account, chat, turn = people(world, rng, who, rate, begin=begin)
    sticky = rng.random() < 0.6
    at = unit(account, 44) if sticky else rng.random(len(time))
    client = world.programs.product(rng, "router", 1)[0]
    world.emit(
        time, account, template=world.usual_work(account), chat=chat, turn=turn,
        ip=egress[(at * len(egress)).astype(np.int64)], client=client,
    )  # fmt: skip


def sdk(world: World, rng: Rng, size: int, group: str) -> None:
    """Customers who move to a new version of a kit within days: its client and defaults."""
    who = customers(world, rng, size, group, 1.0)
    release = rng.uniform(0, world.hours * 0.9)
    begin = release + rng.exponential(rng.uniform(5, 60), len(who))
    client = world.programs.product(rng, "sdk", 1)[0]
    template = world.new_templates(int(rng.integers(1, 4)))
    rate = volumes(rng, len(who), float(rng.uniform(5, 30)), 1.3)
    time, account, _, _ = people(world, rng, who, rate, begin=np.minimum(begin, world.hours))
    default = rng.random(len(time)) < rng.uniform(0.2, 0.9)
    world.emit(
        time, account, client=client,
        template=np.where(default, rng.choice(template, len(time)), world.usual_work(account)),
        params=world.parameters.own(rng) if rng.random() < 0.5 else NONE,
    )  # fmt: skip
