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
from analyzer.core.contracts.events import NAMED_OBJECTS, EventColumns
from analyzer.core.contracts.gate import Gate
from analyzer.core.contracts.pane_columns import concat
from analyzer.core.contracts.snapshot_codec import pack, restoring, unpack
from analyzer.core.contracts.step import StepOutput
from analyzer.core.kernels.group_by import in_time
from analyzer.core.kernels.hash_sampling import may_be_taken
from analyzer.core.kernels.interned_names import NameBook, Names

STATE_VERSION = 10
JOINED = 16
"""So many blocks of about one size are joined: the many small arrays of a crowded pane would tear
memory to pieces that nothing else fits into once it is closed."""


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
        self._let_go = 0
        """Bytes of names given up since a pane was closed last; they count as held, so that it
        changes nothing when they go."""
        self._crowded = config.max_name_bytes
        """Bytes of names from which on those that nobody will need are looked for."""
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
        rows = rows.take(~too_late)  # copies, so that the block they came in need not be held
        if len(rows):
            room = self._config.max_name_bytes - self._let_go
            self._names.add_within(rows.names, room, rows.account)
            self._open.append(replace(rows, names=Names()))
            while len(self._open) >= JOINED and len(self._open[-JOINED]) < 4 * len(self._open[-1]):
                self._open[-JOINED:] = [EventColumns.concat(self._open[-JOINED:])]
            self._crowd_out_names()
        return late

    def _seal(self, counts: Counter[str]) -> list[PaneBlock]:
        sealed = self._gate.opened()
        if sealed is None:
            return []
        start, stop = sealed
        tables = []
        panes = self._take_out(stop)
        for number in list(panes):
            received = len(panes[number])
            # Nobody but `summarise` holds the rows, so that it can let go of them as it goes on.
            tables.append(summarise(number, self._counted(panes.pop(number)), self._names))
            counts["duplicates"] += received - int(tables[-1].org_requests.sum())
        if self._names.size + self._let_go > self._config.max_name_bytes:
            account, counted = self._may_be_counted()
            self._forget_names(account[counted])
            self._let_go = 0
        return [PaneBlock(self._shard, start, stop, concat(tables))]

    def _take_out(self, stop: int) -> dict[int, EventColumns]:
        """The rows of each pane before ``stop``, which are no longer open."""
        rows = EventColumns.concat(self._open)
        pane = rows.ts_ms // self._config.pane_ms
        self._open = [rows.take(np.flatnonzero(pane >= stop))]
        return {
            number: rows.take(np.flatnonzero(pane == number)) for number in _present(pane, stop)
        }

    def _counted(self, rows: EventColumns) -> EventColumns:
        """The rows of a pane that count, in their canonical order and with their families."""
        own = np.flatnonzero(~given_up(rows.event, rows.account, rows.output_tokens))
        content = content_keys(rows, own)
        order = in_time(rows.ts_ms[own], rows.event[own], content)
        own = own[order[first_of_each(content[order])]]
        rows = self._families.name(rows.take(own))
        self._seen(rows, self._names)
        return rows

    def _crowd_out_names(self) -> None:
        """Hold no names of accounts that can't be counted, each time that names have doubled."""
        before = self._names.size
        if before <= self._crowded:
            return
        account, counted = self._may_be_counted()
        if not counted.all():
            self._forget_names(account[counted])
            self._let_go += before - self._names.size
        self._crowded = max(self._config.max_name_bytes, 2 * self._names.size)

    def _may_be_counted(self) -> tuple[NDArray[np.uint64], NDArray[np.bool_]]:
        """Account of each open row, and whether it may be new to the step that counts it."""
        account, org, ts_ms = (
            np.concatenate([getattr(part, name) for part in self._open])
            for name in ("account", "org", "ts_ms")
        )
        pane, counted = ts_ms // self._config.pane_ms, np.zeros(len(account), np.bool_)
        for number in np.unique(pane):
            own = pane == number
            counted[own] = may_be_taken(account[own], org[own], self._config.max_accounts)
        return account, counted

    def _forget_names(self, accounts: NDArray[np.uint64]) -> None:
        """Keep the names of these accounts and of the objects in open rows."""
        objects = [getattr(part, name) for part in self._open for name in NAMED_OBJECTS]
        self._names = NameBook(self._names.once(accounts, *objects))

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
                "names_let_go": self._let_go,
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
        self._let_go = state["names_let_go"]
        self._open = [from_plain(state["open"], EventColumns)]
        self._families.restore(state["families"])


def _from(rows: EventColumns, offset: int) -> EventColumns:
    return rows.take(rows.offset >= offset)


def _present(pane: NDArray[np.int64], stop: int) -> list[int]:
    return np.unique(pane[pane < stop]).tolist()  # type: ignore[no-any-return] # numpy's stub
