"""Volume: the greatest z-score of an account's requests in an hour."""

from __future__ import annotations

import numpy as np

from analyzer.bench.detection.peers.protocol import F64, PeerEvents


def scores(events: PeerEvents) -> F64:
    """(most requests in an hour − mean) ÷ standard deviation over all busy account-hours."""
    width = int(events.hour.max()) + 1
    cells, counts = np.unique(events.account * width + events.hour, return_counts=True)
    z = (counts - counts.mean()) / max(1e-9, float(counts.std()))
    greatest = np.full(events.accounts, -np.inf)
    np.maximum.at(greatest, cells // width, z)
    return greatest
