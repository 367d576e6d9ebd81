"""One worker of the simulation: the real owners over the broker in memory."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Coroutine, Mapping
from typing import Any

from aiokafka.errors import KafkaTimeoutError
from faust.types import TP

from analyzer.kafka_metadata import TopicState
from analyzer.ops.broker_silence import BrokerSilence
from analyzer.settings import Settings
from analyzer.stream.health.stall_detector import StallDetector, save_forever, tick_forever
from analyzer.stream.health.topic_watch import TopicWatch
from analyzer.stream.owners.assignment import Owner, Ownership
from analyzer.stream.owners.context import BadShare, Context
from analyzer.stream.topics.catalog import Layout
from analyzer.stream.transport.same_topic import SameTopic
from analyzer.testing.simulation.memory_broker import MemoryBroker

STEP_S = 0.03
"""Mean time that a request to the broker takes."""
IDLE_S = 0.4
PART_BYTES, PAGE_BYTES = 300, 400
"""Small, so that blocks travel in parts and snapshots have pages."""

MakeOwners = Callable[[Context], Callable[[TP, int], Owner]]


class SimWorker:
    """A process (implements ``ConsumerPort``).

    Parameters
    ----------
    number
        As the group knows it; a worker that is started again has another one.
    send_errors
        How often a write fails although it may have been done, as a share.
    """

    def __init__(
        self,
        number: int,
        broker: MemoryBroker,
        settings: Settings,
        layout: Layout,
        make_owners: MakeOwners,
        *,
        send_errors: float,
    ) -> None:
        self.number, self.broker = number, broker
        self.send_errors = send_errors
        self.error: Exception | None = None
        self.dead = False
        self.clock_ahead_s = 0.0
        self.thawed = asyncio.Event()
        self.thawed.set()
        self._rng = broker.rng
        self._generation = 0
        self._positions: dict[TP, int] = {}
        self._unsent: dict[TP, deque[tuple[bytes | None, bytes | None, asyncio.Future[None]]]] = {}
        self._refused: set[TP] = set()
        self._tasks: set[asyncio.Task[Any]] = set()
        loop = asyncio.get_running_loop()
        self.context = Context(
            settings=settings,
            layout=layout,
            consumer=self,
            same_topic=SameTopic(self, layout.id_of(settings.topics.requests)),
            send=self.send,
            clock=lambda: loop.time() + self.clock_ahead_s,
            bad_share=BadShare(1.0),
            read=self.read_on,
            part_bytes=PART_BYTES,
            page_bytes=PAGE_BYTES,
        )
        self.ownership = Ownership(make_owners(self.context))
        silence = BrokerSilence(self.context.clock, "memory")
        for work in (
            self._follow_group(),
            save_forever(self.context, self.ownership),
            tick_forever(self.context, self.ownership),
            StallDetector(self.context, self.ownership, silence).forever(),
            TopicWatch(self.context).forever(),
        ):
            self._start(work)

    def kill(self) -> None:
        """SIGKILL: nothing of it happens any more."""
        self.dead = True
        for task in self._tasks:
            task.cancel()

    async def terminate(self) -> None:
        """SIGTERM: save, then go."""
        try:
            await self.ownership.release()
        except Exception as error:  # noqa: BLE001 - as the guard does
            self.error = error
        self.kill()

    def _start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        async def guarded() -> None:
            try:
                await work
            except Exception as error:  # noqa: BLE001 - any error ends the worker
                if not self.dead:
                    self.error, self.ownership.broken = error, True
                    self.kill()

        task = asyncio.ensure_future(guarded())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(lambda _: work.close())  # if it was killed before it began
        return task

    async def step(self, mean_s: float = STEP_S) -> None:
        """What every request takes; a dead worker never gets an answer."""
        await asyncio.sleep(self._rng.exponential(mean_s))
        await self.thawed.wait()
        if self.dead:
            await asyncio.Event().wait()

    async def _follow_group(self) -> None:
        fetching: list[asyncio.Task[None]] = []
        while True:
            await self.step(IDLE_S / 2)
            if self._is_up_to_date():
                continue
            for task in fetching:
                task.cancel()
            await self.ownership.release()
            if self._is_up_to_date():
                continue
            self._generation = generation = self.broker.generation
            share = self.broker.shares[self.number]
            self._positions = dict(await self.ownership.open(set(share), generation))
            topics = sorted({tp.topic for tp in share})
            fetching = [self._start(self._fetch(topic, generation)) for topic in topics]

    def _is_up_to_date(self) -> bool:
        """Whether the group has nothing new for us."""
        broker = self.broker
        return self.number not in broker.shares or broker.generation == self._generation

    async def _fetch(self, topic: str, generation: int) -> None:
        while self._generation == generation:
            moved = False
            for tp in sorted(tp for tp in self._positions if tp.topic == topic):
                moved |= await self._fetch_one(tp)
            await (self.step() if moved else asyncio.sleep(IDLE_S))

    async def _fetch_one(self, tp: TP) -> bool:
        """One fetch; it may bring again what it has brought, or be lost on its way."""
        start, fate = self._positions[tp], self._rng.random()
        if fate < 0.05:
            start = max(0, start - int(self._rng.integers(1, 5)))
        records = self.broker.fetch(tp, start, int(self._rng.integers(1, 60)))
        if records is None:
            return False
        self._positions[tp] = max(records.stop, self._positions[tp])
        await self.step()
        if fate < 0.97:
            await self.ownership.take(records)
        return True

    def assignment(self) -> Collection[TP]:
        """What is ours."""
        return set(self._positions)

    async def seek_all(self, offsets: Mapping[TP, int]) -> None:
        """Go on there."""
        await self.step()
        self._positions.update(offsets)

    async def commit_upto(self, offsets: Mapping[TP, tuple[int, str]], generation: int) -> bool:
        """Refused if the group has moved on."""
        await self.step()
        if generation != self.broker.generation or self.number not in self.broker.shares:
            return False
        self.broker.committed.update(offsets)
        await self.step()
        return True

    async def committed(self, tp: TP) -> tuple[int, str] | None:
        """What was committed."""
        await self.step()
        return self.broker.committed.get(tp)

    async def bounds(self, tp: TP) -> tuple[int, int]:
        """First offset and end."""
        await self.step()
        return 0, self.broker.log(tp).end

    async def ends(self, tps: Collection[TP]) -> dict[TP, int]:
        """Ends."""
        await self.step()
        return {tp: self.broker.log(tp).end for tp in tps}

    async def topic_id(self, tp: TP) -> str:
        """What it is now."""
        await self.step()
        return self.broker.topics[tp.topic]

    async def topics(self, names: Collection[str]) -> dict[str, TopicState]:
        """The ids; as many partitions as they are asked for."""
        await self.step()
        counts = self.context.layout.partitions
        return {name: TopicState(self.broker.topics[name], counts[name]) for name in names}

    async def members(self) -> dict[str, str]:
        """Not asked here."""
        return {}

    async def read_on(
        self, tp: TP, start: int | None, /, *, once: bool = False
    ) -> tuple[list[Any], int]:
        """All records from there on, or the first of them."""
        await self.step()
        log = self.broker.log(tp)
        return list(log.since(start or 0))[: 1 if once else None], log.end

    async def send(
        self, topic: str, partition: int | None, key: bytes | None, value: bytes | None
    ) -> Awaitable[object]:
        """Write, in the order of the calls; the answer may be an error although it was done."""
        tp = TP(topic, partition or 0)
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[None] = loop.create_future()
        self._unsent.setdefault(tp, deque()).append((key, value, answer))
        loop.call_later(self._rng.exponential(STEP_S), self._write, tp)
        return answer

    def _write(self, tp: TP) -> None:
        """What waits longest is written, whichever's turn it is; nothing after an error."""
        if self.dead:
            return
        if not self.thawed.is_set():
            asyncio.get_running_loop().call_later(STEP_S, self._write, tp)
            return
        key, value, answer = self._unsent[tp].popleft()
        fate = self._rng.random()
        refused = tp in self._refused
        if not refused and fate >= self.send_errors / 2:
            self.broker.log(tp).append(key, value)
        if refused or fate < self.send_errors:
            self._refused.add(tp)
        if answer.cancelled():
            return
        if tp in self._refused:
            answer.set_exception(KafkaTimeoutError())
            answer.exception()  # whoever waits for it is told
        else:
            answer.set_result(None)
