"""People who come together for a while: courses, classes, hackathons, waves of the curious."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from analyzer.simulate.draws import F64, I64, Rng, pick, unit, zipf_weights
from analyzer.simulate.economy.arrivals import EVENING, fading
from analyzer.simulate.economy.life import customers, own_life, people, volumes
from analyzer.simulate.economy.world import CARRIER, DAY_H, NONE, World


def _exercise(
    world: World, rng: Rng, account: I64, time: F64, *, templates: int, items: int
) -> tuple[I64, I64]:
    """Templates of a syllabus in its order, and prompts that learners share in part."""
    own = world.new_templates(templates)
    start = np.full(int(account.max(initial=0)) + 1, np.inf)
    np.minimum.at(start, account, time)
    pace = rng.uniform(8, 40)
    lesson = np.minimum((time - start[account]) / pace, templates - 1).astype(np.int64)
    if rng.random() < 0.4:
        lesson = rng.integers(0, templates, len(time))
    first = world.new_items(templates * items)
    shared = rng.random(len(time)) < rng.uniform(0.1, 0.7)
    item = np.where(shared, first + lesson * items + rng.integers(0, items, len(time)), NONE)
    return own[lesson], item


def mooc(world: World, rng: Rng, size: int, group: str) -> None:
    """An online course: learners at home, fresh accounts in waves, effort that fades."""
    start = rng.uniform(-40, world.hours * 0.6)
    begin = start + np.abs(rng.normal(0, rng.uniform(4, 40), size))
    begin = np.clip(begin, 0, world.hours - 2)
    who = world.open(
        rng, size, "mooc", group,
        created=begin - rng.exponential(rng.uniform(2, 40), size),
        client=_notebook(world, rng, size),
    )  # fmt: skip
    counts = (
        np.minimum(rng.negative_binomial(1.2, 1.2 / (1.2 + rng.uniform(15, 70)), size), 400) + 1
    )
    time, row = fading(rng, begin, world.hours, rng.uniform(15, 60), counts)
    account = who[row]
    template, item = _exercise(
        world, rng, account, time, templates=int(rng.integers(1, 9)), items=12
    )
    other = rng.random(len(time)) < rng.uniform(0, 0.4)
    world.emit(
        time, account, template=np.where(other, world.usual_work(account), template),
        item=np.where(other, NONE, item),
        params=world.parameters.own(rng) if rng.random() < 0.6 else NONE,
    )  # fmt: skip


def _notebook(world: World, rng: Rng, n: int) -> I64:
    """A course hands out a notebook, or everybody has their own tools."""
    handed = rng.random(n) < rng.choice([0.0, 0.5, 0.95])
    return np.where(handed, int(world.programs.kit(rng, 1)[0]), world.programs.kit(rng, n))


def campus_class(world: World, rng: Rng, size: int, group: str) -> None:
    """A class before a deadline: one campus, one task, and life on the campus."""
    campus = world.places.hosts(
        rng, world.places.blocks(rng, int(rng.integers(1, 4)), "campus"), int(rng.integers(1, 9))
    )
    deadline = rng.uniform(0.3, 1.05) * world.hours
    who = world.open(
        rng, size, "class", group, client=_notebook(world, rng, size),
        created=np.minimum(deadline - rng.exponential(20 * DAY_H, size), deadline - 100),
        home=rng.choice(campus, size), zone=float(world.structure.zones[0]),
    )  # fmt: skip
    counts = rng.negative_binomial(2, 2 / (2 + rng.uniform(15, 60)), size) + 1
    row = np.repeat(np.arange(size), counts)
    time = deadline - rng.exponential(rng.uniform(4, 24), len(row))
    keep = (time > 0) & (time < world.hours)
    time, account = time[keep], who[row[keep]]
    template, item = _exercise(
        world, rng, account, time, templates=int(rng.integers(1, 3)), items=20
    )
    here = unit(account, np.floor(time).astype(np.int64), 51) < rng.uniform(0.4, 1)
    world.emit(
        time, account, template=template, item=item,
        ip=np.where(here, rng.choice(campus, len(time)), world.usual_place(account, time)),
    )  # fmt: skip
    own_life(world, rng, who, volumes(rng, size, 2, 1.0))


def workshop(world: World, rng: Rng, size: int, group: str) -> None:
    """A workshop of a few hours: new accounts, one room, one notebook."""
    start, length = rng.uniform(2, world.hours - 8), rng.uniform(1, 7)
    size = min(size, 150)
    nat = world.places.hosts(rng, world.places.blocks(rng, 1, "own"), int(rng.integers(1, 4)))
    who = world.open(
        rng, size, "workshop", group, created=start - rng.exponential(rng.uniform(0.2, 30), size),
        client=_notebook(world, rng, size),
    )  # fmt: skip
    counts = rng.negative_binomial(4, 4 / (4 + rng.uniform(8, 45)), size) + 1
    row = np.repeat(np.arange(size), counts)
    time = start + rng.beta(1.5, 1.5, len(row)) * length
    account = who[row]
    template, item = _exercise(
        world, rng, account, time, templates=int(rng.integers(1, 6)), items=5
    )
    ip = np.where(unit(account, 52) < 0.85, rng.choice(nat, len(time)), world.mobile(account, time))
    world.emit(time, account, template=template, item=item, ip=ip)
    stay = rng.random(size) < 0.3
    own_life(world, rng, who[stay], volumes(rng, int(stay.sum()), 4, 1), begin=start + length)


def hackathon(world: World, rng: Rng, size: int, group: str) -> None:
    """A hackathon: two days, fresh accounts, a sponsor's coupon or own cards, venue and phones."""
    start, length = rng.uniform(0, max(1, world.hours - 30)), rng.uniform(20, 50)
    size = min(size, 400)
    venue = world.places.hosts(rng, world.places.blocks(rng, int(rng.integers(1, 3)), "own"), 3)
    habits: dict[str, ArrayLike] = {"created": start - rng.exponential(rng.uniform(1, 40), size)}
    if rng.random() < 0.6:
        habits["payment"] = int(world.new_payments(1)[0])
    who = world.open(rng, size, "hackathon", group, **habits)
    world.set_habit("roam", who, CARRIER)
    rate = volumes(rng, size, float(rng.uniform(20, 120)), rng.uniform(0.7, 1.3))
    time, account, _, _ = people(world, rng, who, rate, begin=start, end=start + length)
    draw = unit(account, np.floor(time).astype(np.int64), 53)
    venue_ip = rng.choice(venue, len(time))
    ip = np.where(draw < 0.65, venue_ip, world.mobile(account, time))
    starter = world.new_templates(int(rng.integers(1, 4)))
    kit = rng.random(len(time)) < rng.uniform(0, 0.7)
    template = np.where(kit, rng.choice(starter, len(time)), world.usual_work(account))
    world.emit(time, account, template=template, ip=ip)


