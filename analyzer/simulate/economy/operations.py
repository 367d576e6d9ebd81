"""Operations: one queue of work, dispatched over many accounts."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analyzer.simulate.draws import F64, I64, Bools, Rng, mix, pick, unit, zipf_weights
from analyzer.simulate.economy.life import own_life, volumes
from analyzer.simulate.economy.schedule import assign
from analyzer.simulate.economy.styles import Style
from analyzer.simulate.economy.world import DAY_H, NONE, Pool, World


@dataclass(frozen=True, slots=True)
class Operation:
    """The truth about an operation, but for its counts."""

    number: int
    style: Style
    start_h: float
    share: int | None
    """Reseller in whose pool it hides."""


def run(world: World, number: int, style: Style, most: float) -> Operation | None:
    """Let an operation send its requests, at most about ``most`` of them.

    Returns
    -------
    What it was, or ``None`` if it never got to send anything.
    """
    rng = world.rng_of(f"operation {number}")
    pool = _pool(world, rng, style)
    time = _queue_times(rng, style, world.hours, most)
    if len(time) < 20:
        return None
    camo = rng.random(len(time)) < style.camo
    unit_of_work, turn = _conversations(rng, style, len(time))
    template, key = _work(world, rng, style, time, unit_of_work)
    slots = style.n if pool is None else min(style.n, len(pool.accounts))
    slot = assign(rng, time, style.scheduler, slots, key)
    slot = _ramp(rng, style, time, slot, slots)
    relay = world.relay(style.failover, number)
    account = _accounts(world, rng, style, number, time, slot=slot, pool=pool)
    if style.work == "subset":
        template = _subset(template, slot, style.templates)
    cover = _cover(world, rng, style, account)
    item = _items(world, rng, style, len(time))
    chat, turn = _chat_ids(world, style, unit_of_work, turn, account=account, camo=camo)
    params, longer = _elicitation(world, rng, style, camo)
    world.emit(
        time, account, template=np.where(camo, cover, template),
        ip=_addresses(world, rng, style, account, time, pool=pool),
        client=_clients(world, rng, style, account, time) if pool is None else NONE,
        params=params, item=np.where(camo, NONE, item), longer=longer, chat=chat, turn=turn,
        relay=relay, work=~camo, model=_models(world, rng, style, time),
    )  # fmt: skip
    return Operation(number, style, float(time.min()), None if pool is None else pool.number)


def _pool(world: World, rng: Rng, style: Style) -> Pool | None:
    if style.egress != "embed" or not world.pools:
        return None
    return world.pools[int(rng.integers(len(world.pools)))]


def _queue_times(rng: Rng, style: Style, hours: float, most: float) -> F64:
    """When the queue is worked off, in order."""
    end = hours if style.hours is None else min(style.start_h + style.hours, hours)
    length = max(end - style.start_h, 0.5)
    n = int(rng.poisson(min(style.n * style.per_day * length / DAY_H, most)))
    step = np.arange(style.start_h, end, 0.25)
    if style.pace == "steady":
        rate: NDArray[np.floating] = rng.gamma(20, 1 / 20, len(step))
    elif style.pace == "day":
        peak = rng.uniform(0, 24)
        rate = 1 + rng.uniform(0.3, 0.95) * np.cos(2 * np.pi * (step - peak) / 24)
    elif style.pace == "jobs":
        period = rng.uniform(2, 16)
        rate = (rng.random(int(length / period) + 2) < 0.6)[
            ((step - style.start_h) / period).astype(np.int64)
        ] + 0.01
    else:
        rate = np.asarray(np.exp(-(step - style.start_h) / (length * rng.uniform(0.1, 0.5))))
    if style.night:
        rest = rng.uniform(0, 24)
        rate = rate * np.where((step - rest) % 24 < rng.uniform(5, 9), rng.uniform(0, 0.3), 1)
    at = pick(rng, rate + 1e-9, n)
    time = np.sort(step[at] + rng.random(n) * 0.25)
    return np.asarray(time[(time < hours) & (time >= 0)])


def _conversations(rng: Rng, style: Style, n: int) -> tuple[I64, I64]:
    """Unit of work of each request and its turn within it.

    Several conversations are under way at once, so neighbours in time differ.
    """
    if style.turns <= 1:
        return np.arange(n), np.zeros(n, np.int64)
    lengths = rng.geometric(1 / style.turns, n)
    unit_of_work = np.repeat(np.arange(n), lengths)[:n]
    first = np.searchsorted(unit_of_work, unit_of_work)
    turn = np.arange(n) - first
    wide = max(2, min(style.n, 60))
    order = np.argsort(np.arange(n) + turn * wide + rng.normal(0, 2, n), kind="stable")
    return unit_of_work[order], turn[order]


def _work(world: World, rng: Rng, style: Style, time: F64, unit_of_work: I64) -> tuple[I64, I64]:
    """Template of each unit of work, and what a hashing scheduler hangs it on."""
    n = len(time)
    draw = unit(unit_of_work, int(rng.integers(1 << 40)))
    if style.work == "free":
        return np.full(n, NONE), unit_of_work
    if style.work == "viral":
        popular = world.viral[: max(3, len(world.viral) // 2)]
        some = rng.choice(popular, min(int(rng.integers(1, 9)), len(popular)), replace=False)
        return some[(draw * len(some)).astype(np.int64)], unit_of_work
    own = world.new_templates(style.templates)
    if style.work == "jobs":
        phase = (time - time[0]) / (time[-1] - time[0] + 1e-9)
        at = np.minimum(phase * style.templates + draw * 2, style.templates - 1)
        return own[at.astype(np.int64)], unit_of_work
    shares = np.cumsum(zipf_weights(style.templates, rng.uniform(0, 1.2)))
    at = np.minimum(np.searchsorted(shares, draw), style.templates - 1)
    by_template = rng.random() < 0.5 and style.templates > 2 * style.n
    return own[at], (at if by_template else unit_of_work)


def _subset(template: I64, slot: I64, templates: int) -> I64:
    """Each account sees a part of the templates only."""
    first = template.min()
    width = max(1, templates // 8)
    shift = (unit(slot, 61) * templates).astype(np.int64)
    return np.asarray(first + (shift + (template - first) % width) % templates)


def _ramp(rng: Rng, style: Style, time: F64, slot: I64, slots: int) -> I64:
    """Accounts join one after another; until then those that are there do their work."""
    if style.ramp_h <= 0:
        return slot
    joins = np.sort(rng.uniform(0, style.ramp_h, slots))
    joins[: max(2, slots // 20)] = 0
    there = np.searchsorted(joins, time - time[0], side="right")
    return np.asarray(slot % np.maximum(there, 1))


def _accounts(
    world: World, rng: Rng, style: Style, number: int, time: F64, *, slot: I64, pool: Pool | None
) -> I64:
    """The account behind each slot, and its successors where accounts are banned."""
    label = f"campaign:{number}"
    slots = int(slot.max()) + 1
    if pool is not None:
        chosen = rng.choice(pool.accounts, min(slots, len(pool.accounts)), replace=False)
        used = np.asarray(chosen[slot % len(chosen)])
        for account in np.unique(used).tolist():
            world.labels[account] += f"+{label}"
        return used
    generation = np.zeros(len(time), np.int64)
    if style.life is not None:
        bans = np.cumsum(rng.exponential(style.life, (slots, 40)) + 1, axis=1) + time[0]
        generation = (bans[slot] < time[:, None]).sum(axis=1)
    lives, row = np.unique(slot * 64 + generation, return_inverse=True)
    first = np.full(len(lives), np.inf)
    np.minimum.at(first, row, time)
    accounts = _open(world, rng, style, label, first)
    return np.asarray(accounts[row])


def _open(world: World, rng: Rng, style: Style, label: str, first: F64) -> I64:
    """Open or buy accounts that first work at given hours, and warm the old ones up."""
    n = len(first)
    wave = first.min() - rng.uniform(4, 20 * DAY_H)
    created = {
        "fresh": wave + np.abs(rng.normal(0, rng.uniform(2, 60), n)),
        "rolling": first - rng.exponential(rng.uniform(1, 60), n),
        "aged": first - rng.exponential(200 * DAY_H, n) - 2,
        "bought": first - rng.choice([5, 60, 400], n) * DAY_H * rng.uniform(0.3, 1.5, n),
    }[style.ages]
    habits: dict[str, Any] = {
        "created": np.minimum(created, first - 0.02),
        "payment": _cards(world, rng, style, n), "fad_share": 0.0,
    }  # fmt: skip
    if style.one_org:
        habits["org"] = rng.choice(world.new_orgs(max(1, n // 40)), n)
    if rng.random() < 0.25:
        habits["signup"] = rng.choice([world.new_signup() for _ in range(max(1, n // 25))], n)
    accounts = world.open(rng, n, label, **habits)
    if style.ages in {"aged", "bought"} and style.warm_up:
        begin = np.maximum(world.habit("created")[accounts], 0)
        until = np.inf if style.ages == "bought" and style.owners else first
        rate = volumes(rng, n, rng.uniform(1, 4), 0.8)
        own_life(world, rng, accounts, rate, begin=begin, end=until)
    return accounts


def _cards(world: World, rng: Rng, style: Style, n: int) -> I64:
    if style.payment == "missing":
        return np.full(n, NONE)
    if style.payment in {"few", "one"}:
        cards = 1 if style.payment == "one" else max(2, n // int(rng.integers(5, 40)))
        return rng.choice(world.new_payments(cards), n)
    return world.new_payments(n)


def _cover(world: World, rng: Rng, style: Style, account: I64) -> I64:
    """Templates of requests that only hide the work."""
    n = len(account)
    if style.camo_kind == "chat":
        return np.full(n, NONE)
    if style.camo_kind == "defaults":
        return rng.choice(world.defaults, n)
    if style.camo_kind == "viral":
        shares = zipf_weights(len(world.viral), world.structure.viral_power)
        return np.asarray(world.viral[pick(rng, shares, n)])
    return world.usual_work(account)


def _items(world: World, rng: Rng, style: Style, n: int) -> I64:
    first = world.new_items(2 * n)
    again = rng.random(n) < style.repeats
    source = (rng.random(n) * np.arange(n)).astype(np.int64)
    return np.where(again & (style.turns <= 1), first + source, first + np.arange(n))


def _chat_ids(
    world: World, style: Style, unit_of_work: I64, turn: I64, *, account: I64, camo: Bools
) -> tuple[I64, I64]:
    if style.turns <= 1 and style.work != "free":
        return np.full(len(turn), NONE), turn
    chat = world.chats + unit_of_work
    world.chats = int(chat.max()) + 1
    if not style.keeps_chat:  # the relay opens a new conversation on each account
        own = (mix(chat, account) % np.uint64(1 << 40)).astype(np.int64)
        chat = own + (1 << 41)
    return np.where(camo, NONE, chat), np.where(camo, 0, turn)


def _elicitation(world: World, rng: Rng, style: Style, camo: Bools) -> tuple[I64, F64]:
    """Parameters and length of answers that the work asks for."""
    n = len(camo)
    strength = {"none": 0.0, "weak": rng.uniform(0.1, 0.4), "strong": rng.uniform(0.5, 1.3)}
    longer = strength[style.elicitation]
    params = np.full(n, int(world.parameters.usual(rng, 1)[0]) if rng.random() < 0.7 else NONE)
    if rng.random() < {"none": 0.35, "weak": 0.7, "strong": 0.95}[style.elicitation]:
        wide = style.elicitation != "none"
        sets = np.array([
            world.parameters.add(
                temperature=float(rng.choice([0.6, 0.7, 1.0])),
                max_tokens=int(rng.choice([4_096, 8_192, 16_000, 32_000])) if wide else 2_048,
                stream=bool(rng.random() < 0.5),
            )
            for _ in range(int(rng.integers(1, 4)))
        ])  # fmt: skip
        params = np.where(rng.random(n) < rng.uniform(0.5, 1), rng.choice(sets, n), NONE)
    return np.where(camo, NONE, params), np.where(camo, 0.0, longer)


def _models(world: World, rng: Rng, style: Style, time: F64) -> I64:
    """Most follow their accounts' habits; who pivots moves to the new model at once."""
    if not style.pivot:
        return np.full(len(time), int(rng.integers(3)) if rng.random() < 0.85 else NONE)
    moved = (time > world.structure.release_h + 3) & (rng.random(len(time)) < rng.uniform(0.5, 1))
    return np.where(moved, 3, 0)


