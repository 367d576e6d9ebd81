"""A worker that stands still at its first event, for the tests of its health.

``python standing_worker.py waits``: for something that never comes; ``hangs``: and nothing else
of the process goes on either; ``gives up``: as aiokafka does with a request that it has cancelled.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable

from faust.types import TP

from analyzer.core.pipeline import KINDS
from analyzer.settings import Settings
from analyzer.stream.owners.assignment import Owner
from analyzer.stream.owners.catalog import live_step, owner_maker
from analyzer.stream.owners.context import Context
from analyzer.stream.owners.ingest import IngestOwner
from analyzer.stream.run import work
from analyzer.stream.transport.fetches import Records

FOREVER_S = 3_600.0


class StandingOwner(IngestOwner):
    """Takes nothing."""

    async def take(self, records: Records) -> None:
        """Stand still."""
        if sys.argv[1] == "hangs":
            time.sleep(FOREVER_S)  # noqa: ASYNC251 - this is the mistake that is to be seen
        await asyncio.sleep(FOREVER_S)
        await super().take(records)

    async def tick(self, now: float) -> None:
        """Give up, if that is asked for."""
        if sys.argv[1] == "gives up":
            raise asyncio.CancelledError
        await super().tick(now)


def standing_owners(context: Context) -> Callable[[TP, int], Owner]:
    """Standing owners for raw partitions, real ones for the rest."""
    make, ingest = owner_maker(context), live_step(context, KINDS["ingest"])

    def make_standing(tp: TP, generation: int) -> Owner:
        if tp.topic == context.settings.topics.requests:
            return StandingOwner(context, ingest, tp, generation)
        return make(tp, generation)

    return make_standing


if __name__ == "__main__":
    work(Settings.load(), standing_owners)
