"""Peers judged: each run has its own best threshold at no more false groups than allowed.

The rule is generous to the peers. Allowed is one false group per million benign requests,
which is none in these small runs. A group is false if fewer than half of its accounts belong to
campaigns; a campaign is found if half of a group's accounts are its. A peer that only scores
accounts has its groups drawn by an oracle: a campaign is found if at least half of its accounts
score above the threshold, and every ``INNOCENT_GROUP`` innocents above it are one false group.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

import numpy as np

from analyzer.bench.detection.figures import Figure, share
from analyzer.bench.detection.peers import PEERS
from analyzer.bench.detection.peers.protocol import I64, Grouper, PeerEvents, Scorer
from analyzer.bench.detection.truth import Truth

if TYPE_CHECKING:
    from analyzer.bench.detection.result import Result
    from analyzer.simulate import World

INNOCENT_GROUP = 20
NEED_ABERRANT = ("MIDAS-R", "AnoEdge-L")
OURS = "analyzer, as shipped"


def missing() -> list[str]:
    """Peers that cannot be measured here, because the extra ``peers`` is not installed."""
    return [] if find_spec("aberrant") else list(NEED_ABERRANT)


def found_by_peers(
    world: World, names: list[str], truth: Truth, peers: tuple[str, ...]
) -> dict[str, list[bool]]:
    """Per peer that is there: whether it finds each campaign."""
    columns = world.columns
    order = np.argsort(columns.ts_ms, kind="stable")
    _, numbers = np.unique(columns.account, return_inverse=True)
    number = dict(zip(names, numbers.tolist(), strict=True))
    events = PeerEvents(
        columns.ts_ms[order],
        numbers[order],
        columns.template[order] - columns.template.min(),
        columns.block[order],
        columns.output_tokens[order],
    )
    guilty = [np.array([number[a] for a in sorted(o.accounts)]) for o in truth.operations]
    return {
        name: _found(PEERS[name], events, guilty, truth.benign_requests // 1_000_000)
        for name in peers
        if name not in missing()
    }


def _found(
    peer: Scorer | Grouper, events: PeerEvents, guilty: list[I64], allowed: int
) -> list[bool]:
    if isinstance(peer, Scorer):
        scores = peer.scores(events)
        everyone = np.concatenate([np.zeros(0, np.int64), *guilty])
        innocent = np.sort(np.delete(scores, everyone))[::-1]
        threshold = innocent[min(len(innocent) - 1, INNOCENT_GROUP * (allowed + 1) - 1)]
        return [bool((scores[mine] > threshold).mean() >= 0.5) for mine in guilty]
    best = [False] * len(guilty)
    for groups in peer.groupings(events):
        found, false = _judged(groups, guilty)
        if false <= allowed and sum(found) > sum(best):
            best = found
    return best


def _judged(groups: list[I64], guilty: list[I64]) -> tuple[list[bool], int]:
    inside = [[float(np.isin(group, mine).mean()) for mine in guilty] for group in groups]
    false = sum(sum(shares) < 0.5 for shares in inside)
    return [any(shares[i] >= 0.5 for shares in inside) for i in range(len(guilty))], false


def compare(results: list[Result]) -> dict[str, Figure]:
    """Recall of each peer and of the analyzer over the same runs."""
    ours = [v.found for result in results for v in result.outcomes[""].campaigns]
    figures = {OURS: share(sum(ours), len(ours))} if results else {}
    for name in dict.fromkeys(name for result in results for name in result.peers):
        found = [hit for result in results for hit in result.peers.get(name, [])]
        figures[name] = share(sum(found), len(found))
    return figures