def _clients(world: World, rng: Rng, style: Style, account: I64, time: F64) -> I64:
    n = len(account)
    if style.client == "one":
        known = rng.random() < 0.6
        build = world.programs.kit(rng, 1) if known else world.programs.product(rng, "bot", 1)
        stray = unit(account, 62) < rng.choice([0.0, 0.1, 0.5])
        return np.where(stray, NONE, int(build[0]))
    if style.client == "spoofed":
        return (
            world.programs.browser(rng, n)
            if rng.random() < 0.3
            else np.asarray(
                world.programs.browsers[
                    (unit(account, 63) * len(world.programs.browsers)).astype(np.int64)
                ]
            )
        )
    if style.client == "worker":
        workers = world.programs.kit(rng, int(rng.integers(2, 9)))
        return workers[(unit(np.floor(time * 2), account, 64) * len(workers)).astype(np.int64)]
    return np.full(n, NONE)


def _addresses(
    world: World, rng: Rng, style: Style, account: I64, time: F64, *, pool: Pool | None
) -> I64:
    n = len(account)
    if pool is not None:
        return rng.choice(pool.addresses, n)
    members = len(np.unique(account))
    kind = style.egress
    if kind in {"resi", "resi_sticky"}:
        lease = (
            np.arange(n)
            if kind == "resi"
            else np.floor(time / style.sticky_h + unit(account, 65)).astype(np.int64)
        )
        spot = mix(account, lease, 66)
        block = world.homes[(spot % np.uint64(len(world.homes))).astype(np.int64)]
        return np.asarray(block * 256 + 1 + (spot >> np.uint64(40)).astype(np.int64) % 250)
    if kind == "mobile":
        return world.mobile(account, time)
    addresses = _rented(world, rng, kind, members)
    if rng.random() < 0.5:
        return rng.choice(addresses, n)
    lease = np.floor(time / style.sticky_h).astype(np.int64)
    at = (unit(account, lease, 67) * len(addresses)).astype(np.int64)
    return np.asarray(addresses[at])


