"""Step 2, one per account shard: open panes of events become rows per organisation.

An organisation lives whole in one shard, so everything that needs all of one customer's
events in one place happens here: dropping duplicates, learning template families, and
adding up what each organisation and account did in a pane.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from analyzer.core.account.duplicates import content_keys, first_of_each
from analyzer.core.account.pane_tables import summarise
from analyzer.core.account.template_families import Families
from analyzer.core.config import CoreConfig
from analyzer.core.contracts.blocks import EventBlock, PaneBlock, Seen, from_plain, to_plain
from analyzer.core.contracts.columns import PaneColumns, concat
from analyzer.core.contracts.event_time import NO_WATERMARK
from analyzer.core.contracts.events import NAMED_FIELDS, EventColumns
from analyzer.core.contracts.snapshot_codec import pack, unpack
from analyzer.core.kernels.group_by import in_time
from analyzer.core.kernels.interned_names import NameBook, Names

STATE_VERSION = 5
NAMES_LIMIT = 500_000
NAMES_BYTES = 128 * 1_048_576
"""Of texts held; beyond, those of accounts alone are taken in, and objects are shown by number."""


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
        self._stale = np.zeros(sources, np.bool_)
        self._sealed = 0
        self._open: list[EventColumns] = []
        self._names = NameBook()
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
        before = int(self._watermarks[block.source])
        self._watermarks[block.source] = max(block.watermark_ms, before)
        if len(block.rows) or block.watermark_ms > before:
            self._idle[block.source] = False
        self._stale[block.source] = block.stale
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
            self._names.add_within(rows.names, NAMES_BYTES, rows.account)
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
        """Least watermark of the sources that are neither idle nor stale, or else not idle.

        If all are idle, the greatest of them.
        """
        for holding in (~self._idle & ~self._stale, ~self._idle):
            if holding.any():
                return int(self._watermarks[holding].min())
        return int(self._watermarks.max())

    def _close(self, pane: int, rows: EventColumns, own: NDArray[np.intp]) -> PaneColumns:
        """What happened in a pane; ``own`` are its rows."""
        content = content_keys(rows, own)
        order = in_time(rows.ts_ms[own], rows.event[own], content)
        own, fresh = own[order], first_of_each(content[order])
        self.duplicates += len(own) - int(fresh.sum())
        return summarise(pane, self._families.name(rows.take(own[fresh])), self._names)

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
                "stale": self._stale,
                "sealed": self._sealed,
                "open": to_plain(rows),
                "names": to_plain(self._names.all()),
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
        self._stale = state["stale"]
        self._sealed = state["sealed"]
        self._names = NameBook(from_plain(state["names"], Names))
        self._open = [from_plain(state["open"], EventColumns)]
        self._families.restore(state["families"])
        self.late, self.duplicates = state["late"], state["duplicates"]


def _from(rows: EventColumns, offset: int) -> EventColumns:
    return rows.take(rows.offset >= offset)


def _present(pane: NDArray[np.int64], stop: int) -> list[int]:
    return np.unique(pane[pane < stop]).tolist()  # type: ignore[no-any-return] # numpy's stub
