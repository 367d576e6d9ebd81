"""A historical topic as bounded sources: one per partition, no consumer group, nothing written.

``kafka://HOST:PORT/TOPIC?from=…&to=…``: each bound is an offset (``offset:1200``), epoch
milliseconds or an ISO time; ``to`` is exclusive and never beyond what the topic held when the
replay began. A log whose first records were deleted is read from the first that is left; a bound
that reaches before it is told.

The log of a partition may end in what is no record: markers of transactions, records that were
aborted or compacted away. So a partition is at its end when the *position* is, whatever came.

The embedded broker tells too low an end where the last batch has several records, and finds
times by when a batch arrived. It is known by its answer to a time that no record has. Its
partitions are read until nothing comes, and bounds of time are held against every record.
"""

from __future__ import annotations

import asyncio
import atexit
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

import numpy as np
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError

from analyzer.core.ingest.step import RawBatch
from analyzer.core.kernels.byte_strings import Texts
from analyzer.errors import AnalyzerError, RetryLater, UsageError
from analyzer.kafka_clients import ISOLATION, admin, options
from analyzer.replay.bounds import Bound, parse_bound
from analyzer.replay.sources import Source
from analyzer.settings import Settings

BATCH = 20_000
STALLED_S = 30.0
NEVER_MS = 2**53
"""A time that no record has."""
UNKNOWN_END = 2**62
QUIET_S = 2.0
"""How long a partition of which no end is known must give nothing to be at its end."""


def topic_sources(address: str, settings: Settings, first: int) -> list[Source]:
    """Every partition of the topic as a source, numbered from ``first``.

    Raises
    ------
    UsageError
        If the address is malformed or the topic does not exist.
    AnalyzerError
        If no broker answers.
    """
    url = urlsplit(address)
    topic, query = url.path.strip("/"), parse_qs(url.query)
    if not url.netloc or not topic or set(query) - {"from", "to"}:
        raise UsageError(f"{address}: write kafka://HOST:PORT/TOPIC?from=…&to=…")
    lower, upper = (parse_bound(query.get(name, [""])[0]) for name in ("from", "to"))
    reader = _Reader(settings.model_copy(update={"broker": f"kafka://{url.netloc}"}))
    spans = reader.open(topic, lower, upper)
    return [
        _PartitionSource(reader, tp, span, first + number)
        for number, (tp, span) in enumerate(sorted(spans.items()))
    ]


@dataclass(frozen=True, slots=True)
class _Span:
    """What is read of one partition."""

    start: int
    stop: int
    note: str = ""
    """What was asked for and is deleted, or may be."""


class _Reader:
    """One consumer outside every group, shared by the partitions of a topic, on its own loop.

    Both are closed when the last partition is done, when anything fails, or as the process ends.
    """

    def __init__(self, settings: Settings) -> None:
        self.times: tuple[Bound, Bound] | None = None
        """Bounds to hold against every record, where the broker can't find them."""
        self._settings = settings
        self._loop = asyncio.new_event_loop()
        self._consumer: AIOKafkaConsumer | None = None
        self._open = 0
        atexit.register(self.shut)

    def open(self, topic: str, lower: Bound, upper: Bound) -> dict[TopicPartition, _Span]:
        """Connect and find the offsets ``[start, stop)`` of each partition."""
        try:
            return self._loop.run_until_complete(self._start(topic, lower, upper))
        except (KafkaError, RetryLater) as error:
            self.shut()
            raise AnalyzerError(f"no broker answers at {self._settings.broker}") from error
        except UsageError:
            self.shut()
            raise

    def read(self, tp: TopicPartition, position: int) -> tuple[list[ConsumerRecord], int]:
        """Next records of one partition, and the offset after them; later than ``position``.

        Where the end is not known, no record and the same position: that was it.
        """
        try:
            return self._loop.run_until_complete(self._fetch(tp, position))
        except KafkaError as error:
            self.shut()
            where = f"{tp.topic}[{tp.partition}] from offset {position}"
            raise AnalyzerError(f"{where} can't be read: {error!r}") from error
        except BaseException:
            self.shut()
            raise

    def close(self) -> None:
        """One partition is done; the last one closes the consumer."""
        self._open -= 1
        if not self._open:
            self.shut()

    def shut(self) -> None:
        """Close consumer and loop; may be called again."""
        atexit.unregister(self.shut)
        if self._loop.is_closed() or self._loop.is_running():
            return
        if self._consumer is not None:
            with suppress(asyncio.CancelledError):  # raised of a fetch that waits to try again
                self._loop.run_until_complete(self._consumer.stop())
        self._loop.close()

    async def _start(self, topic: str, lower: Bound, upper: Bound) -> dict[TopicPartition, _Span]:
        partitions = await self._partitions(topic)
        consumer = self._consumer = AIOKafkaConsumer(
            **options(self._settings),
            enable_auto_commit=False,
            auto_offset_reset="none",  # what is not there any more must not be jumped over
            max_partition_fetch_bytes=4 << 20,
            isolation_level=ISOLATION,
        )
        await consumer.start()
        consumer.assign(partitions)
        begin = await consumer.beginning_offsets(partitions)
        end = await consumer.end_offsets(partitions)
        asked = lower, upper
        if await self._is_approximate(partitions):
            self.times = asked
            end = dict.fromkeys(partitions, UNKNOWN_END)
            lower, upper = Bound(lower.offset), Bound(upper.offset)
        starts = await self._resolve(lower, begin, end)
        stops = end if upper == Bound() else await self._resolve(upper, begin, end)
        self._open = len(partitions)
        for tp in partitions:
            consumer.seek(tp, starts[tp])
        return {
            tp: _Span(start, stop, _deleted(tp, begin[tp], (asked[0], start), (asked[1], stop)))
            for tp, start, stop in ((tp, starts[tp], stops[tp]) for tp in partitions)
        }

    async def _is_approximate(self, partitions: list[TopicPartition]) -> bool:
        """Whether the broker finds a record of a time that none has, as Kafka never does."""
        assert self._consumer is not None  # noqa: S101 - started before
        found = await self._consumer.offsets_for_times(dict.fromkeys(partitions, NEVER_MS))
        return any(found.values())

    async def _fetch(self, tp: TopicPartition, position: int) -> tuple[list[ConsumerRecord], int]:
        assert self._consumer is not None  # noqa: S101 - started before
        waited = 0.0
        while waited < (QUIET_S if self.times else STALLED_S):
            found = await self._consumer.getmany(tp, timeout_ms=1_000, max_records=BATCH)
            records = found.get(tp, [])
            reached = await self._consumer.position(tp)
            if reached > position:
                return records, reached
            waited += 1.0
        if self.times:
            return [], position
        raise AnalyzerError(f"{tp.topic}[{tp.partition}] gives nothing from offset {position}")

    async def _partitions(self, topic: str) -> list[TopicPartition]:
        async with admin(self._settings) as client:
            [found] = await client.describe_topics([topic])
        if not found["partitions"]:
            raise UsageError(f"topic {topic!r} does not exist at {self._settings.broker}")
        return sorted(TopicPartition(topic, p["partition"]) for p in found["partitions"])

    async def _resolve(
        self, bound: Bound, begin: dict[TopicPartition, int], end: dict[TopicPartition, int]
    ) -> dict[TopicPartition, int]:
        assert self._consumer is not None  # noqa: S101 - started before
        if bound.offset is not None:
            return {tp: min(max(bound.offset, begin[tp]), end[tp]) for tp in begin}
        if bound.time_ms is None:
            return begin
        found = await self._consumer.offsets_for_times(dict.fromkeys(begin, bound.time_ms))
        return {tp: found[tp].offset if found[tp] else end[tp] for tp in begin}


