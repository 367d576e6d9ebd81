"""Extraction campaigns: one work queue, many accounts, and ways to hide.

All families are one generator with different parameters. The families are named in
:mod:`analyzer.simulate.families`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from analyzer.simulate import catalogue, shapes
from analyzer.simulate.draws import F64, I64, Rng, mix, pick, unit
from analyzer.simulate.ground import HABIT, Campaign, Ground, Role, Traffic
from analyzer.simulate.kinds import DEVELOPER
from analyzer.simulate.people import PLACES, Personas
from analyzer.simulate.population import personas

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


@dataclass(frozen=True, slots=True)
class Posts:
    """Who holds which place in the pool from when to when; arrays of shape (accounts,)."""

    place: I64
    from_ms: I64
    until_ms: I64


def run(ground: Ground, plan: Plan, name: str, members: I64 | None = None) -> None:
    """Put a campaign on the ground.

    Parameters
    ----------
    ground
        The world under construction.
    plan
        How it is run.
    name
        The campaign's name in the labels; also names its randomness.
    members
        Accounts that already exist, such as a reseller's; else the campaign opens its own.
    """
    rng = ground.rng(f"campaign {name}")
    plan = _varied(rng, plan)
    begin, end = _interval(ground, plan)
    if members is None:
        posts = _posts(ground, rng, plan, begin, end)
        pool = _egress(ground, rng, plan, len(np.unique(posts.place)))
        people = _members(ground, rng, plan, posts, pool)
        members = ground.people.add(people)
        _cover(ground, rng, plan, members, people)
    else:
        posts = _taken_over(members, begin, end)
    work = _work(ground, rng, plan, posts=posts, members=members, interval=(begin, end))
    traffic = _requests(ground, rng, plan, work)
    ground.traffic.append(traffic)
    used = np.intersect1d(members, np.unique(traffic.account))
    ground.campaigns.append(Campaign(name, "extraction_campaign", plan.family, used))


def _varied(rng: Rng, plan: Plan) -> Plan:
    """Give the same family other numbers under another seed."""
    factor = dict(zip(_VARIED, np.exp(rng.uniform(-1, 1, len(_VARIED)) * plan.varies), strict=True))
    numbers: dict[str, Any] = {name: float(getattr(plan, name) * factor[name]) for name in _VARIED}
    return replace(plan, **numbers)


def _interval(ground: Ground, plan: Plan) -> tuple[int, int]:
    span_days = (ground.end_ms - ground.start_ms) / shapes.DAY_MS
    begin = ground.at_day(min(plan.start_day, 0.45 * span_days))
    return begin, int(min(ground.end_ms, begin + plan.days * shapes.DAY_MS))


def _posts(ground: Ground, rng: Rng, plan: Plan, begin: int, end: int) -> Posts:
    n = ground.sized(round(plan.accounts), least=12)
    ramp = min(plan.ramp_days * shapes.DAY_MS, 0.3 * (end - begin))
    joins = (begin + rng.random(n) * ramp).astype(np.int64)
    if not np.isfinite(plan.life_days):
        return Posts(np.arange(n), joins, np.full(n, end, np.int64))
    generations = 2 + int(3 * (end - begin) / (plan.life_days * shapes.DAY_MS))
    lives = np.maximum(rng.gamma(2, plan.life_days / 2, (n, generations)), 0.05) * shapes.DAY_MS
    until = joins[:, None] + np.cumsum(lives, axis=1).astype(np.int64)
    until[:, -1] = np.maximum(until[:, -1], end)
    since = np.column_stack([joins, until[:, :-1]])
    place, generation = np.nonzero(since < end)
    return Posts(place, since[place, generation], np.minimum(until[place, generation], end))


def _taken_over(members: I64, begin: int, end: int) -> Posts:
    n = len(members)
    return Posts(np.arange(n), np.full(n, begin), np.full(n, end))


def _egress(ground: Ground, rng: Rng, plan: Plan, places: int) -> I64:
    if plan.market and len(ground.market):
        return ground.market
    n = max(3, round(places / plan.accounts_per_block / len(plan.egress)))
    pool = np.concatenate([_egress_of(ground, rng, kind, n) for kind in plan.egress])
    if plan.market:
        ground.market = pool
    return pool


def _egress_of(ground: Ground, rng: Rng, kind: Egress, n: int) -> I64:
    if kind == "residential":
        homes = np.concatenate([pool.blocks for pool in ground.networks.homes])
        fresh = [ground.blocks(rng, 1) for _ in range(n // 5)]
        return np.concatenate([rng.permutation(homes)[: n - n // 5], *fresh])
    if kind == "cloud":
        return ground.networks.cloud.some(rng, n)
    if kind == "vpn":
        return ground.networks.vpn.some(rng, n)
    parts = np.array_split(np.arange(n), max(1, n // 10))
    return np.concatenate([ground.blocks(rng, len(part)) for part in parts])


def _members(ground: Ground, rng: Rng, plan: Plan, posts: Posts, pool: I64) -> Personas:
    n = len(posts.place)
    base = personas(ground, rng, DEVELOPER, n)
    aged = rng.random(n) < plan.aged
    fresh = posts.from_ms - (rng.random(n) * plan.signup_days * shapes.DAY_MS).astype(np.int64)
    cards = ground.people.new_cards(max(1, round(n / plan.per_card)))
    devices = ground.people.new_cards(max(1, round(n / plan.per_device)))
    places = rng.choice(pool, (n, PLACES))
    per_day = np.minimum(base.rhythm.per_day, 40)
    if plan.cover:
        per_day = rng.gamma(1.2, plan.cover * plan.per_day / 1.2, n)
    return replace(
        base,
        created_ms=np.where(aged, base.created_ms, fresh),
        joined_ms=np.where(aged, base.joined_ms.clip(max=ground.start_ms), posts.from_ms),
        left_ms=posts.until_ms,
        payment=rng.choice(cards, n) if plan.per_card > 1 else base.payment,
        signup=rng.choice(devices, n) if plan.per_device > 1 else base.signup,
        model=np.full(n, rng.integers(0, 2)),
        templates=_few(base.templates),
        repeats=0.4 * base.repeats,
        wanders=rng.random(n) < plan.rotates,
        pool=np.full(n, _pool_number(ground, pool)),
        places=places,
        clients=_clients(rng, plan, n),
        rhythm=replace(base.rhythm, per_day=per_day),
    )


def _few(templates: I64) -> I64:
    """Only three of a persona's templates: the work brings others."""
    return np.concatenate([templates[:, :3], templates[:, :3]], axis=1)


