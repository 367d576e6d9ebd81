"""Innocent groups that resemble a campaign: people who share a place, a task or an owner."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from analyzer.simulate import shapes
from analyzer.simulate.draws import I64, Rng, mix
from analyzer.simulate.ground import Ground, Lookalike, Traffic
from analyzer.simulate.kinds import APP, DEVELOPER, FLEET, TEAM, Kind
from analyzer.simulate.people import SLOTS, Personas
from analyzer.simulate.population import gather, personas


def note(ground: Ground, name: str, kind: str, accounts: I64) -> None:
    """Write a look-alike into the labels."""
    ground.lookalikes.append(Lookalike(name, kind, np.unique(accounts)))


def at_blocks(rng: Rng, people: Personas, blocks: I64, share: float) -> Personas:
    """Let people be at one of the blocks for a share of their requests."""
    n = len(people)
    places = people.places.copy()
    places[:, 1:] = places[:, :-1]
    places[:, 0] = rng.choice(blocks, n)
    steps = [share, share + 0.8 * (1 - share), 1.0]
    return replace(
        people,
        places=places,
        place_shares=np.tile(steps, (n, 1)),
        wanders=np.zeros(n, np.bool_),
    )


def on_template(people: Personas, template: int, share: float) -> Personas:
    """Let people use a template for a share of their requests."""
    n = len(people)
    templates = people.templates.copy()
    templates[:, 1:] = templates[:, :-1]
    templates[:, 0] = template
    rest = share + (1 - share) * np.array([0.0, 0.5, 0.75, 0.9, 0.97, 1.0])
    return replace(people, templates=templates, template_shares=np.tile(rest[:SLOTS], (n, 1)))


def long_there(ground: Ground, people: Personas) -> Personas:
    """Let people be customers since before the world began."""
    return replace(people, joined_ms=np.full(len(people), ground.start_ms - 1))


def crowd(ground: Ground, name: str, n: int, blocks: int, kind: Kind = DEVELOPER) -> None:
    """Unrelated customers behind a few shared blocks: campus, office, VPN, carrier."""
    rng = ground.rng(name)
    people = personas(ground, rng, kind, ground.sized(n))
    opened = ground.blocks(rng, blocks)
    people = at_blocks(rng, people, opened, share=float(rng.uniform(0.75, 0.97)))
    accounts = ground.people.add(people)
    ground.live(rng, accounts, people)
    note(ground, name, name.partition(" ")[0], accounts)


def school_class(ground: Ground, name: str, n: int = 55, start_day: float = 1.6) -> None:
    """Students of one class before a deadline: one block, one template, few items."""
    rng = ground.rng(name)
    n = ground.sized(n, least=20)
    people = personas(ground, rng, DEVELOPER, n)
    begin, deadline = ground.at_day(start_day), ground.at_day(start_day + 2)
    opened = begin - (rng.exponential(1.5, n) * shapes.DAY_MS).astype(np.int64)
    people = at_blocks(rng, people, ground.blocks(rng, 1), share=0.9)
    people = replace(
        people, created_ms=opened, joined_ms=np.full(n, begin), left_ms=np.full(n, deadline)
    )
    task = ground.templates.new(rng, 1, items=30, longer=0.2)
    accounts = ground.people.add(people)
    effort = np.minimum(rng.gamma(2.0, 15, n), 120).astype(np.int64) + 2
    account = np.repeat(accounts, effort)
    late = rng.beta(2.2, 1, len(account))  # most of it just before the deadline
    ts_ms = (begin + late * (deadline - begin)).astype(np.int64)
    ground.traffic.append(Traffic.of(ts_ms, account, template=task[0]))
    note(ground, name, "class", accounts)


@dataclass(frozen=True, slots=True)
class Course:
    """An online course over weeks, from home networks."""

    learners: int = 160
    start_day: float = 0.5
    lesson_days: float = 2.0
    exercises: int = 25
    per_day: float = 12.0


def course(ground: Ground, name: str, plan: Course | None = None) -> None:
    """Learners work through lessons at their own pace; the same exercises come again."""
    plan = plan or Course()
    rng = ground.rng(name)
    n = ground.sized(plan.learners, least=25)
    base = personas(ground, rng, DEVELOPER, n)
    begin = ground.at_day(plan.start_day)
    joins = begin + (rng.exponential(1.5, n) * shapes.DAY_MS).astype(np.int64)
    signup = joins - (rng.exponential(2, n) * shapes.DAY_MS).astype(np.int64)
    effort = plan.per_day * rng.gamma(0.8, 1 / 0.8, n)
    people = replace(
        base,
        created_ms=np.where(rng.random(n) < 0.6, signup, base.created_ms),
        joined_ms=joins,
        left_ms=joins + (rng.exponential(12, n) * shapes.DAY_MS).astype(np.int64),
        clients=np.where(rng.random((n, 1)) < 0.7, base.clients[:1], base.clients),
        repeats=rng.beta(2, 5, n),
        rhythm=replace(base.rhythm, per_day=effort, profile=np.full(n, shapes.EVENING)),
    )
    accounts = ground.people.add(people)
    ts_ms, row = shapes.arrivals(rng, people.rhythm, ground.start_ms, ground.end_ms)
    there = (ts_ms >= joins[row]) & (ts_ms < people.left_ms[row])
    ts_ms, row = ts_ms[there], row[there]
    lessons = 1 + int((ground.end_ms - begin) / shapes.DAY_MS / plan.lesson_days)
    task = ground.templates.new(rng, lessons, items=plan.exercises, longer=0.2)
    pace = rng.uniform(0.6, 1.1, n)
    lesson = ((ts_ms - joins[row]) / shapes.DAY_MS / plan.lesson_days * pace[row]).astype(np.int64)
    ground.traffic.append(
        Traffic.of(ts_ms, accounts[row], template=task[lesson.clip(0, lessons - 1)])
    )
    note(ground, name, "course", accounts)


def fleet(ground: Ground, name: str, n: int = 120, *, orgs: str = "one") -> None:
    """One customer with many keys and an evenly loaded service."""
    rng = ground.rng(name)
    sizes = np.array([ground.sized(n, least=12)])
    people = gather(personas(ground, rng, FLEET, int(sizes[0])), sizes, rng, one_org=orgs == "one")
    start = ground.at_day(float(rng.uniform(0, 1.5)))
    task = ground.templates.new(rng, 1)
    people = on_template(people, int(task[0]), share=0.85)
    people = at_blocks(rng, people, ground.blocks(rng, 6), share=0.95)
    people = replace(
        people,
        joined_ms=np.full(len(people), start),
        clients=np.tile(people.clients[:1], (len(people), 1)),
        rhythm=replace(
            people.rhythm,
            per_day=rng.gamma(30, 20 / 30, len(people)),
            day_shape=np.full(len(people), 40.0),
        ),
    )
    accounts = ground.people.add(people)
    ground.live(rng, accounts, people)
    note(ground, name, "customer_fleet", accounts)


def agency(ground: Ground, name: str, n: int = 22) -> None:
    """An agency that opened one account per client, without linking them."""
    rng = ground.rng(name)
    sizes = np.array([ground.sized(n, least=10)])
    people = gather(personas(ground, rng, TEAM, int(sizes[0])), sizes, rng, one_org=False)
    shared = rng.random(len(people)) < 0.6
    people = replace(people, payment=np.where(shared, people.payment[0], people.payment))
    accounts = ground.people.add(people)
    ground.live(rng, accounts, people)
    note(ground, name, "agency", accounts)


def family_cards(ground: Ground, name: str, groups: int = 12) -> None:
    """Relatives and friends on one card, each with a life of their own."""
    rng = ground.rng(name)
    sizes = rng.integers(6, 14, ground.sized(groups, least=2))
    people = personas(ground, rng, DEVELOPER, int(sizes.sum()))
    head = np.repeat(np.cumsum(sizes) - sizes, sizes)
    together = rng.random(len(people)) < 0.6
    places = np.where(together[:, None], people.places[head], people.places)
    people = replace(people, payment=people.payment[head], places=places)
    accounts = ground.people.add(people)
    ground.live(rng, accounts, people)
    note(ground, name, "shared_card", accounts)


def harness(ground: Ground, name: str, n: int = 7, start_day: float = 1.0) -> None:
    """Several parties run one public evaluation set, again and again."""
    rng = ground.rng(name)
    people = personas(ground, rng, APP, n)
    accounts = ground.people.add(long_there(ground, people))
    task = ground.templates.new(rng, 2, longer=0.4)
    items, runs = max(40, ground.sized(300)), 4
    starts = ground.at_day(start_day) + rng.integers(0, int(1.5 * shapes.DAY_MS), (n, runs))
    account, run, item = (index.ravel() for index in np.indices((n, runs, items)))
    ts_ms = starts[account, run] + item * rng.integers(1_500, 6_000, n)[account]
    ts_ms += rng.integers(0, 1_500, len(ts_ms))
    inside = ts_ms < ground.end_ms
    prompt = (mix(item, int(task[0]), 31) >> np.uint64(1)).astype(np.int64)
    ground.traffic.append(
        Traffic.of(ts_ms[inside], accounts[account[inside]], template=task[item % 2][inside],
                   prompt=prompt[inside])
    )  # fmt: skip
    note(ground, name, "evaluation_harness", accounts)


def batch(ground: Ground, name: str, n: int = 10, per_night: int = 400) -> None:
    """One organisation's nightly jobs under a private template."""
    rng = ground.rng(name)
    sizes = np.array([n])
    people = gather(personas(ground, rng, FLEET, n), sizes, rng, one_org=True)
    accounts = ground.people.add(long_there(ground, people))
    task = ground.templates.new(rng, 1)
    nights = np.arange(ground.start_ms // shapes.DAY_MS, ground.end_ms // shapes.DAY_MS)
    jobs = rng.poisson(ground.sized(per_night, least=60), len(nights))
    begin = np.repeat(nights * shapes.DAY_MS + int(rng.integers(0, 6)) * shapes.HOUR_MS, jobs)
    ts_ms = begin + rng.integers(0, int(1.5 * shapes.HOUR_MS), len(begin))
    ground.traffic.append(Traffic.of(ts_ms, rng.choice(accounts, len(ts_ms)), template=task[0]))
    note(ground, name, "batch", accounts)