def trial(world: World, rng: Rng, size: int, group: str) -> None:
    """The curious after a launch or an article: a sign-up wave, default templates, short lives."""
    start = rng.uniform(0, world.hours * 0.9)
    begin = np.clip(start + rng.exponential(rng.uniform(6, 30), size), 0, world.hours - 1)
    who = world.open(
        rng, size, "trial", group, created=begin - rng.exponential(0.5, size),
        payment=np.where(rng.random(size) < rng.uniform(0.2, 1), NONE, world.new_payments(size)),
        client=np.where(
            rng.random(size) < 0.7, world.programs.browser(rng, size), world.programs.kit(rng, size)
        ),
    )  # fmt: skip
    counts = rng.geometric(1 / rng.uniform(4, 25), size)
    time, row = fading(rng, begin, world.hours, rng.uniform(1, 20), counts)
    account = who[row]
    examples = np.r_[world.new_templates(int(rng.integers(1, 6))), world.defaults]
    tried = rng.random(len(time)) < rng.uniform(0.3, 0.95)
    rank = pick(rng, zipf_weights(len(examples), 1.0), len(time))
    template = np.where(tried, examples[rank], world.usual_work(account))
    first = world.new_items(200)
    item = np.where(tried & (rng.random(len(time)) < 0.4), first + rank * 8, NONE)
    world.emit(time, account, template=template, item=item)