def _pool_number(ground: Ground, pool: I64) -> int:
    ground.pools.append(pool)
    return len(ground.pools) - 1


def _clients(rng: Rng, plan: Plan, n: int) -> I64:
    anybody = pick(rng, catalogue.CLIENT_SHARES, 2 * n).reshape(n, 2)
    head = catalogue.DOMINANT_CLIENTS
    chosen = (
        pick(rng, catalogue.CLIENT_SHARES[:head], 2)
        if plan.clients == "dominant"
        else rng.integers(head, len(catalogue.CLIENTS), 2)
    )
    return np.where(rng.random((n, 1)) < plan.mixed_clients, anybody, chosen)


def _cover(ground: Ground, rng: Rng, plan: Plan, members: I64, people: Personas) -> None:
    """Aged accounts had a life before; with ``cover`` all go on living beside the work."""
    if plan.cover:
        ground.live(rng, members, people, role=Role.COVER)
    elif plan.aged:
        begin, _ = _interval(ground, plan)
        past = replace(people, left_ms=np.minimum(people.left_ms, begin))
        ground.live(rng, members, past, role=Role.COVER)


@dataclass(frozen=True, slots=True)
class Work:
    """Items of the queue as handed out; arrays of shape (requests,)."""

    ts_ms: I64
    account: I64
    item: I64


def _work(
    ground: Ground, rng: Rng, plan: Plan, *, posts: Posts, members: I64, interval: tuple[int, int]
) -> Work:
    begin, end = interval
    places = len(np.unique(posts.place))
    turns = rng.poisson(places * plan.per_day / plan.turn * (end - begin) / shapes.DAY_MS)
    begins = _queue_times(rng, plan, begin, end, turns)
    gaps_s = np.full(turns, 40.0)
    ts_ms, turn = shapes.within_sessions(rng, begins, rng.geometric(1 / plan.turn, turns), gaps_s)
    place = _balance(rng, plan, places, turns)[turn]
    n = len(turn)
    holder = _holder(posts, place, ts_ms)
    item = mix(np.arange(n), ground.seed, rng.integers(0, 2**40)) >> np.uint64(1)
    again = np.flatnonzero(rng.random(n) < plan.retries)
    item[again] = item[np.maximum(again - rng.geometric(0.02, len(again)), 0)]
    kept = (holder >= 0) & (ts_ms < end)
    return Work(ts_ms[kept], members[holder[kept]], item[kept].astype(np.int64))


