"""How a queue of requests is dispatched over accounts, as relay software does it."""

from __future__ import annotations

from dataclasses import dataclass
from heapq import heapify, heapreplace

import numpy as np

from analyzer.simulate.draws import F64, I64, Rng, mix, pick

SCHEDULERS = ("uniform", "round_robin", "lru", "weighted", "sticky", "quota", "hashed")


@dataclass(frozen=True, slots=True)
class Scheduler:
    """A way to choose the next account."""

    name: str
    lease_h: float = 1.0
    """Sticky: how long a worker keeps an account."""
    workers: float = 0.2
    """Sticky, quota: accounts in use at once, as a share of all."""
    quota: int = 40
    """Quota: requests that an account gets before the next has its turn."""
    spread: float = 0.0
    """Weighted: spread of the logarithm of the weights."""
    service_s: float = 20.0
    """LRU: mean length of a request, which shuffles the order a little."""


def draw_scheduler(rng: Rng) -> Scheduler:
    """Draw a scheduler with its settings."""
    return Scheduler(
        name=str(rng.choice(SCHEDULERS)),
        lease_h=float(np.exp(rng.uniform(np.log(0.2), np.log(12)))),
        workers=float(rng.uniform(0.05, 0.7)),
        quota=int(np.exp(rng.uniform(np.log(5), np.log(120)))),
        spread=float(rng.uniform(0.4, 1.6)),
        service_s=float(np.exp(rng.uniform(np.log(3), np.log(120)))),
    )


def assign(rng: Rng, time: F64, scheduler: Scheduler, accounts: int, key: I64) -> I64:
    """Choose an account for each request of a queue.

    Parameters
    ----------
    rng
        Source of randomness.
    time
        When requests are sent, hours, in order, shape (n,).
    scheduler
        How to choose.
    accounts
        How many there are.
    key
        What a request belongs to (conversation, tenant, template), for ``hashed``, shape (n,).

    Returns
    -------
    Number of an account, 0 to ``accounts`` - 1, shape (n,).
    """
    salt = int(rng.integers(1 << 40))
    match scheduler.name:
        case "round_robin":
            out = _round_robin(rng, len(time), accounts)
        case "lru":
            out = _least_recent(rng, time, accounts, scheduler.service_s / 3600)
        case "weighted":
            out = pick(rng, np.exp(rng.normal(0, scheduler.spread, accounts)), len(time))
        case "sticky":
            workers = max(2, int(accounts * scheduler.workers))
            worker = rng.integers(0, workers, len(time))
            lease = np.floor(time / scheduler.lease_h + worker / workers).astype(np.int64)
            out = (mix(worker, lease, salt) % np.uint64(accounts)).astype(np.int64)
        case "quota":
            out = _quota(rng, len(time), accounts, scheduler)
        case "hashed":
            out = (mix(key, salt) % np.uint64(accounts)).astype(np.int64)
        case _:
            out = rng.integers(0, accounts, len(time))
    return out


def _round_robin(rng: Rng, n: int, accounts: int) -> I64:
    """One after another, a little out of order."""
    near = np.argsort(np.arange(n) + rng.normal(0, accounts * 0.05, n), kind="stable")
    turn = np.empty(n, np.int64)
    turn[near] = np.arange(n)
    return np.asarray(rng.permutation(accounts)[turn % accounts])


def _least_recent(rng: Rng, time: F64, accounts: int, service_h: float) -> I64:
    """The account whose last request ended longest ago is next."""
    idle = [(float(x), at) for at, x in enumerate(rng.random(accounts) * 1e-6 - 1.0)]
    heapify(idle)
    out = np.empty(len(time), np.int64)
    for at, (now, length) in enumerate(
        zip(time.tolist(), rng.exponential(service_h, len(time)).tolist(), strict=True)
    ):
        account = idle[0][1]
        out[at] = account
        heapreplace(idle, (now + length, account))
    return out


def _quota(rng: Rng, n: int, accounts: int, scheduler: Scheduler) -> I64:
    """Lanes that use an account up to its quota, then take the next."""
    lanes = max(1, int(accounts * scheduler.workers * 0.3))
    lane = rng.integers(0, lanes, n)
    order = np.argsort(lane, kind="stable")
    counts = np.bincount(lane, minlength=lanes)
    rank = np.empty(n, np.int64)
    rank[order] = np.arange(n) - np.repeat(np.cumsum(counts) - counts, counts)
    turn = rank // scheduler.quota * lanes + lane
    return np.asarray(rng.permutation(accounts)[turn % accounts])
