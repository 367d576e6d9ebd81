"""The owner of one raw partition: raw records in, one block to every account shard out.

Keeps no state but its position and its watermark; both travel in its offset commit.
"""

from __future__ import annotations

import asyncio
from collections import Counter

import structlog
from aiokafka.errors import KafkaError
from faust.types import TP

from analyzer.core.contracts.blocks import EventBlock
from analyzer.core.contracts.event_time import NO_WATERMARK
from analyzer.core.contracts.step import StepOutput
from analyzer.core.ingest.dead_letters import CLOCK_REASONS
from analyzer.core.ingest.step import IngestStep, RawBatch
from analyzer.errors import Broken
from analyzer.ops import metrics
from analyzer.stream.owners.context import Context
from analyzer.stream.owners.dead_letters import set_aside
from analyzer.stream.owners.outbox import Outbox
from analyzer.stream.owners.shard import LiveStep
from analyzer.stream.owners.step_metrics import count
from analyzer.stream.topics.topic_ids import NO_ID
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
        self._outbox = Outbox(context.send)
        self._lock = asyncio.Lock()
        self._committed = -1
        self._saved_at = self._active_at = context.clock()
        self._idle = False

    @property
    def next(self) -> int:
        """Next offset to read."""
        return self._reading.next

    async def open(self) -> None:
        """Go on from the committed position and watermark, or from the start of the log."""
        context, tp = self._context, self.tp
        if tp.partition >= context.layout.partitions[tp.topic]:
            raise Broken(f"{tp.topic} has got more partitions: stop all workers and start again")
        found = await context.consumer.committed(tp)
        if found is None:
            position, watermark_ms, clock = (await context.consumer.bounds(tp))[0], None, None
        else:
            position, (watermark_ms, clock) = found[0], self._watermark(found[1])
            self._committed = position
        self._step.resume(position, watermark_ms, clock)
        self._reading = Reading(context.consumer, tp, position, skip_lost=context.skip_lost)

    async def take(self, records: Records) -> None:
        """Feed the step and send what it gives."""
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
        mark = f"{watermark_ms} {self._topic_id} {clock}"
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
        await self._forward(self._outbox, output.made)

    @property
    def _topic_id(self) -> str:
        return self._context.layout.ids.get(self.tp.topic, NO_ID)

    def _watermark(self, mark: str) -> tuple[int | None, str | None]:
        """Watermark and clock of the commit."""
        text, topic_id, clock = (*mark.split(" "), "", "")[:3]
        if not text.lstrip("-").isdigit():
            log.warning("no watermark in the commit; lateness starts anew", partition=str(self.tp))
            return None, None
        if NO_ID not in {topic_id, self._topic_id} and topic_id != self._topic_id:
            raise Broken(
                f"{self.tp.topic} was deleted and created anew, so its offsets mean other records: "
                "set another ANALYZER_APP_ID and new internal topics, or delete the consumer group "
                "and the internal topics"
            )
        watermark_ms = int(text)
        return None if watermark_ms == NO_WATERMARK else watermark_ms, clock or None
