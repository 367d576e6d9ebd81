"""What a peer is given and what it gives."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

I64 = NDArray[np.int64]
F64 = NDArray[np.float64]

HOUR_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class PeerEvents:
    """Requests in order of time; int64 arrays of shape (n,), numbers from 0 on."""

    ts_ms: I64
    account: I64
    template: I64
    block: I64
    output_tokens: I64

    @property
    def accounts(self) -> int:
        """How many accounts there are."""
        return int(self.account.max(initial=-1)) + 1

    @property
    def hour(self) -> I64:
        """Hour of each request since the first one."""
        return np.asarray((self.ts_ms - self.ts_ms[0]) // HOUR_MS)


@runtime_checkable
class Scorer(Protocol):
    """A peer that scores accounts."""

    def scores(self, events: PeerEvents) -> F64:
        """One score per account; pure, may take long."""


@runtime_checkable
class Grouper(Protocol):
    """A peer that finds groups."""

    def groupings(self, events: PeerEvents) -> Iterator[list[I64]]:
        """Groups of accounts at one threshold after another; pure."""
