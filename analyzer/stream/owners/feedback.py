"""The topic of feedback, as the owner of the campaign step listens to it.

It is read outside every consumer group, from its beginning: whoever owns the campaign step needs
all of it, whatever its partitions. How far it was read is part of the step's own snapshot. All
that the topic holds when the owner begins is known before the first cohort is taken; what comes
later is asked for about every second.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from aiokafka import ConsumerRecord
from faust.types import TP

from analyzer.core.contracts.feedback import Feedback, FeedbackBlock, decode_feedback
from analyzer.core.ingest.dead_letters import dead_letter
from analyzer.errors import BadRecord
from analyzer.kafka_metadata import NO_ID
from analyzer.ops import metrics
from analyzer.stream.owners.context import Context
from analyzer.stream.owners.dead_letters import set_aside
from analyzer.stream.owners.outbox import Outbox


@dataclass(frozen=True, slots=True)
class Heard:
    """New records of one partition."""

    partition: int
    stop: int
    """Offset after all of it; a log may end in markers of transactions."""
    records: list[ConsumerRecord]


class Hears(Protocol):
    """The step that feedback is for."""

    def heard(self, source: str) -> int:
        """How far a source of feedback was taken; 0 if nothing of it was."""

    def feed_feedback(self, block: FeedbackBlock) -> None:
        """Take what people said."""


class FeedbackListener:
    """Implements :class:`~analyzer.stream.owners.shard.Listener` for the campaign step."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._topic = context.settings.topics.feedback

    async def fetch(self, step: Hears) -> list[Heard]:
        """What the step has not heard; a topic that was made anew is another source."""
        heard = []
        for partition in range(self._context.layout.partitions[self._topic]):
            tp = TP(self._topic, partition)
            first, end = await self._context.consumer.bounds(tp)
            start = max(first, step.heard(self._source(partition)))
            if start >= end:
                continue
            records, stop = await self._context.read_on(tp, start)
            if stop > start:
                heard.append(Heard(partition, stop, records))
        return heard

    async def give(self, step: Hears, outbox: Outbox, heard: list[Heard]) -> None:
        """Pass good records to the step and send the others to the dead letters."""
        context = self._context
        for part in heard:
            good: list[Feedback] = []
            for record in part.records:
                value = record.value or b""
                try:
                    good.append(decode_feedback(value, context.settings.core.max_record_bytes))
                except BadRecord as bad:
                    place = (self._topic, part.partition, record.offset)
                    letter = dead_letter(bad, value, *place, context.settings.core)
                    await set_aside(context, outbox, letter)
            context.meter.add(metrics.FEEDBACK, len(good))
            step.feed_feedback(FeedbackBlock(self._source(part.partition), part.stop, good))

    def _source(self, partition: int) -> str:
        return f"{self._context.layout.ids.get(self._topic, NO_ID)}/{partition}"
