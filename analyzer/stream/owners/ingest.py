"""The owner of one raw partition: raw records in, one block to every account shard out.

Keeps no state but its position and its watermark; both travel in its offset commit.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace

import structlog
from aiokafka.errors import KafkaError
from faust.types import TP

from analyzer.core.contracts.blocks import EventBlock
from analyzer.core.contracts.event_time import NO_WATERMARK
from analyzer.core.contracts.step import StepOutput
from analyzer.core.ingest.dead_letters import CLOCK_REASONS
from analyzer.core.ingest.step import IngestStep, RawBatch
from analyzer.errors import Broken
from analyzer.formats.reader import reader_of
from analyzer.kafka_offsets import Log, Mark, place_of
from analyzer.ops import metrics
from analyzer.stream.owners.context import Context
from analyzer.stream.owners.dead_letters import set_aside
from analyzer.stream.owners.outbox import Outbox
from analyzer.stream.owners.shard import LiveStep
from analyzer.stream.owners.step_metrics import count
from analyzer.stream.transport.fetches import Records
from analyzer.stream.transport.position import Reading

log = structlog.get_logger("analyzer.stream")

FEED_BYTES = 4 * 1_048_576
"""Raw bytes given to the step at once, which bounds the size of the blocks."""
COMMIT_EVERY_S = 2.0


class IngestOwner:
    """One raw partition while it is ours (implements ``ownership.Owner``)."""

    def __init__(self, context: Context, kind: LiveStep, tp: TP, generation: int) -> None:
        self.tp = tp
        self.generation = generation
        self.closed = False
        self._context = context
        self._forward = kind.forward
        self._step: IngestStep = kind.make(tp.partition)
        settings = context.settings
        self._step.understand(reader_of(settings.formats, settings.core.max_record_bytes))
        self._outbox = Outbox(context.send, part_bytes=context.part_bytes)
        self._lock = asyncio.Lock()
        self._committed = -1
        self._saved_at = self._active_at = context.clock()
        self._idle = False

    @property
    def next(self) -> int:
        """Next offset to read."""
        return self._reading.next

    @property
    def cover(self) -> int:
        """Offset that a commit would cover now."""
        return self._step.position

    async def open(self) -> None:
        """Go on from the committed position and watermark, or from the start of the log."""
        context, tp = self._context, self.tp
        committed = await context.consumer.committed(tp)
        first, end = await context.consumer.bounds(tp)
        held = Log(first, end, self._topic_id, tells_end=context.layout.tells_ends)
        place = place_of(committed, held, skip_lost=context.skip_lost)
        if place.fatal:
            raise Broken(f"{tp.topic}/{tp.partition}: {place.fatal}")
        if place.note:
            log.warning(place.note, partition=f"{tp.topic}/{tp.partition}")
        ours = committed is not None and Mark.parse(committed[1]) is not None
        self._committed = place.position if ours and not place.note else -1
        mark = place.mark or Mark(NO_WATERMARK)
        known = None if mark.watermark_ms == NO_WATERMARK else mark.watermark_ms
        self._step.resume(place.position, known, mark.clock or None)
        self._reading = Reading(context.consumer, tp, place.position, skip_lost=context.skip_lost)
        if place.lost_to is not None:
            self._reading.lost(place.lost_to)
            await self._pass_over(place.lost_to)
        elif context.skip_lost and not ours:
            await self._pass_over(place.position)

    async def take(self, records: Records) -> None:
        """Feed the step and send what it gives, if it is of the topic that we know."""
        await self._context.same_topic.confirm(self.tp)
        async with self._lock:
            new = None if self.closed else await self._reading.admit(records)
            if new is None:
                return
            for piece in new.split(FEED_BYTES):
                if len(piece.values):
                    raw = RawBatch(piece.values, piece.offsets, piece.append_ms)
                    found = await asyncio.to_thread(self._step.look, raw)
                    await self._pass_on(self._step.feed(raw, found))
                self._reading.next = piece.stop
            if self._step.position < new.stop:  # it ends in what is no record
                await self._pass_over(new.stop)
            if len(new.append_ms) and self._step.watermark_ms != NO_WATERMARK:
                behind_s = (int(new.append_ms[-1]) - self._step.watermark_ms) / 1_000
                labels = {"step": "ingest", "partition": str(self.tp.partition)}
                self._context.meter.set(metrics.EVENT_TIME_LAG, behind_s, **labels)

    async def save(self) -> None:
        """Commit position and watermark, once everything sent has arrived."""
        async with self._lock:
            self._saved_at = self._context.clock()
            position, watermark_ms = self._step.position, self._step.watermark_ms
            if self.closed or position == self._committed:
                return
            clock = self._step.clock
            await self._outbox.flush()
        mark = str(Mark(watermark_ms, self._topic_id, clock))
        consumer = self._context.consumer
        if await consumer.commit_upto({self.tp: (position, mark)}, self.generation):
            self._committed = position
        else:
            self.closed = True

    def due(self, now: float) -> bool:
        """Whether it is time to save."""
        return now - self._saved_at >= COMMIT_EVERY_S

    async def tick(self, now: float) -> None:
        """Say once that nothing comes, if the log's end is reached and has been for a while."""
        after_s = self._context.settings.worker.idle_after_s
        if self._idle or now - self._active_at < after_s:
            return
        try:
            _, end = await self._context.consumer.bounds(self.tp)
        except KafkaError:
            return  # asked again at the next tick
        async with self._lock:
            if self.closed or self.next < end or self._context.clock() - self._active_at < after_s:
                return
            self._idle = True
            await self._pass_on(self._step.idle())

    async def _pass_on(self, output: StepOutput[EventBlock]) -> None:
        context = self._context
        if any(len(block.rows) for block in output.made):
            # a partition that gives nothing of use holds nobody back
            self._active_at, self._idle = context.clock(), False
        bad = Counter(d.reason for d in output.dead if d.reason not in CLOCK_REASONS)
        why = max(bad, key=lambda reason: bad[reason], default="")
        context.bad_share.count(received=output.count("events"), bad=bad.total(), why=why)
        count(context.meter, output)
        for letter in output.dead:
            await set_aside(context, self._outbox, letter)
        origin = context.origin
        made = [replace(block, origin=origin) for block in output.made]
        await self._forward(self._outbox, made)

    async def _pass_over(self, first: int) -> None:
        """Tell the next step that nothing comes of the offsets below ``first``."""
        step, at = self._step, self._step.position
        shards = self._context.settings.shards
        nothing = EventBlock(self.tp.partition, at, first, step.watermark_ms)
        await self._pass_on(StepOutput([nothing] * shards))
        step.position = self._reading.next = first

    @property
    def _topic_id(self) -> str:
        return self._context.layout.id_of(self.tp.topic)
