"""EvilCohort: accounts that are used from the same addresses.

Reference: Stringhini et al. (2015), *EvilCohort: detecting communities of malicious accounts on
online services*. Communities are connected components here instead of Louvain's.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import scipy.sparse as sp

from analyzer.bench.detection.peers.protocol import I64, PeerEvents
from analyzer.bench.detection.peers.synchro_trap import components

THRESHOLDS = (2, 3, 4, 6, 10)
"""Shared address blocks that join two accounts."""


def groupings(events: PeerEvents) -> Iterator[list[I64]]:
    """Components of the graph of accounts that share at least so many blocks."""
    uses = sp.csr_matrix((np.ones(len(events.block)), (events.account, events.block)))
    uses.data[:] = 1
    both = (uses @ uses.T).tocoo()
    for threshold in THRESHOLDS:
        kept = both.data >= threshold
        yield components(both.row[kept], both.col[kept], events.accounts)
