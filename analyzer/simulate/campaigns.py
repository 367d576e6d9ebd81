"""Extraction campaigns: one work queue, many accounts, and ways to hide.

All families are one generator with different parameters. The families are named in
:mod:`analyzer.simulate.families`.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from analyzer.simulate import catalogue, shapes
from analyzer.simulate.draws import F64, I64, Rng, mix, pick, unit
from analyzer.simulate.ground import HABIT, Campaign, Ground, Role, Traffic
from analyzer.simulate.kinds import DEVELOPER
from analyzer.simulate.people import PLACES, Personas
from analyzer.simulate.plan import Egress, Plan, varied
from analyzer.simulate.population import personas
from analyzer.simulate.workqueue import Posts, Work, hand_out, interval, open_posts, taken_over


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
    plan = varied(rng, plan)
    if members is None:
        posts = open_posts(ground, rng, plan)
        pool = _egress(ground, rng, plan, len(np.unique(posts.place)))
        people = _members(ground, rng, plan, posts, pool)
        members = ground.people.add(people)
        _cover(ground, rng, plan, members, people)
    else:
        posts = taken_over(ground, plan, members)
    traffic = _requests(ground, rng, plan, hand_out(ground, rng, plan, posts, members))
    ground.traffic.append(traffic)
    used = np.intersect1d(members, np.unique(traffic.account))
    ground.campaigns.append(Campaign(name, "extraction_campaign", plan.family, used))


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
    long_ago = ground.start_ms - ((8 + rng.gamma(1.2, 160, n)) * shapes.DAY_MS).astype(np.int64)
    cards = ground.people.new_cards(max(1, round(n / plan.per_card)))
    devices = ground.people.new_cards(max(1, round(n / plan.per_device)))
    places = rng.choice(pool, (n, PLACES))
    per_day = np.minimum(base.rhythm.per_day, 40)
    if plan.cover:
        per_day = rng.gamma(1.2, plan.cover * plan.per_day / 1.2, n)
    return replace(
        base,
        created_ms=np.where(aged, long_ago, fresh),
        joined_ms=np.where(aged, ground.start_ms - 1, posts.from_ms),
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
        begin, _ = interval(ground, plan)
        past = replace(people, left_ms=np.minimum(people.left_ms, begin))
        ground.live(rng, members, past, role=Role.COVER)


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
