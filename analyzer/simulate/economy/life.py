"""Ordinary life of accounts, which everybody leads beside what is special about them."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from analyzer.simulate.draws import F64, I64, Rng
from analyzer.simulate.economy.arrivals import MIXED, Pattern, programs, sessions
from analyzer.simulate.economy.world import NONE, World


def people(
    world: World,
    rng: Rng,
    accounts: I64,
    per_day: F64,
    *,
    begin: ArrayLike = 0.0,
    end: ArrayLike = np.inf,
    profile: int = MIXED,
    regularity: float = 0.8,
) -> tuple[F64, I64, I64, I64]:
    """Times of people's requests.

    Returns
    -------
    Time, account, conversation and turn, shape (n,); the conversations are numbered anew.
    """
    s = world.structure
    n = len(accounts)
    pattern = Pattern(
        per_day,
        zone=world.habit("zone")[accounts],
        profile=np.full(n, profile),
        size=np.minimum(np.exp(rng.normal(np.log(s.session_size), 0.6, n)), per_day * 2 + 1),
        gap_s=np.exp(rng.normal(np.log(s.gap_s), 0.6, n)),
        weekend=s.weekend,
        regularity=regularity,
    )
    first = np.broadcast_to(np.asarray(begin, float), (n,))
    last = np.minimum(np.broadcast_to(np.asarray(end, float), (n,)), world.hours)
    time, who, session, turn = sessions(rng, pattern, first, last, s.weekday)
    session = session + world.chats
    world.chats = int(session.max(initial=world.chats)) + 1
    return time, accounts[who], session, turn


def own_life(
    world: World,
    rng: Rng,
    accounts: I64,
    per_day: F64,
    *,
    begin: ArrayLike = 0.0,
    end: ArrayLike = np.inf,
    backends: float = 0.0,
) -> None:
    """Let accounts do their own work: people in sessions, a share ``backends`` as programs."""
    machine = rng.random(len(accounts)) < backends
    first = np.broadcast_to(np.asarray(begin, float), accounts.shape)
    last = np.minimum(np.broadcast_to(np.asarray(end, float), accounts.shape), world.hours)
    who = accounts[~machine]
    time, account, chat, turn = people(
        world, rng, who, per_day[~machine], begin=first[~machine], end=last[~machine]
    )
    template = world.usual_work(account)
    talk = template == NONE
    world.emit(
        time, account, template=template,
        chat=np.where(talk, chat, NONE), turn=np.where(talk, turn, 0),
    )  # fmt: skip
    who = accounts[machine]
    time, row = programs(rng, per_day[machine], first[machine], last[machine], world.shapes)
    world.emit(time, who[row], ip=_server(world, rng, who, row))


def _server(world: World, rng: Rng, who: I64, row: I64) -> I64:
    """Programs run on few machines: one to three addresses each."""
    third = rng.random(len(row))
    homes = np.stack([world.habit(name)[who] for name in ("home", "home_2", "home_3")])
    machines = rng.integers(1, 4, len(who))[row]
    return np.asarray(homes[np.floor(third * machines).astype(np.int64), row])


def volumes(rng: Rng, n: int, median: float, spread: float) -> F64:
    """Requests a day of independent customers."""
    return np.asarray(np.minimum(np.exp(rng.normal(np.log(median), spread, n)), 4_000))


def customers(world: World, rng: Rng, n: int, group: str, existing: float) -> I64:
    """Members of a group: a share of them were customers already, the rest are new accounts."""
    label = group.partition("#")[0]
    plain = np.flatnonzero(np.array([x == "benign" for x in world.labels]))
    old = min(int(n * existing), len(plain) // 3)
    known = rng.choice(plain, old, replace=False) if old else np.zeros(0, np.int64)
    world.tag(known, label, group)
    fresh = world.open(rng, n - old, label, group) if n > old else np.zeros(0, np.int64)
    return np.asarray(np.r_[known, fresh], np.int64)