def _rented(world: World, rng: Rng, kind: str, members: int) -> I64:
    """Addresses that an operator rents for a time."""
    if kind == "own24":
        blocks = world.places.blocks(rng, max(1, int(members / rng.uniform(10, 60))), "hosting")
        return world.places.hosts(rng, blocks, int(rng.integers(6, 40)))
    if kind == "market":
        if world.market is None:
            size = int(np.exp(rng.uniform(np.log(100), np.log(3_000))))
            world.market = world.places.hosts(rng, world.places.blocks(rng, size, "hosting"), 3)
            _others_on_the_market(world, rng, world.market)
        return world.market
    many = max(4, int(members * rng.uniform(0.2, 1)))
    if kind == "scatter":
        return world.places.hosts(rng, world.places.blocks(rng, many, "hosting"), 1)
    public = np.r_[world.clouds, world.vpns, world.hostings]
    return world.places.neighbours(rng, rng.choice(public, many) * 256)


def _others_on_the_market(world: World, rng: Rng, market: I64) -> None:
    """Some plain customers rent from the same proxies."""
    plain = np.flatnonzero(np.array([x == "benign" for x in world.labels]))
    few = plain[rng.random(len(plain)) < rng.choice([0.0, 0.01, 0.03])]
    near = world.places.neighbours(rng, rng.choice(market, len(few)))
    world.set_habit("home_2", few, near)


def truth(operation: Operation) -> dict[str, object]:
    """What the truth says about an operation besides its counts."""
    style = operation.style
    plain = asdict(style)
    scheduler = plain.pop("scheduler")
    egress = style.egress
    if egress == "embed" and operation.share is None:
        egress = "hosting"
    return plain | {
        "id": operation.number, "t0_h": operation.start_h, "egress": egress,
        "aged": style.ages in {"aged", "bought"}, "share": operation.share,
        "unequal": style.scheduler.name in {"weighted", "sticky", "quota"},
        "pay": style.payment in {"few", "one"}, "scheduler": scheduler["name"],
        "scheduler_settings": scheduler,
    }  # fmt: skip
