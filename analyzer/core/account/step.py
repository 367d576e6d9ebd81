"""Step 2, one per account shard: open panes of events become rows per organisation.

An organisation lives whole in one shard, so everything that needs all of one customer's
events in one place happens here: dropping duplicates, learning template families, and
adding up what each organisation and account did in a pane.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from analyzer.core.account.pane_tables import summarise
from analyzer.core.account.template_families import Families
from analyzer.core.config import CoreConfig
from analyzer.core.contracts.blocks import EventBlock, PaneBlock, Seen, from_plain, to_plain
from analyzer.core.contracts.columns import PaneColumns, concat
from analyzer.core.contracts.event_time import NO_WATERMARK
from analyzer.core.contracts.events import NAMED_FIELDS, EventColumns
from analyzer.core.contracts.snapshot_codec import pack, unpack
from analyzer.core.kernels.dedup_set import LastSeen
from analyzer.core.kernels.group_by import in_time
from analyzer.core.kernels.interned_names import NameBook, Names

STATE_VERSION = 4
NAMES_LIMIT = 500_000


class AccountStep:
    """Collects events until their pane is sealed, then sends what happened in it.

    Parameters
    ----------
    shard
        Number of this account shard; the source of its blocks.
    sources
        Number of raw partitions (or files); all must have passed the end of a pane.
    """

    def __init__(self, config: CoreConfig, *, shard: int, sources: int) -> None:
        self._config = config
        self._shard = shard
        self._seen = Seen()
        self._watermarks = np.full(sources, NO_WATERMARK, np.int64)
        self._idle = np.zeros(sources, np.bool_)
        self._sealed = 0
        self._open: list[EventColumns] = []
        self._names = NameBook()
        self._past = _Past(config.duplicate_horizon_s // config.pane_s)
        self._families = Families(config.family_tables)
        self.late = 0
        self.duplicates = 0

    def feed(self, block: EventBlock) -> list[PaneBlock]:
        """Take a block; at most one block back, for every cohort shard."""
        if block.idle:
            return self._rest(block)
        first = self._seen.first_new(block.source, block.start, block.stop)
        if first is None:
            return []
        self._watermarks[block.source] = max(
            block.watermark_ms, int(self._watermarks[block.source])
        )
        self._idle[block.source] = False
        self._keep(block.rows if first == block.start else _from(block.rows, first))
        return self._seal()

    def _rest(self, block: EventBlock) -> list[PaneBlock]:
        """A source is idle, unless more of it has come since it said so."""
        if self._seen.stops.get(block.source, block.start) != block.start:
            return []
        self._idle[block.source] = True
        return self._seal()

    def _keep(self, rows: EventColumns) -> None:
        too_late = rows.ts_ms < self._sealed * self._config.pane_ms
        if too_late.any():
            self.late += int(too_late.sum())
            rows = rows.take(~too_late)
        if len(rows):
            self._names.add(rows.names)
            self._open.append(replace(rows, names=Names()))

    def _seal(self) -> list[PaneBlock]:
        stop = self._reached() // self._config.pane_ms
        if stop <= self._sealed:
            return []
        rows = EventColumns.concat(self._open)
        pane = rows.ts_ms // self._config.pane_ms
        start, self._sealed = self._sealed, stop
        self._open = [rows.take(np.flatnonzero(pane >= stop))]
        tables = [
            self._close(number, rows, np.flatnonzero(pane == number))
            for number in _present(pane, stop)
        ]
        self._forget_names()
        return [PaneBlock(self._shard, start, stop, concat(tables))]

    def _reached(self) -> int:
        """Least watermark of the sources that are not idle; if all are, the greatest of them."""
        busy = self._watermarks[~self._idle]
        return int(busy.min() if len(busy) else self._watermarks.max())

    def _close(self, pane: int, rows: EventColumns, own: NDArray[np.intp]) -> PaneColumns:
        """What happened in a pane; ``own`` are its rows."""
        own = own[in_time(rows.ts_ms[own], rows.event[own], rows.account[own])]
        fresh = self._past.fresh(pane, rows.event[own])
        if more := len(own) - int(fresh.sum()):
            self.duplicates += more
            own = _most_told(rows, own, fresh)
        else:
            own = own[fresh]
        return summarise(pane, self._families.name(rows.take(own)), self._names)

    def _forget_names(self) -> None:
        if len(self._names) > NAMES_LIMIT:
            columns = [getattr(part, name) for part in self._open for name in NAMED_FIELDS]
            self._names = NameBook(self._names.once(np.concatenate(columns)))

    def snapshot(self) -> bytes:
        """All state as bytes."""
        rows = EventColumns.concat(self._open)
        return pack(
            "account",
            STATE_VERSION,
            {
                "seen": self._seen.stops,
                "watermarks": self._watermarks,
                "idle": self._idle,
                "sealed": self._sealed,
                "open": to_plain(rows),
                "names": to_plain(self._names.all()),
                "past": self._past.panes,
                "families": self._families.state(),
                "late": self.late,
                "duplicates": self.duplicates,
            },
        )

    def restore(self, data: bytes) -> None:
        """Put back what :meth:`snapshot` gave.

        Raises
        ------
        StateError
            If the bytes are damaged or of another version.
        """
        state = unpack("account", STATE_VERSION, data)
        self._seen = Seen(state["seen"])
        self._watermarks, self._idle = state["watermarks"], state["idle"]
        self._sealed = state["sealed"]
        self._names = NameBook(from_plain(state["names"], Names))
        self._open = [from_plain(state["open"], EventColumns)]
        self._families.restore(state["families"])
        self._past.panes = {int(pane): events for pane, events in state["past"].items()}
        self.late, self.duplicates = state["late"], state["duplicates"]


class _Past:
    """Event ids of the last panes: an id seen there again counts once."""

    def __init__(self, horizon_panes: int) -> None:
        self._horizon_panes = max(1, horizon_panes)
        self._panes: dict[int, NDArray[np.uint64]] = {}
        self._last = LastSeen()

    @property
    def panes(self) -> dict[int, NDArray[np.uint64]]:
        """Pane → the ids that were first seen in it."""
        return self._panes

    @panes.setter
    def panes(self, panes: dict[int, NDArray[np.uint64]]) -> None:
        self._panes, self._last = panes, LastSeen()
        for pane, events in sorted(panes.items()):
            self._last.fresh(events, pane, pane - self._horizon_panes)

    def fresh(self, pane: int, events: NDArray[np.uint64]) -> NDArray[np.bool_]:
        """Mask of the first occurrences, given the events of the next pane in their order."""
        oldest = pane - self._horizon_panes
        fresh = self._last.fresh(events, pane, oldest)
        self._panes = {p: e for p, e in self._panes.items() if p >= oldest}
        self._panes[pane] = events[fresh]
        return fresh


def _most_told(
    rows: EventColumns, own: NDArray[np.intp], fresh: NDArray[np.bool_]
) -> NDArray[np.intp]:
    """Of each event that is fresh, the row with the most output; the first if they are equal.

    A gateway that tries again tells a failure and an answer under one id: the answer counts.
    """
    event, output = rows.event[own], rows.output_tokens[own]
    best = np.lexsort((np.arange(len(own)), -output, event))
    _, first = np.unique(event[best], return_index=True)
    chosen = best[first]
    is_fresh = np.isin(event[chosen], event[fresh])
    return own[np.sort(chosen[is_fresh])]


def _from(rows: EventColumns, offset: int) -> EventColumns:
    return rows.take(rows.offset >= offset)


def _present(pane: NDArray[np.int64], stop: int) -> list[int]:
    return np.unique(pane[pane < stop]).tolist()  # type: ignore[no-any-return] # numpy's stub
