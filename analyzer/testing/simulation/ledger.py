"""Two last steps that only add up, so that any row lost, repeated or out of turn shows.

::

    account ─► PaneBlock ─► LedgerCohort ─► LedgerBlock ─► LedgerCampaign ─► lines

A line names its pane, what was counted in it, and the digest of all lines before.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from analyzer.core.contracts.blocks import PaneBlock
from analyzer.core.contracts.gate import Gate
from analyzer.core.contracts.step import StepOutput
from analyzer.errors import StateError


def _none() -> NDArray[np.int64]:
    return np.zeros(0, np.int64)


@dataclass(frozen=True, slots=True)
class LedgerBlock:
    """cohort → campaign: what panes ``[start, stop)`` hold."""

    source: int
    start: int
    stop: int
    pane: NDArray[np.int64] = field(default_factory=_none)
    requests: NDArray[np.int64] = field(default_factory=_none)
    digest: NDArray[np.int64] = field(default_factory=_none)
    """Of all accounts of the pane and their requests."""


class LedgerCohort:
    """Waits until every account shard has sent a pane, and adds it up.

    Parameters
    ----------
    shard, shards
        Which of the cohort shards this is; each adds up every so many panes.
    sources
        Number of account shards.
    """

    def __init__(self, shard: int, shards: int, sources: int) -> None:
        self._shard, self._shards = shard, shards
        self._gate = Gate(sources)
        self._waiting: dict[tuple[int, int], tuple[int, int]] = {}
        """(Pane, shard) → requests and digest."""

    def feed(self, block: PaneBlock) -> StepOutput[LedgerBlock]:
        """Take the panes of one shard."""
        first = self._gate.take(block.source, block.start, block.stop)
        if first is None:
            return StepOutput()
        rows = block.rows.between(first, block.stop)
        for pane in np.unique(rows.account_pane).tolist():
            own = rows.account_pane == pane
            parts = (rows.account[own], rows.account_requests[own], rows.account_first_ms[own])
            digest = _digest(b"".join(part.tobytes() for part in parts))
            self._waiting[pane, block.source] = int(rows.account_requests[own].sum()), digest
        opened = self._gate.opened()
        return StepOutput([] if opened is None else [self._close(*opened)])

    def _close(self, start: int, stop: int) -> LedgerBlock:
        keys = sorted(key for key in self._waiting if key[0] < stop)
        panes = sorted({pane for pane, _ in keys if pane % self._shards == self._shard})
        found = {pane: [self._waiting[k] for k in keys if k[0] == pane] for pane in panes}
        for key in keys:
            del self._waiting[key]
        return LedgerBlock(
            self._shard,
            start,
            stop,
            np.array(panes, np.int64),
            np.array([sum(n for n, _ in found[pane]) for pane in panes], np.int64),
            np.array([_digest(repr(found[pane]).encode()) for pane in panes], np.int64),
        )

    def snapshot(self) -> bytes:
        """All of it."""
        return _pack(self._gate.state(), [[*k, *v] for k, v in self._waiting.items()])

    def restore(self, data: bytes) -> None:
        """Become that state."""
        gate, waiting = _unpack(data)
        self._gate.restore(gate)
        self._waiting = {(pane, shard): (n, d) for pane, shard, n, d in waiting}


class LedgerCampaign:
    """Writes a line for each pane that all cohort shards have sent.

    Parameters
    ----------
    sources
        Number of cohort shards.
    """

    def __init__(self, sources: int) -> None:
        self._gate = Gate(sources)
        self._waiting: dict[int, tuple[int, int]] = {}
        """Pane → requests and digest."""
        self._chain = 0

    def feed(self, block: LedgerBlock) -> StepOutput[bytes]:
        """Take some panes."""
        first = self._gate.take(block.source, block.start, block.stop)
        if first is None:
            return StepOutput()
        columns = (block.pane.tolist(), block.requests.tolist(), block.digest.tolist())
        new = {pane: (n, digest) for pane, n, digest in zip(*columns, strict=True)}
        self._waiting |= {pane: row for pane, row in new.items() if pane >= first}
        opened = self._gate.opened()
        lines = []
        for pane in sorted(p for p in self._waiting if opened is not None and p < opened[1]):
            requests, digest = self._waiting.pop(pane)
            self._chain = _digest(f"{self._chain} {pane} {requests} {digest}".encode())
            lines.append(f"{pane} {requests} {self._chain}".encode())
        return StepOutput(lines)

    def snapshot(self) -> bytes:
        """All of it."""
        return _pack(
            self._gate.state(), [[p, *row] for p, row in self._waiting.items()], self._chain
        )

    def restore(self, data: bytes) -> None:
        """Become that state."""
        gate, waiting, self._chain = _unpack(data)
        self._gate.restore(gate)
        self._waiting = {pane: (n, digest) for pane, n, digest in waiting}


def _digest(data: bytes) -> int:
    return int.from_bytes(blake2b(data, digest_size=7).digest())


def _pack(*state: Any) -> bytes:
    return msgspec.msgpack.encode(state)


def _unpack(data: bytes) -> Any:
    try:
        return msgspec.msgpack.decode(data, strict=False)
    except msgspec.DecodeError as error:
        raise StateError(str(error)) from error
