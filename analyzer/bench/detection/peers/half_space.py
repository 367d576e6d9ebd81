"""Half-Space Trees (River) on the account's day: volume, templates, blocks, answers.

Reference: Tan, Ting & Liu (2011), *Fast anomaly detection for streaming data*.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from river.anomaly import HalfSpaceTrees

from analyzer.bench.detection.peers.protocol import F64, HOUR_MS, PeerEvents

DAY_MS = 24 * HOUR_MS


def scores(events: PeerEvents) -> F64:
    """Greatest score of each account's days, scored before learnt, in order of days."""
    model: Any = HalfSpaceTrees(n_trees=15, height=8, window_size=250, seed=1)
    day = (events.ts_ms - events.ts_ms[0]) // DAY_MS
    cells, inverse = np.unique(day * events.accounts + events.account, return_inverse=True)
    found = np.zeros(events.accounts)
    vectors = _vectors(events, inverse, len(cells))
    for account, vector in zip((cells % events.accounts).tolist(), vectors, strict=True):
        x = dict(enumerate(vector.tolist()))
        found[account] = max(found[account], model.score_one(x))
        model.learn_one(x)
    return found


def _vectors(events: PeerEvents, cell: np.ndarray[tuple[int], np.dtype[np.intp]], n: int) -> F64:
    def distinct(values: np.ndarray[tuple[int], np.dtype[np.int64]]) -> F64:
        pairs = np.unique(np.stack([cell, values], axis=1), axis=0)
        return np.bincount(pairs[:, 0], minlength=n).astype(np.float64)

    requests = np.bincount(cell, minlength=n).astype(np.float64)
    output = np.bincount(cell, np.log1p(events.output_tokens), n) / requests
    counts = np.stack([requests, distinct(events.template), distinct(events.block)], axis=1)
    bounded = np.clip(np.log1p(counts) / np.log(1_000), 0, 1)
    return np.column_stack([bounded, np.clip(output / 10, 0, 1)])