def _deleted(tp: TopicPartition, begin: int, *bounds: tuple[Bound, int]) -> str:
    """What the broker has deleted of what was asked for; empty if nothing.

    Whether records of a time were among the deleted nobody can tell.

    Parameters
    ----------
    begin
        First offset that is left.
    bounds
        As they were asked for, and the offsets that they came to.

    Examples
    --------
    >>> _deleted(TopicPartition("raw", 0), 9, (Bound(offset=2), 9))
    'raw[0] begins at offset 9: what was asked for before it is deleted'
    >>> _deleted(TopicPartition("raw", 0), 9, (Bound(time_ms=7_000), 9))
    'raw[0] begins at offset 9: what was asked for before it may be deleted'
    >>> _deleted(TopicPartition("raw", 0), 9, (Bound(offset=12), 12), (Bound(), 9))
    ''
    """
    surely = any(bound.offset is not None and bound.offset < begin for bound, _ in bounds)
    perhaps = any(bound.time_ms is not None and 0 < begin == at for bound, at in bounds)
    if not surely and not perhaps:
        return ""
    return (
        f"{tp.topic}[{tp.partition}] begins at offset {begin}: what was asked for before it "
        f"{'is' if surely else 'may be'} deleted"
    )


class _PartitionSource:
    """One partition between two offsets, and between two times where the broker finds none."""

    def __init__(self, reader: _Reader, tp: TopicPartition, span: _Span, partition: int) -> None:
        self.name, self.partition, self.note = tp.topic, partition, span.note
        self._start, self._stop = span.start, span.stop
        self.size: int | None = None if span.stop == UNKNOWN_END else span.stop - span.start
        self._reader, self._tp = reader, tp
        lower, upper = reader.times or (Bound(), Bound())
        self._from_ms = lower.time_ms or 0
        self._to_ms = NEVER_MS if upper.time_ms is None else upper.time_ms

    def batches(self) -> Iterator[tuple[RawBatch, int]]:
        """Records in fetches; the offset is Kafka's."""
        position = self._start
        while position < self._stop:
            records, reached = self._reader.read(self._tp, position)
            if reached == position:
                break
            before, position = position, reached
            records = [record for record in records if self._is_inside(record)]
            if records:
                batch = RawBatch(
                    Texts.of(record.value or b"" for record in records),
                    np.array([record.offset for record in records]),
                    np.array([record.timestamp for record in records]),
                )
                yield batch, min(position, self._stop) - before
        self._reader.close()

    def _is_inside(self, record: ConsumerRecord) -> bool:
        if record.offset >= self._stop:
            return False
        return not self._reader.times or self._from_ms <= record.timestamp < self._to_ms
