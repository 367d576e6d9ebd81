"""A worker that stands still at its first event, for the tests of its health.

``python standing_worker.py waits``: for something that never comes; ``hangs``: and nothing else
of the process goes on either.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from faust.types import TP

from analyzer import logs
from analyzer.settings import Settings
from analyzer.stream import kinds, topics
from analyzer.stream.app import make_app
from analyzer.stream.context import Context
from analyzer.stream.ingest import IngestOwner
from analyzer.stream.ownership import Owner
from analyzer.stream.records import Records
from analyzer.stream.run import leave, run

FOREVER_S = 3_600.0


class StandingOwner(IngestOwner):
    """Takes nothing."""

    async def take(self, records: Records) -> None:
        """Stand still."""
        if sys.argv[1] == "hangs":
            time.sleep(FOREVER_S)  # noqa: ASYNC251 - this is the mistake that is to be seen
        await asyncio.sleep(FOREVER_S)
        await super().take(records)


def standing_owners(context: Context) -> Callable[[TP, int], Owner]:
    """Standing owners for raw partitions, real ones for the rest."""
    make = kinds.owner_maker(context)

    def make_standing(tp: TP, generation: int) -> Owner:
        if tp.topic == context.settings.topics.requests:
            return StandingOwner(context, tp, generation)
        return make(tp, generation)

    return make_standing


def main() -> None:
    """Run until SIGTERM."""
    settings = Settings.load()
    logs.setup(settings)
    layout = asyncio.run(topics.prepare(settings, create=False))
    with tempfile.TemporaryDirectory() as data:
        code = run(make_app(settings, layout, owner_maker=standing_owners, data=Path(data)))
    leave(code)


if __name__ == "__main__":
    main()
