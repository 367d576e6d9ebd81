"""The live worker on the same topic, until it has done all the work that lies there.

Run as ``python -m analyzer.bench.live NAME EVENTS``; settings come from the environment.
``worker`` is the whole chain in one process; ``transport`` is the batched transport with
typed decoding and columns alone.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from faust.types import TP

from analyzer.bench.timing import Run, Stopwatch, tell
from analyzer.core.ingest.step import RawBatch
from analyzer.core.pipeline import KINDS
from analyzer.ops import logs, metrics
from analyzer.precompile import load_all
from analyzer.settings import Settings
from analyzer.stream.app import Live, OwnerMaker, make_app
from analyzer.stream.owners import catalog as kinds
from analyzer.stream.owners.assignment import Owner
from analyzer.stream.owners.context import Context
from analyzer.stream.run import leave, run
from analyzer.stream.topics import catalog as topics
from analyzer.stream.transport.fetches import Records
from analyzer.stream.transport.position import Reading

POLL_S = 0.05


class DecodingOwner:
    """Decodes and packs columns, and sends nothing (implements ``ownership.Owner``)."""

    def __init__(self, context: Context, tp: TP, generation: int) -> None:
        self.tp, self.generation, self.closed = tp, generation, False
        self._context = context
        self._step = KINDS["ingest"].make(context.settings.core, context.sharding, tp.partition)

    @property
    def next(self) -> int:
        """Next offset to read."""
        return self._reading.next

    @property
    def cover(self) -> int:
        """Nothing is committed."""
        return 0

    async def open(self) -> None:
        """Begin at the start of the log."""
        first, _ = await self._context.consumer.bounds(self.tp)
        self._reading = Reading(self._context.consumer, self.tp, first, skip_lost=True)

    async def take(self, records: Records) -> None:
        """Decode."""
        new = await self._reading.admit(records)
        if new is not None and len(new.values):
            self._step.feed(RawBatch(new.values, new.offsets, new.append_ms))
            self._context.meter.add(metrics.EVENTS, len(new.values))
            self._reading.next = new.stop

    async def save(self) -> None:
        """Keep nothing."""

    def due(self, now: float) -> bool:
        """Never."""
        return now < 0

    async def tick(self, now: float) -> None:
        """Do nothing by the clock."""


def _decoding(context: Context) -> Callable[[TP, int], Owner]:
    return lambda tp, generation: DecodingOwner(context, tp, generation)


PROGRAMS: dict[str, tuple[str, OwnerMaker]] = {
    "worker": ("live worker, all four steps in one process", kinds.owner_maker),
    "transport": ("batched transport + typed decode + columns", _decoding),
}


async def _until_done(live: Live, name: str, events: int) -> Run:
    """Wait until every event is read and no internal topic has anything left."""
    watch, owners = Stopwatch(), live.ownership.owners
    while not live.ownership.owners:  # noqa: ASYNC110 - it is a measurement, not a wait
        await asyncio.sleep(0.01)
    watch.start()
    run = watch.run(name, events)
    idle = 0
    while idle < 2:  # twice in a row, so that a block between two topics is not missed
        await asyncio.sleep(POLL_S)
        if live.context.meter.read(metrics.EVENTS) < events:
            continue
        run = watch.run(name, events) if idle == 0 else run
        owners = live.ownership.owners
        ends = [(await live.context.consumer.bounds(tp))[1] for tp in owners]
        done = all(owner.next >= end for owner, end in zip(owners.values(), ends, strict=True))
        idle = idle + 1 if done else 0
    return run


def main(name: str, events: int) -> None:
    """Run one program and print its figures."""
    settings = Settings.load()
    logs.setup(settings)
    logging.disable(logging.INFO)
    title, owner_maker = PROGRAMS[name]
    layout = asyncio.run(topics.prepare(settings, create=False))
    load_all()  # as a worker does before it joins its group
    with tempfile.TemporaryDirectory(prefix="analyzer-bench-") as data:
        live = make_app(settings, layout, owner_maker=owner_maker, data=Path(data))

        async def measure() -> None:
            tell(await _until_done(live, title, events))
            leave(0)

        live.app.task(measure)
        code = run(live)
    leave(code)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