def beta(world: World, rng: Rng, size: int, group: str) -> None:
    """A beta or bounty programme: invited people test one thing hard, some time each day."""
    who = customers(world, rng, size, group, rng.uniform(0.2, 0.9))
    start = rng.uniform(0, world.hours * 0.7)
    rate = volumes(rng, len(who), float(rng.uniform(8, 50)), 1.1)
    time, account, chat, turn = people(
        world, rng, who, rate, begin=start, end=start + rng.uniform(24, 120), regularity=1.5
    )
    template, item = _exercise(
        world, rng, account, time, templates=int(rng.integers(2, 20)), items=6
    )
    free = rng.random(len(time)) < rng.uniform(0.2, 0.8)
    world.emit(
        time, account, template=np.where(free, NONE, template), item=np.where(free, NONE, item),
        longer=rng.uniform(0, 0.8), model=2, chat=np.where(free, chat, NONE),
        turn=np.where(free, turn, 0),
    )  # fmt: skip
    own_life(world, rng, who, volumes(rng, len(who), 3, 1.2))


def viral(world: World, rng: Rng, size: int, group: str) -> None:
    """A prompt goes round: known customers try it within a day or two, some keep it."""
    who = customers(world, rng, size, group, rng.uniform(0.6, 1))
    peak = rng.uniform(0, world.hours)
    begin = np.clip(peak + rng.logistic(6, rng.uniform(3, 12), len(who)), 0, world.hours - 0.5)
    counts = np.minimum(rng.geometric(0.15, len(who)) * rng.choice([1, 1, 6], len(who)), 300)
    time, row = fading(rng, begin, world.hours, rng.uniform(3, 60), counts)
    template = int(world.new_templates(1)[0])
    same = rng.random(len(time)) < rng.uniform(0, 0.6)
    item = np.where(same, world.new_items(3) + rng.integers(0, 3, len(time)), NONE)
    world.emit(
        time, who[row], template=template, item=item,
        client=np.where(rng.random(len(time)) < 0.5, NONE, world.programs.browser(rng, len(time))),
    )  # fmt: skip
    own_life(world, rng, who, volumes(rng, len(who), 3, 1.3))


def office(world: World, rng: Rng, size: int, group: str) -> None:
    """Many tenants of one building or one company network, each with work of their own."""
    size = min(size, 250)
    nat = world.places.hosts(
        rng, world.places.blocks(rng, int(rng.integers(1, 3)), "own"), int(rng.integers(1, 5))
    )
    who = customers(world, rng, size, group, rng.uniform(0.3, 1))
    world.set_habit("home", who, rng.choice(nat, len(who)))
    zone = float(rng.choice(world.structure.zones))
    world.set_habit("zone", who, zone)
    own_life(world, rng, who, volumes(rng, len(who), float(rng.uniform(4, 20)), 1.3), backends=0.1)


def forum(world: World, rng: Rng, size: int, group: str) -> None:
    """Players, translators, fans: one front end at home in the evening, long talks."""
    who = customers(world, rng, size, group, rng.uniform(0, 0.5))
    rate = volumes(rng, len(who), float(rng.uniform(10, 60)), rng.uniform(0.7, 1.4))
    time, account, chat, turn = people(
        world, rng, who, rate, profile=EVENING, regularity=rng.uniform(0.5, 2)
    )
    client = world.programs.product(rng, "frontend", int(rng.integers(1, 4)))
    cards = world.new_templates(int(rng.integers(10, 120)))
    rank = pick(rng, zipf_weights(len(cards), rng.uniform(0.7, 1.3)), len(time))
    world.emit(
        time, account, template=cards[rank], chat=chat, turn=turn, longer=rng.uniform(0, 0.7),
        client=client[(unit(account, 54) ** 2 * len(client)).astype(np.int64)],
        params=world.parameters.own(rng),
    )  # fmt: skip
    own_life(world, rng, who, volumes(rng, len(who), 2, 1.2))
