"""The owner of one shard of account, cohort or campaign: blocks in, blocks or records out.

The step's state and the offset it goes on from are saved as one snapshot; a commit pinned
to the consumer generation decides whether it counts.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any, Protocol

import structlog
from aiokafka.errors import KafkaError
from faust.types import TP

from analyzer.core.contracts import blocks
from analyzer.core.contracts.step import Step, StepOutput
from analyzer.core.ingest.dead_letters import dead_letter
from analyzer.errors import BadRecord, Broken, HoleError, OtherSettingsError, StateError
from analyzer.kafka_metadata import NO_ID
from analyzer.ops import metrics
from analyzer.stream.owners.context import Context
from analyzer.stream.owners.dead_letters import set_aside
from analyzer.stream.owners.outbox import Outbox
from analyzer.stream.owners.save_pace import SavePace
from analyzer.stream.owners.step_metrics import count
from analyzer.stream.state.kafka_log import KafkaLog
from analyzer.stream.state.snapshots import SnapshotStore
from analyzer.stream.topics.catalog import snapshot_topic
from analyzer.stream.transport.fetches import Records
from analyzer.stream.transport.message_chunks import Assembler, kind_of
from analyzer.stream.transport.position import SKIP_LOST, Reading

log = structlog.get_logger("analyzer.stream")


class Listener(Protocol):
    """A second topic that a step listens to, beside its blocks."""

    async def fetch(self, step: Any, /) -> Any:
        """What the step has not heard, or something false; waits for the broker, may raise."""

    async def give(self, step: Any, outbox: Outbox, heard: Any, /) -> None:
        """Pass it to the step, which must remember in its snapshot how far it has heard."""


Forward = Callable[[Outbox, Iterable[Any]], Awaitable[None]]
"""Sends what a step made of one block to where it belongs."""


@dataclass(frozen=True, slots=True)
class LiveStep:
    """One kind of step as the live worker runs it."""

    name: str
    takes: tuple[type, ...]
    """Types of the blocks that it is fed."""
    make: Callable[[int], Any]
    """A blank step for a shard."""
    forward: Forward
    listener: Callable[[Context], Listener] | None = None


class StepOwner:
    """One shard while it is ours (implements :class:`~analyzer.stream.owners.assignment.Owner`)."""

    def __init__(self, context: Context, kind: LiveStep, tp: TP, generation: int) -> None:
        self.tp = tp
        self.generation = generation
        self.closed = False
        self._context = context
        self._kind = kind
        self._step: Step = kind.make(tp.partition)
        self._listener = kind.listener(context) if kind.listener else None
        self._stamp = context.settings.stamp
        self._outbox = Outbox(context.send, part_bytes=context.part_bytes)
        self._assembler = Assembler()
        self._lock = asyncio.Lock()
        self._saving = asyncio.Lock()
        self._dirty = False
        self._saved_at = context.clock()
        self._pace = SavePace(context.settings.worker.snapshot_every_s)

    @property
    def next(self) -> int:
        """Next offset to read."""
        return self._reading.next

    @property
    def cover(self) -> int:
        """Offset that a snapshot would cover now; below the next where a block is incomplete."""
        return self._assembler.cover(self.next)

    async def open(self) -> None:
        """Restore the best snapshot and find where to go on."""
        context, began = self._context, self._context.clock()
        topic = snapshot_topic(context.settings, self._kind.name)
        at = (topic, self.tp.partition)
        kafka_log = KafkaLog(context.settings, context.send, *at, context.read_on)
        topic_id = context.layout.id_of(self.tp.topic)
        self._store = SnapshotStore(
            kafka_log, topic_id=topic_id, stamp=self._stamp, page_bytes=context.page_bytes
        )
        start = await self._restore(topic_id)
        if start is None:
            start = 0
        else:
            # Whoever wrote this snapshot may have died before its commit, and if nothing comes
            # after it, nobody else would ever commit it.
            committed = await context.consumer.committed(self.tp)
            self._dirty = committed is None or committed[0] != start
        self._reading = Reading(context.consumer, self.tp, start, skip_lost=context.skip_lost)
        await self._check_next(await self._check_log())
        context.meter.set(metrics.RESTORE, context.clock() - began, **self._labels)
        context.meter.follow(metrics.SNAPSHOT_AGE, self._unsaved_s, **self._labels)
        if self._listener is not None:
            await self._hear(await self._listener.fetch(self._step))

    async def _check_log(self) -> int:
        """See that the log still has what comes next, though nothing may come for a while.

        Returns
        -------
        int
            Its end.
        """
        first, end = await self._context.consumer.bounds(self.tp)
        if first > self.next:
            self._reading.lost(first)
            self._reading.next, self._dirty = first, True
        elif self._context.layout.tells_ends and self.next > end:
            raise Broken(
                f"{self.tp.topic}/{self.tp.partition}: the log ends at {end}, before {self.next}, "
                "up to where it was read: the broker has lost records that it had confirmed; set "
                "another ANALYZER_APP_ID and new names for the internal topics, to count anew what "
                f"{self._context.settings.topics.requests} holds"
            )
        return end

    async def _check_next(self, end: int) -> None:
        """See that the next block is one of ours, before any owner sends anything.

        Else a worker of another release that stops at it would leave blocks of its own behind,
        which stop the workers before that go on.
        """
        if self._context.skip_lost or self.next >= end:
            return
        records, _ = await self._context.read_on(self.tp, self.next, once=True)
        assembler = Assembler()
        for record in records:
            try:
                data = assembler.feed(record.offset, record.value or b"")
                if data is not None:
                    blocks.decode(data, *self._kind.takes, stamp=self._stamp)
                    return
            except StateError:
                continue  # set aside when it is taken
            except OtherSettingsError as error:
                raise self._refusal(record.offset, error) from error

    async def _restore(self, topic_id: str) -> int | None:
        """The cover of the restored state; None: there is none, so that no record may be gone."""
        try:
            restored = await self._store.load(self._step.restore)
        except StateError as error:
            log.error(  # noqa: TRY400 - the sentence says it all
                "state can't be read; rebuilding from what the topic still holds",
                shard=str(self.tp),
                reason=str(error),
            )
            self._step = self._kind.make(self.tp.partition)
            return (await self._context.consumer.bounds(self.tp))[0]
        except OtherSettingsError as error:
            snapshots = self._context.settings.topics.snapshots
            raise OtherSettingsError(
                f"{snapshots}.{self._kind.name}/{self.tp.partition}: {error}: put them back; or "
                f"{self._anew}"
            ) from error
        if restored is None:
            return None
        if NO_ID not in {restored.topic_id, topic_id} and restored.topic_id != topic_id:
            log.error("source topic was created anew; reading it from its start", shard=self.tp)
            return None
        return restored.cover

    async def take(self, records: Records) -> None:
        """Feed the step block by block and send what it gives."""
        async with self._lock:
            new = None if self.closed else await self._reading.admit(records)
            if new is None:
                return
            for offset, value in zip(new.offsets.tolist(), new.values, strict=True):
                block = await self._block(offset, value)
                if block is not None:
                    await self._feed(block)
                self._reading.next = offset + 1
                self._dirty = True
            self._reading.next = new.stop

    async def _block(self, offset: int, value: bytes) -> Any:
        """The block that this record completes, or None.

        What is no block is set aside. If it stood in the place of one, the next block of that
        source leaves a hole, and the step stops.
        """
        try:
            data = self._assembler.feed(offset, value)
            if data is None:
                return None
            return blocks.decode(data, *self._kind.takes, stamp=self._stamp)
        except StateError as error:
            bad = BadRecord("wrong_type", str(error))
            core = self._context.settings.core
            letter = dead_letter(bad, value, self.tp.topic, self.tp.partition, offset, core)
            log.error("a record is no block", place=f"{self.tp.topic}/{offset}", why=str(error))  # noqa: TRY400 - the record is wrong, not we: no traceback
            await set_aside(self._context, self._outbox, letter)
            return None
        except OtherSettingsError as error:
            if not self._context.skip_lost:
                raise self._refusal(offset, error) from error
            place = f"{self.tp.topic}/{self.tp.partition}, offset {offset}"
            log.error("a block of other settings is passed over", place=place)  # noqa: TRY400 - as above
            self._context.meter.add(metrics.LOST, step=self._kind.name)
            return None

    def _refusal(self, offset: int, error: OtherSettingsError) -> OtherSettingsError:
        """What to do about a block that was made otherwise."""
        return OtherSettingsError(
            f"{self.tp.topic}/{self.tp.partition}, offset {offset}: a block was {error}: make "
            "release and [core] equal in all workers (`analyzer config`), then start once with "
            f"{SKIP_LOST} to go on without such blocks; or {self._anew}"
        )

    async def _feed(self, block: Any) -> None:
        output = self._output_of(block)
        await self._kind.forward(self._outbox, output.made)
        self._assembler.delivered(kind_of(block), block.source, block.stop)
        count(self._context.meter, output)
        await asyncio.sleep(0)

    def _output_of(self, block: Any) -> StepOutput[Any]:
        """What the step makes of a block; rows before it may be missing if that is allowed."""
        try:
            return self._step.feed(block)
        except HoleError as hole:
            place = f"{self.tp.topic}/{self.tp.partition}"
            if not self._context.skip_lost:
                text = f"{place}: {hole}: the broker deleted them before they were read, or the"
                raise HoleError(
                    f"{text} offsets of group {self._context.settings.app_id} were moved; start "
                    f"once with {SKIP_LOST} to go on without them"
                ) from hole
            log.error("rows lost", place=place, detail=str(hole))  # noqa: TRY400 - as above
            self._context.meter.add(metrics.LOST, step=self._kind.name)
            if hole.seen is None:
                return StepOutput()
            return self._step.feed(replace(block, start=hole.seen))

    async def save(self) -> None:
        """Cut, wait for all blocks below the cut, write, commit, and only then clean up."""
        async with self._saving:
            async with self._lock:
                self._saved_at = began = self._context.clock()
                if self.closed or not self._dirty:
                    return
                state, cover = self._step.snapshot(), self.cover
                self._pace.cut_took(self._context.clock() - began)
                sent = self._outbox.taken()
                self._dirty = False
            await asyncio.gather(*sent)
            manifest = await self._store.save(state, cover)
            commit = self._context.consumer.commit_upto
            if await commit({self.tp: (cover, "")}, self.generation):
                await self._store.retire(manifest)
            else:
                self.closed = True
            self._context.meter.add(metrics.SNAPSHOTS, step=self._kind.name)
            self._context.meter.set(metrics.SNAPSHOT_BYTES, len(state), **self._labels)

    @property
    def _anew(self) -> str:
        """What to do to begin again."""
        return (
            f"to count anew what {self._context.settings.topics.requests} holds, set another "
            "ANALYZER_APP_ID and new names for topics.account, topics.cohort, topics.campaign and "
            "topics.snapshots, and start with --create-topics"
        )

    @property
    def _labels(self) -> dict[str, str]:
        return {"step": self._kind.name, "partition": str(self.tp.partition)}

    def _unsaved_s(self) -> float:
        return self._context.clock() - self._saved_at

    def due(self, now: float) -> bool:
        """Whether it is time to save."""
        return now - self._saved_at >= self._pace.pause_s

    async def tick(self, now: float) -> None:  # noqa: ARG002 - the signature is Owner's
        """Listen to the second topic, if there is one."""
        if self._listener is None or self.closed:
            return
        try:
            heard = await self._listener.fetch(self._step)
        except KafkaError:
            return  # asked again at the next tick
        await self._hear(heard)

    async def _hear(self, heard: Any) -> None:
        async with self._lock:
            if heard and self._listener is not None and not self.closed:
                await self._listener.give(self._step, self._outbox, heard)
                self._dirty = True
