"""The outermost supervisor: an unexpected error ends the process, with nothing saved after it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable

import faust
import structlog

from analyzer.errors import AnalyzerError, Broken
from analyzer.ops import logs
from analyzer.ops.leaving import leave_soon
from analyzer.stream.owners.assignment import Ownership

log = structlog.get_logger("analyzer.stream")

EXIT_FAILED = 1


class Supervisor:
    """Turns any error into the end of the worker."""

    def __init__(self, app: faust.App, ownership: Ownership) -> None:
        self.error: BaseException | None = None
        self._app = app
        self._ownership = ownership

    async def run(self, work: Awaitable[object]) -> bool:
        """Await ``work``; False if it failed, and then the worker is going down."""
        try:
            await work
        except asyncio.CancelledError:
            if cancelled() or self._app.should_stop:
                raise
            await self.fail(Broken("a client of Kafka gave up a request of its own"))
            return False
        except Exception as error:  # noqa: BLE001 - the outermost supervisor of this adapter
            await self.fail(error)
            return False
        return True

    async def fail(self, error: BaseException) -> None:
        """Stop the worker with exit code 1; the next owner goes on from the last snapshot."""
        if self.error is not None:
            return
        self.error = error
        self._ownership.broken = True
        expected = isinstance(error, AnalyzerError)
        log.critical(
            "worker stops", reason=str(error) or repr(error), exc_info=None if expected else error
        )
        logs.hush()
        leave_soon(EXIT_FAILED)
        await self._app.crash(error)


def cancelled() -> bool:
    """Whether the CancelledError in hand was meant for this task.

    aiokafka raises one, too, where it gives up a request of its own, and so does its thread when it
    stops; a task that let the first pass would end without a word.
    """
    task = asyncio.current_task()
    return task is None or task.cancelling() > 0
