"""Edge-burst detectors of ``aberrant`` on account → address block edges, hour by hour.

``aberrant`` 1.3.0 has MIDAS with relational scores (MIDAS-R); its filtering variant is in
:mod:`~analyzer.bench.detection.peers.midas_f`.

References: Bhatia et al. (2020), *MIDAS*; Bhatia et al. (2023), *Sketch-based anomaly
detection in streaming graphs* (AnoEdge).
"""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np

from analyzer.bench.detection.peers.protocol import F64, PeerEvents


class MidasR:
    """MIDAS-R; an account's score is its greatest edge's."""

    def scores(self, events: PeerEvents) -> F64:
        """One score per account."""
        module = importlib.import_module("aberrant.model.graph.midas")
        return _greatest(module.MIDAS(use_relational=True, seed=1), events)


class AnoEdgeL:
    """AnoEdge-L; an account's score is its greatest edge's."""

    def scores(self, events: PeerEvents) -> F64:
        """One score per account."""
        module = importlib.import_module("aberrant.model.graph.anoedge")
        return _greatest(module.AnoEdgeL(seed=1), events)


def _greatest(model: Any, events: PeerEvents) -> F64:
    """Greatest score of each account's edges, scored before learnt."""
    found = np.zeros(events.accounts)
    rows = zip(events.account.tolist(), events.block.tolist(), events.hour.tolist(), strict=True)
    for account, block, hour in rows:
        edge = {"src": float(account), "dst": float(block), "t": float(hour + 1)}
        found[account] = max(found[account], model.score_one(edge))
        model.learn_one(edge)
    return found
