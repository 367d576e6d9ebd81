"""The work queue of a campaign: when an item is due and which account gets it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from analyzer.simulate import shapes
from analyzer.simulate.draws import I64, Rng, mix, pick

if TYPE_CHECKING:
    from analyzer.simulate.ground import Ground
    from analyzer.simulate.plan import Plan


@dataclass(frozen=True, slots=True)
class Posts:
    """Who holds which place in the pool from when to when; arrays of shape (accounts,)."""

    place: I64
    from_ms: I64
    until_ms: I64


@dataclass(frozen=True, slots=True)
class Work:
    """Items of the queue as handed out; arrays of shape (requests,)."""

    ts_ms: I64
    account: I64
    item: I64


def interval(ground: Ground, plan: Plan) -> tuple[int, int]:
    """Start and end of a campaign, epoch ms, fitted into the world."""
    span_days = (ground.end_ms - ground.start_ms) / shapes.DAY_MS
    begin = ground.at_day(min(plan.start_day, 0.45 * span_days))
    return begin, int(min(ground.end_ms, begin + plan.days * shapes.DAY_MS))


def open_posts(ground: Ground, rng: Rng, plan: Plan) -> Posts:
    """Open the pool's places; where accounts get banned, others take over."""
    begin, end = interval(ground, plan)
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


def taken_over(ground: Ground, plan: Plan, members: I64) -> Posts:
    """Let accounts that are there already hold a place each, all the time."""
    begin, end = interval(ground, plan)
    n = len(members)
    return Posts(np.arange(n), np.full(n, begin), np.full(n, end))


def hand_out(ground: Ground, rng: Rng, plan: Plan, posts: Posts, members: I64) -> Work:
    """Hand each item of the queue to one account.

    Parameters
    ----------
    ground, rng, plan
        The world, a source of randomness, and how the campaign is run.
    posts
        Who holds which place when.
    members
        Account number of each row of ``posts``.
    """
    begin, end = interval(ground, plan)
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
