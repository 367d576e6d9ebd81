"""Requests of accounts, read once more in the traffic itself, as the account step counts them.

An alert says how much, not when, on what and with whom. Nothing of that is kept while streaming,
so whoever asks pays for it: the sources that a replay has read are read again, through ingest and
the account step, so that duplicates, lateness and template families are those of the replay.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from analyzer.core.contracts.events import EventColumns
from analyzer.core.contracts.hashing import block_name
from analyzer.core.kernels.interned_names import NameBook
from analyzer.core.pipeline import Pipeline, Sharding
from analyzer.formats.reader import reader_of
from analyzer.replay.opening import open_sources
from analyzer.replay.sources import in_turn
from analyzer.settings import Settings

OBJECTS = {
    "prompt template": "template", "address block": "block", "card": "payment",
    "TLS fingerprint": "tls", "client": "agent", "model": "model",
}  # fmt: skip
"""What members can have in common, and the column that holds it."""


@dataclass
class Traffic:
    """Requests of some accounts, in the order of time."""

    rows: EventColumns
    names: dict[int, str] = field(default_factory=dict)
    """Text of hashes that occur."""

    def text(self, column: str, hash_: int) -> str:
        """What people call an object or an account; "" for none."""
        if not hash_:
            return ""
        if column == "block":
            return block_name(hash_)
        if column == "template":
            return self.names.get(hash_) or f"family-{hash_:016x}"
        return self.names.get(hash_) or f"unnamed-{hash_:016x}"

    def of(self, accounts: set[str]) -> Traffic:
        """The requests of these accounts alone."""
        keys = [key for key, text in self.names.items() if text in accounts]
        mine = np.isin(self.rows.account, np.array(keys, np.uint64))
        return Traffic(self.rows.take(mine), self.names)


class _Gathered:
    """Keeps the rows of the accounts of these names, pane by pane."""

    def __init__(self, accounts: set[str]) -> None:
        self._accounts = accounts
        self._wanted: dict[int, bool] = {}
        self._rows: list[EventColumns] = []
        self._names: dict[int, str] = {}

    def take(self, rows: EventColumns, names: NameBook) -> None:
        keys = np.unique(rows.account)
        unknown = np.array([key not in self._wanted for key in keys.tolist()], np.bool_)
        told = names.of(keys[unknown]).as_dict()
        for key in keys[unknown].tolist():
            self._wanted[key] = told.get(key) in self._accounts
        wanted = keys[[self._wanted[key] for key in keys.tolist()]]
        mine = rows.take(np.isin(rows.account, wanted))
        if len(mine):
            self._rows.append(mine)
            columns = [getattr(mine, name) for name in ("account", *OBJECTS.values())]
            self._names |= names.of(np.unique(np.concatenate(columns))).as_dict()

    def done(self) -> Traffic:
        rows = EventColumns.concat(self._rows)
        order = np.argsort(rows.ts_ms, kind="stable")
        return Traffic(rows.take(order), self._names)


def traffic_of(sources: tuple[str, ...], accounts: set[str], settings: Settings) -> Traffic:
    """Read these sources and keep the requests of these accounts."""
    opened = open_sources(sources, settings)
    pipeline = Pipeline(settings.core, Sharding(tuple(source.name for source in opened)))
    pipeline.understand(reader_of(settings.formats, settings.core.max_record_bytes))
    gathered = _Gathered(accounts)
    for step in pipeline.steps["account"]:
        step.look_on(gathered.take)
    batches = {number: source.batches() for number, source in enumerate(opened)}
    for number, batch in in_turn(batches, pipeline.watermark_ms):
        pipeline.gather(pipeline.read(number, batch and batch[0]).made)
    return gathered.done()
