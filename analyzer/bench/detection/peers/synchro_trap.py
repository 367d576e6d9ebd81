"""SynchroTrap: accounts that use the same objects in the same hours.

Reference: Cao et al. (2014), *Uncovering large groups of active malicious accounts in online
social networks*.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import scipy.sparse as sp

from analyzer.bench.detection.peers.protocol import I64, PeerEvents

THRESHOLDS = (0.02, 0.05, 0.1, 0.2, 0.3, 0.5)
LEAST, MOST = 8, 300
"""Smallest group; most accounts on an action, beyond which it says nothing."""


def groupings(events: PeerEvents) -> Iterator[list[I64]]:
    """Components of the graph of accounts with Jaccard ≥ threshold over (template, hour)."""
    width = int(events.hour.max()) + 1
    _, action = np.unique(events.template * width + events.hour, return_inverse=True)
    uses = sp.csr_matrix((np.ones(len(action)), (events.account, action)))
    uses.data[:] = 1
    degree = np.bincount(uses.indices, minlength=uses.shape[1])
    uses = uses[:, (degree >= 2) & (degree <= MOST)]
    both = (uses @ uses.T).tocoo()
    size = np.asarray(uses.sum(axis=1)).ravel()
    jaccard = both.data / (size[both.row] + size[both.col] - both.data)
    for threshold in THRESHOLDS:
        kept = (jaccard >= threshold) & (both.data >= 3)
        yield components(both.row[kept], both.col[kept], events.accounts)


def components(a: I64, b: I64, accounts: int) -> list[I64]:
    """Connected groups of at least :data:`LEAST` accounts."""
    graph = sp.csr_matrix((np.ones(len(a)), (a, b)), shape=(accounts, accounts))
    _, label = sp.csgraph.connected_components(graph, directed=False)
    large = np.flatnonzero(np.bincount(label) >= LEAST)
    return [np.flatnonzero(label == group) for group in large]
