"""Step 2, one per account shard: open panes of events become rows per organisation.

An organisation lives whole in one shard, so everything that needs all of one customer's
events in one place happens here: dropping duplicates, learning template families, and
adding up what each organisation and account did in a pane.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from analyzer.core.account.attempts import given_up
from analyzer.core.account.duplicates import content_keys, first_of_each
from analyzer.core.account.pane_tables import summarise
from analyzer.core.account.template_families import Families
from analyzer.core.config import CoreConfig
from analyzer.core.contracts.blocks import EventBlock, PaneBlock, from_plain, to_plain
from analyzer.core.contracts.events import NAMED_FIELDS, EventColumns
from analyzer.core.contracts.gate import Gate
from analyzer.core.contracts.pane_columns import PaneColumns, concat
from analyzer.core.contracts.snapshot_codec import pack, restoring, unpack
from analyzer.core.contracts.step import StepOutput
from analyzer.core.kernels.group_by import in_time
from analyzer.core.kernels.interned_names import NameBook, Names

STATE_VERSION = 9


class AccountStep:
    """Collects events until their pane is sealed, then sends what happened in it.

    Parameters
    ----------
    shard
        Number of this account shard; the source of its blocks.
    sources
        Number of raw partitions (or files); all must have passed the end of a pane. Partitions
        may be added later.
    origin
        Identity of the raw topic.
    """

    def __init__(self, config: CoreConfig, *, shard: int, sources: int, origin: str = "") -> None:
        self._config = config
        self._shard = shard
        self._gate = Gate(sources, grows=True, origin=origin)
        self._open: list[EventColumns] = []
        self._names = NameBook()
        self._families = Families(config.family_tables)
        self._seen: Callable[[EventColumns, NameBook], None] = lambda _rows, _names: None

    def look_on(self, seen: Callable[[EventColumns, NameBook], None]) -> None:
        """Have the rows of each pane shown as they are counted, with the names of their hashes."""
        self._seen = seen

    def feed(self, block: EventBlock) -> StepOutput[PaneBlock]:
        """Take a block; at most one block comes of it, for every cohort shard."""
        counts: Counter[str] = Counter()
        if block.idle:
            self._gate.rest(block.source, block.start, block.origin)
        else:
            passed = block.watermark_ms // self._config.pane_ms
            first = self._gate.take(
                block.source, block.start, block.stop, passed, block.origin,
                bare=not len(block.rows), stale=block.stale,
            )  # fmt: skip
            if first is None:
                return StepOutput()
            rows = block.rows if first == block.start else _from(block.rows, first)
            counts["late"] = self._keep(rows)
        made = self._seal(counts)
        return StepOutput(made, counts=Counter({(name, ""): n for name, n in counts.items() if n}))

    def _keep(self, rows: EventColumns) -> int:
        """Keep rows until their pane is sealed; how many came after it was."""
        too_late = rows.ts_ms < self._gate.open * self._config.pane_ms
        late = int(too_late.sum())
        if late:
            rows = rows.take(~too_late)
        if len(rows):
            self._names.add_within(rows.names, self._config.max_name_bytes, rows.account)
            self._open.append(replace(rows, names=Names()))
        return late

    def _seal(self, counts: Counter[str]) -> list[PaneBlock]:
        sealed = self._gate.opened()
        if sealed is None:
            return []
        start, stop = sealed
        rows = EventColumns.concat(self._open)
        pane = rows.ts_ms // self._config.pane_ms
        self._open = [rows.take(np.flatnonzero(pane >= stop))]
        tables = []
        for number in _present(pane, stop):
            table, duplicates = self._close(number, rows, np.flatnonzero(pane == number))
            tables.append(table)
            counts["duplicates"] += duplicates
        self._forget_names()
        return [PaneBlock(self._shard, start, stop, concat(tables))]

    def _close(
        self, pane: int, rows: EventColumns, own: NDArray[np.intp]
    ) -> tuple[PaneColumns, int]:
        """What happened in a pane, and how many duplicates it had; ``own`` are its rows."""
        received = len(own)
        own = own[~given_up(rows.event[own], rows.account[own], rows.output_tokens[own])]
        content = content_keys(rows, own)
        order = in_time(rows.ts_ms[own], rows.event[own], content)
        own, fresh = own[order], first_of_each(content[order])
        named = self._families.name(rows.take(own[fresh]))
        self._seen(named, self._names)
        return summarise(pane, named, self._names), received - len(named)

    def _forget_names(self) -> None:
        if self._names.size > self._config.max_name_bytes:
            columns = [getattr(part, name) for part in self._open for name in NAMED_FIELDS]
            self._names = NameBook(self._names.once(np.concatenate(columns)))

    def snapshot(self) -> bytes:
        """All state as bytes."""
        rows = EventColumns.concat(self._open)
        return pack(
            "account",
            STATE_VERSION,
            {
                "gate": self._gate.state(),
                "open": to_plain(rows),
                "names": to_plain(self._names.all()),
                "families": self._families.state(),
            },
        )

    @restoring("account")
    def restore(self, data: bytes) -> None:
        """Put back what :meth:`snapshot` gave.

        Raises
        ------
        StateError
            If the bytes are damaged or of another version.
        """
        state = unpack("account", STATE_VERSION, data)
        self._gate.restore(state["gate"])
        self._names = NameBook(from_plain(state["names"], Names))
        self._open = [from_plain(state["open"], EventColumns)]
        self._families.restore(state["families"])


def _from(rows: EventColumns, offset: int) -> EventColumns:
    return rows.take(rows.offset >= offset)


def _present(pane: NDArray[np.int64], stop: int) -> list[int]:
    return np.unique(pane[pane < stop]).tolist()  # type: ignore[no-any-return] # numpy's stub
