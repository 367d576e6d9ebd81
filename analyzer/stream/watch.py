"""What goes on beside the agents: saving, idle partitions, and the watch for standstill."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import structlog
from aiokafka.errors import KafkaError
from faust.types import TP

from analyzer.errors import Broken
from analyzer.stream.context import Context
from analyzer.stream.ownership import Owner, Ownership

log = structlog.get_logger("analyzer.stream")

SAVE_CHECK_S = 0.25
TICK_S = 1.0
WATCH_S = 2.0
ANSWER_WITHIN_S = 10.0
STUCK_AFTER_S = 60.0
NOTHING_AFTER_S = 60.0


async def save_forever(context: Context, ownership: Ownership) -> None:
    """Save every owner when it is due, one after another."""
    while True:
        await asyncio.sleep(SAVE_CHECK_S)
        for owner in list(ownership.owners.values()):
            if owner.due(context.clock()) and not owner.closed:
                await owner.save()


async def tick_forever(context: Context, ownership: Ownership) -> None:
    """Let every owner look at the clock."""
    while True:
        await asyncio.sleep(TICK_S)
        for owner in list(ownership.owners.values()):
            await owner.tick(context.clock())


@dataclass(slots=True)
class Watch:
    """Notices an owner that stands still although records wait for it.

    Faust consumers are known to go silent now and then; a supervisor starts the process
    again if it ends.
    """

    context: Context
    ownership: Ownership
    stuck_after_s: float = STUCK_AFTER_S
    _moved: dict[TP, tuple[int, float]] = field(default_factory=dict)
    _empty_since: float | None = None

    async def forever(self) -> None:
        """Look every two seconds.

        Raises
        ------
        Broken
            If a partition has stood still for too long.
        """
        while True:
            await asyncio.sleep(WATCH_S)
            self._look_at_assignment()
            for owner in list(self.ownership.owners.values()):
                await self._look_at(owner)

    def _look_at_assignment(self) -> None:
        now = self.context.clock()
        if self.ownership.owners:
            self._empty_since = None
        elif self._empty_since is None:
            self._empty_since = now
        elif now - self._empty_since > NOTHING_AFTER_S:
            log.warning("no partitions are assigned: more workers than partitions?")
            self._empty_since = now

    async def _look_at(self, owner: Owner) -> None:
        now = self.context.clock()
        at, since = self._moved.get(owner.tp, (-1, now))
        if owner.next != at:
            self._moved[owner.tp] = owner.next, now
            return
        if now - since < self.stuck_after_s:
            return
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                _, end = await self.context.consumer.bounds(owner.tp)
        except (TimeoutError, KafkaError):
            return  # the broker does not answer: not our standstill
        if end <= owner.next:
            self._moved[owner.tp] = owner.next, now
        elif not owner.closed:
            raise Broken(f"{owner.tp} stands still at {owner.next} although the log ends at {end}")