def _queue_times(rng: Rng, plan: Plan, begin: int, end: int, n: int) -> I64:
    """Times of work: a shift's hours, and spells in which the queue runs fuller or empty."""
    steps = np.arange(begin, end, shapes.HOUR_MS // 4)
    hour = (steps // shapes.HOUR_MS + int(rng.integers(0, 24))) % 24
    weight = 1 - plan.shift + plan.shift * shapes.PROFILES[shapes.OFFICE][hour]
    spells = np.repeat(rng.gamma(2.5, 0.4, len(steps) // 10 + 1), 10)[: len(steps)]
    step = pick(rng, weight * spells, n)
    return np.sort(np.minimum(steps[step] + rng.integers(0, shapes.HOUR_MS // 4, n), end - 1))


def _balance(rng: Rng, plan: Plan, places: int, n: int) -> I64:
    """Hand each item to a place of the pool."""
    if np.isfinite(plan.evenness):
        return pick(rng, rng.gamma(plan.evenness, 1, places) + 0.02, n)
    turn = np.arange(n) // places
    order = np.lexsort((rng.random(n), turn))
    place = np.empty(n, np.int64)
    place[order] = np.arange(n) % places
    stray = rng.random(n) < 0.25
    return np.where(stray, rng.integers(0, places, n), place)


def _holder(posts: Posts, place: I64, ts_ms: I64) -> I64:
    """Row in ``posts`` of who holds the place then; -1 if nobody does."""
    order = np.lexsort((posts.from_ms, posts.place))
    span = np.int64(1) << 45  # more milliseconds than any time since the epoch
    starts = posts.place[order] * span + posts.from_ms[order]
    at = np.searchsorted(starts, place * span + ts_ms, side="right") - 1
    row = order[np.maximum(at, 0)]
    held = (at >= 0) & (posts.place[row] == place) & (ts_ms < posts.until_ms[row])
    return np.where(held, row, -1)


def _requests(ground: Ground, rng: Rng, plan: Plan, work: Work) -> Traffic:
    return Traffic.of(
        work.ts_ms,
        work.account,
        template=_templates(ground, rng, plan, work),
        prompt=work.item,
        model=_models(ground, rng, plan, work.ts_ms),
        role=Role.EXTRACTION,
    )


def _templates(ground: Ground, rng: Rng, plan: Plan, work: Work) -> I64:
    n = len(work.ts_ms)
    if plan.borrows_viral and len(ground.viral):
        return np.broadcast_to(ground.viral[0], n)
    own = ground.templates.new(
        rng,
        plan.templates,
        longer=plan.longer,
        long_sampling=plan.long_sampling,
        kin=ground.templates.count,
    )
    if not plan.fragments:
        mine = unit(work.account, 22) < 0.5  # half of the accounts see all templates but one
        chosen = pick(rng, rng.gamma(2, 1, len(own)), n)
        return own[np.where(mine & (chosen == len(own) - 1), 0, chosen)]
    edition = (work.ts_ms - ground.start_ms) // (2 * shapes.DAY_MS)
    mine = (mix(work.account, 21) % np.uint64(len(own))).astype(np.int64)
    few = mine + rng.integers(0, 3, n) + 7 * edition  # reworded anew every other day
    return np.asarray(own[few % len(own)])


def _models(ground: Ground, rng: Rng, plan: Plan, ts_ms: I64) -> I64 | int:
    if not plan.pivot:
        return HABIT
    since: F64 = (ts_ms - ground.release_ms) / shapes.DAY_MS
    moved = (since > 0.1) & (rng.random(len(ts_ms)) < plan.pivot * since.clip(0, 1) ** 0.3)
    return np.where(moved, catalogue.NEW_MODEL, HABIT)
