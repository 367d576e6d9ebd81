"""MIDAS-F: bursts of account → address block edges, with filtering, hour by hour.

What was anomalous in an hour does not become part of the usual. The counts are exact where the
original has a count-min sketch, which only adds collisions.

Reference: Bhatia et al. (2022), *Real-time anomaly detection in edge streams*, algorithm 3.
"""

from __future__ import annotations

import numpy as np

from analyzer.bench.detection.peers.protocol import F64, I64, PeerEvents

THRESHOLD, FACTOR = 1_000.0, 0.5
"""Score from which an hour is not learned; what is left of counts an hour later. As published."""


class Counts:
    """Counts of edges, sources or destinations, and what they have been so far."""

    def __init__(self, keys: int) -> None:
        self._now, self._total, self._score = np.zeros((3, keys))
        self._last = np.inf

    def scores(self, keys: I64, tick: int) -> F64:
        """Score of each event of one tick, the first of which is 1; ticks must rise.

        (a + s − a·t)² ÷ (s·(t − 1)), a the count by then in the tick and s that of all before.
        """
        self._merge(tick)
        count, total = self._now[keys] + _nth(keys), self._total[keys]
        known = total > 0
        squares = (count + total - count * tick) ** 2
        found = np.where(known, squares / np.where(known, total * max(1, tick - 1), 1.0), 0.0)
        self._now += np.bincount(keys, minlength=len(self._now))
        np.put(self._score, keys, found)  # the last event of a key is what it is left with
        return found

    def _merge(self, tick: int) -> None:
        usual = np.where(self._score < THRESHOLD, self._now, self._total / self._last)
        self._total += usual
        self._now *= FACTOR
        self._last = max(1, tick - 1)


def scores(events: PeerEvents) -> F64:
    """Greatest score of each account's edges, of itself and of the blocks at that moment."""
    _, edge = np.unique(
        events.account * (events.block.max() + 1) + events.block, return_inverse=True
    )
    kinds = [(keys, Counts(int(keys.max()) + 1)) for keys in (edge, events.account, events.block)]
    found = np.zeros(events.accounts)
    bounds = np.flatnonzero(np.diff(events.hour, prepend=-1, append=events.hour[-1] + 1))
    for start, stop in zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True):
        tick = int(events.hour[start]) + 1
        score = np.max([counts.scores(keys[start:stop], tick) for keys, counts in kinds], axis=0)
        np.maximum.at(found, events.account[start:stop], score)
    return found


def _nth(keys: I64) -> I64:
    """How many times each key has come by then, itself included; shape (events,)."""
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    first = np.searchsorted(ordered, ordered)
    nth = np.empty(len(keys), np.int64)
    nth[order] = np.arange(len(keys)) - first + 1
    return nth
