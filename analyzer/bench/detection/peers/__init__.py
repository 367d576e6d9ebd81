"""Peers on the same events, each with the best threshold it could have had.

Contract of a peer: ``NAME`` and one of

* ``scores(events)``: one score per account, high is strange, shape (accounts,);
* ``groupings(events)``: for each threshold it knows, groups of accounts.
"""

from __future__ import annotations

from analyzer.bench.detection.peers import (
    evil_cohort,
    half_space,
    midas_f,
    synchro_trap,
    volume,
)
from analyzer.bench.detection.peers.graph import AnoEdgeL, MidasR
from analyzer.bench.detection.peers.protocol import Grouper, Scorer

__all__ = ["PEERS"]

PEERS: dict[str, Scorer | Grouper] = {
    "volume z-score": volume,
    "half-space trees": half_space,
    "MIDAS-R": MidasR(),
    "MIDAS-F": midas_f,
    "AnoEdge-L": AnoEdgeL(),
    "SynchroTrap": synchro_trap,
    "EvilCohort": evil_cohort,
}
"""By name; a new peer is one file and one line here."""
