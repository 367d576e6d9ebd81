"""What goes on beside the agents: saving, idle partitions, and the watch for standstill."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from dataclasses import dataclass, field

import structlog
from aiokafka.errors import KafkaError
from faust.exceptions import ConsumerNotStarted
from faust.types import TP

from analyzer.errors import Broken
from analyzer.ops import metrics
from analyzer.ops.broker_silence import BrokerSilence
from analyzer.stream.owners.assignment import Owner, Ownership
from analyzer.stream.owners.context import Context
from analyzer.stream.topics.catalog import agents

log = structlog.get_logger("analyzer.stream")

SAVE_CHECK_S = 0.25
TICK_S = 1.0
WATCH_S = 2.0
ANSWER_WITHIN_S = 10.0
PAUSED_S = 2 * (WATCH_S + ANSWER_WITHIN_S)
"""A look that comes so much later than the one before says nothing of the owners."""
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
class StallDetector:
    """Notices an owner that stands still although records wait for it.

    Faust consumers are known to go silent now and then; a supervisor starts the process
    again if it ends.
    """

    context: Context
    ownership: Ownership
    silence: BrokerSilence
    _moved: dict[TP, tuple[int, float]] = field(default_factory=dict)
    """Where each owner stood when it last moved or had nothing to read, and when that was."""
    _standing: tuple[float, str] = (0.0, "")
    """For how long the owner stands that stands longest, in seconds, and which it is."""
    _unsaved: dict[TP, float] = field(default_factory=dict)
    """Since when each owner is due to be saved, of those that are and of whom the broker tells."""
    _looked_at: float = 0.0
    _empty_since: float | None = None
    _unopened_since: float | None = None

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
            await self.look_at_owners()

    async def opening(self) -> None:
        """See to it that what was assigned is opened; runs from before the first assignment.

        Raises
        ------
        Broken
            If partitions were assigned for too long and none was opened.
        """
        while True:
            await asyncio.sleep(WATCH_S)
            self.look_at_opening()

    def look_at_opening(self) -> None:
        """One look; see :meth:`opening`."""
        now = self.context.clock()
        try:
            assigned = self.context.consumer.assignment()
        except ConsumerNotStarted:  # a slow broker
            assigned = ()
        if self.ownership.owners or not assigned:
            self._unopened_since = None
        elif self._unopened_since is None:
            self._unopened_since = now
        elif now - self._unopened_since >= self._limit_s:
            raise Broken(f"partitions were assigned but not opened for {self._limit_s:.0f} s")

    def unhealthy(self) -> str | None:
        """What stands still, from half of the time that is allowed; None if nothing does."""
        standing_s, what = self._standing
        return what if standing_s >= self._limit_s / 2 else None

    def unready(self) -> str | None:
        """What keeps this worker from taking events; None if nothing does."""
        if self.ownership.broken:
            return "the worker is going down"
        if not self.ownership.owners:
            return "no partitions are assigned and restored"
        return self.silence.unready()

    async def broker_answers(self, within_s: float) -> bool:
        """Ask the broker something now."""
        try:
            async with asyncio.timeout(within_s):
                await self.context.consumer.topics([self.context.settings.topics.requests])
        except (TimeoutError, KafkaError, ConsumerNotStarted):
            return False
        return True

    @property
    def _limit_s(self) -> float:
        return self.context.settings.worker.stuck_after_s

    def _look_at_assignment(self) -> None:
        now = self.context.clock()
        if self.ownership.owners:
            self._empty_since = None
        elif self._empty_since is None:
            self._empty_since = now
        elif now - self._empty_since > NOTHING_AFTER_S:
            log.warning("no partitions are assigned: more workers than partitions?")
            self._empty_since = now

    async def look_at_owners(self) -> None:
        """Tell the lag of each owner, and whether it moves and is saved.

        Raises
        ------
        Broken
            If a partition has stood still or has not been saved for too long.
        """
        owners = dict(self.ownership.owners)
        ends = await self._ends(owners)
        before, self._looked_at = self._looked_at, self.context.clock()
        now = self._looked_at
        if now - before > PAUSED_S:
            ends = {}  # the process was stopped or computed, and nobody could move
        for tp in set(self._moved) - set(owners):
            self.context.meter.forget(*self._labels(tp))
        self._moved = {
            tp: self._last_move(owner, ends.get(tp), now) for tp, owner in owners.items()
        }
        self._unsaved = {
            tp: self._unsaved.get(tp, now)
            for tp, owner in owners.items()
            if tp in ends and (owner.closed or owner.due(now))
        }
        standing = [(now - since, _tell(tp, at, ends)) for tp, (at, since) in self._moved.items()]
        standing += [
            (now - since, f"{tp.topic}/{tp.partition} is not saved although the broker answers")
            for tp, since in self._unsaved.items()
        ]
        self._standing = max(standing, default=(0.0, ""))
        if self._standing[0] >= self._limit_s:
            raise Broken(self._standing[1])

    async def _ends(self, owners: Collection[TP]) -> dict[TP, int]:
        """The log's end of each owner; of none if the broker does not answer: no standstill."""
        if not owners:
            return {}
        self.silence.asked()
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                ends = await self.context.consumer.ends(owners)
        except (TimeoutError, KafkaError):
            return {}
        self.silence.answered()
        return ends

    def _last_move(self, owner: Owner, end: int | None, now: float) -> tuple[int, float]:
        at = owner.next
        if end is not None:
            waiting = max(0, end - at)
            step, partition = self._labels(owner.tp)
            self.context.meter.set(metrics.LAG, waiting, step=step, partition=partition)
            before = self._moved.get(owner.tp)
            if waiting and not owner.closed and before is not None and before[0] == at:
                return before
        return at, now

    def _labels(self, tp: TP) -> tuple[str, str]:
        steps = {topic: name for name, topic in agents(self.context.settings).items()}
        return steps.get(tp.topic, tp.topic), str(tp.partition)


def _tell(tp: TP, at: int, ends: dict[TP, int]) -> str:
    return f"{tp.topic}/{tp.partition} stands still at {at} although the log ends at {ends.get(tp)}"
