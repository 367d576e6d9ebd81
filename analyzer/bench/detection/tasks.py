"""Which worlds are run, and running them in processes of their own."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator

from analyzer.bench.detection.result import Result, Task
from analyzer.bench.detection.run import perform
from analyzer.simulate import SCENARIOS

FIRST_SEED = 1_000
"""Seeds below are for tuning."""
LEFT_OUT = ("smoke", "demo")
"""Worlds for tests and for show."""
QUICK = ("plain", "evasive", "embedded_in_reseller", "quiet")
PEERS_SEE = ("plain", "evasive", "residential", "churn", "viral_cover", "proxy_market", "quiet")
PEER_SCALE = 0.3


def tasks(
    *, seeds: int, scale: float, quick: bool, dropped: tuple[str, ...], peers: tuple[str, ...]
) -> list[Task]:
    """The runs, seed by seed, so that a run cut short has seen every scenario alike."""
    names = QUICK if quick else tuple(name for name in SCENARIOS if name not in LEFT_OUT)
    usual = [
        Task(name, FIRST_SEED + seed, scale, dropped=dropped)
        for seed in range(seeds)
        for name in names
    ]
    return usual + [
        Task(name, FIRST_SEED, min(scale, PEER_SCALE), peers=peers)
        for name in (QUICK if quick else PEERS_SEE)
        if peers
    ]


def perform_all(todo: list[Task], jobs: int) -> Iterator[Result]:
    """Results as they come; each run has a process of its own, ``jobs`` at a time."""
    context = multiprocessing.get_context("spawn")
    with context.Pool(jobs, maxtasksperchild=1) as pool:
        yield from pool.imap_unordered(perform, todo)
