"""A worker whose account step only counts: what it has in the end must be exact.

Run as ``python counting_worker.py``; settings come from the environment, as for the real one.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import msgspec
from faust.types import TP

from analyzer.core.contracts.blocks import CohortBlock, EventBlock, PaneBlock
from analyzer.core.contracts.gate import Seen
from analyzer.core.contracts.step import StepOutput
from analyzer.core.pipeline import KINDS
from analyzer.errors import AnalyzerError, StateError
from analyzer.settings import Settings
from analyzer.stream.owners.assignment import Owner
from analyzer.stream.owners.catalog import live_step
from analyzer.stream.owners.context import Context
from analyzer.stream.owners.ingest import IngestOwner
from analyzer.stream.owners.outbox import Outbox
from analyzer.stream.owners.shard import LiveStep, StepOwner
from analyzer.stream.run import work


class CountingStep:
    """Counts events and adds up their times."""

    def __init__(self) -> None:
        self.seen = Seen()
        self.events = 0
        self.total = 0
        self.ballast = bytes(600_000)

    def feed(self, block: Any) -> StepOutput[Any]:
        """Count what is new."""
        source = f"{getattr(block, 'origin', '')}/{block.source}"
        start = self.seen.first_new(source, block.start, block.stop)
        if start is not None:
            new = block.rows.offset >= start
            self.events += int(new.sum())
            self.total += int(block.rows.output_tokens[new].sum())
        return StepOutput()

    def snapshot(self) -> bytes:
        """Counts, gate, and some pages of ballast."""
        state = [self.seen.stops, self.events, self.total, self.ballast]
        return msgspec.msgpack.encode(state)

    def restore(self, data: bytes) -> None:
        """Become that state."""
        try:
            stops, self.events, self.total, self.ballast = msgspec.msgpack.decode(data)
        except msgspec.DecodeError as error:
            raise StateError(str(error)) from error
        self.seen = Seen(stops)


async def nowhere(_outbox: Outbox, _found: Any) -> None:
    """Send nothing."""


def counting_owners(context: Context) -> Callable[[TP, int], Owner]:
    """The real owner for raw partitions, counting ones for the rest."""
    names = context.settings.topics
    found = {
        names.account: ("account", EventBlock),
        names.cohort: ("cohort", PaneBlock),
        names.campaign: ("campaign", CohortBlock),
    }
    ingest = live_step(context, KINDS["ingest"])

    def make(tp: TP, generation: int) -> Owner:
        if tp.topic == names.requests:
            return IngestOwner(context, ingest, tp, generation)
        name, block = found[tp.topic]
        kind = LiveStep(name, (block,), lambda _shard: CountingStep(), nowhere)
        return StepOwner(context, kind, tp, generation)

    return make


if __name__ == "__main__":
    try:
        work(Settings.load(), counting_owners, skip_lost="--skip-lost" in sys.argv)
    except AnalyzerError as error:  # as the command line does
        sys.exit(str(error))
