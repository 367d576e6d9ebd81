"""Peers written by us do what their papers say."""

from __future__ import annotations

from collections import defaultdict

import numpy as np

from analyzer.bench.detection.peers import midas_f
from analyzer.bench.detection.peers.protocol import HOUR_MS, PeerEvents

Key = tuple[str | int, ...]


def drawn(seed: int) -> PeerEvents:
    """Two thousand events of forty accounts on fifteen blocks in thirty hours, with bursts."""
    rng = np.random.default_rng(seed)
    hour = np.sort(rng.choice(np.arange(30), 2_000, p=rng.dirichlet(np.full(30, 0.5))))
    account, block = rng.zipf(1.5, 2_000) % 40, rng.zipf(1.3, 2_000) % 15
    hour[1_200:1_700] = max(hour[1_199], 20)  # five hundred requests of one account
    hour[1_700:] = np.maximum(hour[1_700:], hour[1_699])
    account[1_200:1_700], block[1_200:1_700] = 20, 6
    return PeerEvents(hour * HOUR_MS, account, np.zeros(2_000, int), block, np.ones(2_000, int))


def by_the_paper(events: PeerEvents) -> np.ndarray:
    """Algorithm 3, one event at a time, with dictionaries for the sketches."""
    now: dict[Key, float] = defaultdict(float)
    total: dict[Key, float] = defaultdict(float)
    score: dict[Key, float] = defaultdict(float)
    found, before, usual = np.zeros(events.accounts), 1, 0.0
    rows = zip(events.account.tolist(), events.block.tolist(), events.hour.tolist(), strict=True)
    for account, block, hour in rows:
        tick = hour + 1
        if tick > before:
            for key in list(now):
                total[key] += now[key] if score[key] < midas_f.THRESHOLD else total[key] * usual
                now[key] *= midas_f.FACTOR
            before, usual = tick, 1 / (tick - 1)
        keys: tuple[Key, ...] = (("edge", account, block), ("from", account), ("to", block))
        for key in keys:
            now[key] += 1
            a, s = now[key], total[key]
            score[key] = (a + s - a * tick) ** 2 / (s * (tick - 1)) if s else 0.0
            found[account] = max(found[account], score[key])
    return found


def test_midas_f_is_the_papers_algorithm() -> None:
    """Hour by hour in columns as event by event, on traffic in which something is filtered."""
    for seed in range(4):
        expected = by_the_paper(drawn(seed))
        assert expected.max() > midas_f.THRESHOLD
        np.testing.assert_allclose(midas_f.scores(drawn(seed)), expected, rtol=1e-9)
