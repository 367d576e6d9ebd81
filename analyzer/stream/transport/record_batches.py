"""Kafka's record batches, read as they came over the wire, without an object for each record.

aiokafka makes two Python objects of every record, which is most of what a consumer costs. Here
a fetch becomes a few :class:`.fetches.Records` of about ``PART_BYTES``, each
with all its values in one buffer. Everything else about fetching stays aiokafka's.

The format is Kafka's, of message format 2 (https://kafka.apache.org/documentation/#recordbatch);
older ones, which a broker may hand on from an old log, are left to aiokafka's reader. Control
batches are no records, nor is what a producer has written in a transaction that was aborted.
"""

from __future__ import annotations

import struct
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any

import aiokafka
import cramjam
import numpy as np
import zstandard
from aiokafka.consumer.fetcher import PartitionRecords
from aiokafka.errors import CorruptRecordException
from aiokafka.protocol.fetch import FetchRequest
from aiokafka.record.control_record import ABORT_MARKER, ControlRecord
from aiokafka.record.memory_records import MemoryRecords
from aiokafka.record.util import calc_crc32c
from aiokafka.structs import TopicPartition
from faust.types import TP
from numpy.typing import NDArray

from analyzer.core.kernels.byte_strings import PADDING, Texts
from analyzer.stream.transport.batch_parts import PART_BYTES, decoders, parts
from analyzer.stream.transport.fetches import Records

_LENGTH = struct.Struct(">qi")
"""Base offset, and the length of what follows: the head of a batch of any format."""
_HEAD = struct.Struct(">ibIhiqqqhii")
"""The rest of the head: leader epoch, format, checksum, attributes, last offset delta, first
and last timestamp, producer's id, epoch and sequence, number of records."""
_MAGIC_AT, _CHECKED_FROM = _LENGTH.size + 4, _LENGTH.size + 9
_CODEC, _APPEND_TIME, _TRANSACTIONAL, _CONTROL = 0b111, 0b1000, 0b10000, 0b100000

_DAMAGED = (
    ValueError, struct.error, zstandard.ZstdError, cramjam.DecompressionError,
    SystemError,  # of aiokafka's compiled reader of old formats
)  # fmt: skip
"""What readers raise of bytes that are no batch."""

Aborted = Sequence[tuple[int, int]]
"""Producer and first offset of each aborted transaction that a fetch touches."""


class RecordBatches(Iterator[Records]):
    """What one fetch brought of one partition (stands in for aiokafka's ``PartitionRecords``).

    Parameters
    ----------
    data
        Batches as the broker sent them; the last one may be cut short.
    start
        Offset that was asked for. A batch may begin below it.
    aborted
        Transactions whose records are passed over, up to the marker of their end.

    Raises
    ------
    CorruptRecordException
        By ``next``, if a checksum is wrong or a batch can't be read.
    """

    def __init__(self, tp: TP, data: bytes, start: int, aborted: Aborted = ()) -> None:
        self.next_fetch_offset = start
        self._aborted = deque(sorted(aborted, key=lambda entry: entry[1]))
        self._aborting: set[int] = set()
        """Producers in the midst of a transaction that was aborted."""
        self._tp = tp
        self._data = memoryview(data)
        self._decoders = decoders()
        self._base = start
        """First offset of the batch that is being read."""
        self._parts: Iterator[_Batch] = iter(())
        """What is left of it."""

    def __next__(self) -> Records:
        start, size = self.next_fetch_offset, 0
        batches: list[_Batch] = []
        while size < PART_BYTES and (batch := self._next()) is not None:
            if batch.stop <= start:
                continue  # a part of a batch that begins below
            self.next_fetch_offset = batch.stop
            if len(batch.offsets):
                batches.append(batch)
                size += len(batch.payload)
        if self.next_fetch_offset == start:
            raise StopIteration
        return self._joined(start, batches)

    def _next(self) -> _Batch | None:
        """The next batch, or part of a large one; None at the end."""
        if (part := self._of_batch(self._parts)) is not None:
            return part
        if len(self._data) < _LENGTH.size:
            return None
        self._base, length = _LENGTH.unpack_from(self._data)
        if _LENGTH.size + length <= _MAGIC_AT:
            raise CorruptRecordException(f"{self._tp}, batch at {self._base}: too short")
        if len(self._data) < _LENGTH.size + length:
            return None
        whole, self._data = (
            self._data[: _LENGTH.size + length],
            self._data[_LENGTH.size + length :],
        )
        self._parts = self._read(whole) if whole[_MAGIC_AT] == 2 else _Batch.old(whole)
        return self._of_batch(self._parts)

    def _of_batch(self, parts: Iterator[_Batch]) -> _Batch | None:
        try:
            return next(parts, None)
        except _DAMAGED as error:
            raise CorruptRecordException(f"{self._tp}, batch at {self._base}: {error}") from error

    def _read(self, whole: memoryview) -> Iterator[_Batch]:
        """A batch of format 2, in parts if it is large."""
        base = self._base
        _, _, crc, attributes, last, first_ms, last_ms, producer, _, _, n = _HEAD.unpack_from(
            whole, _LENGTH.size
        )
        if calc_crc32c(whole[_CHECKED_FROM:]) != crc:
            raise ValueError("wrong checksum")
        stop = base + last + 1
        if n == 0 or self._is_passed_over(base, attributes, producer, whole):
            yield _Batch(stop, b"", np.empty((4, 0), np.int64))
            return
        codec = attributes & _CODEC
        if codec not in self._decoders:
            raise ValueError(f"unknown compression {codec}")
        texts = self._decoders[codec](whole[_LENGTH.size + _HEAD.size :])
        for payload, columns in parts(texts, n):
            n -= columns.shape[1]
            columns[2] += base
            columns[3] = last_ms if attributes & _APPEND_TIME else columns[3] + first_ms
            yield _Batch(int(columns[2, -1]) + 1 if n else stop, payload, columns)

    def _is_passed_over(self, base: int, attributes: int, producer: int, whole: memoryview) -> bool:
        """Whether the batch holds a marker, or records of a transaction that was aborted."""
        while self._aborted and self._aborted[0][1] <= base:
            self._aborting.add(self._aborted.popleft()[0])
        if attributes & _CONTROL:
            if producer in self._aborting and _ends_an_aborted(whole):
                self._aborting.discard(producer)
            return True
        return bool(attributes & _TRANSACTIONAL) and producer in self._aborting

    def _joined(self, start: int, batches: list[_Batch]) -> Records:
        shifts = np.cumsum([0, *(len(batch.payload) for batch in batches)])
        starts, stops, offsets, append_ms = (
            np.concatenate([np.zeros(0, np.int64), *columns])
            for columns in (
                [b.starts + shift for b, shift in zip(batches, shifts, strict=False)],
                [b.stops + shift for b, shift in zip(batches, shifts, strict=False)],
                [b.offsets for b in batches],
                [b.append_ms for b in batches],
            )
        )
        values = Texts(b"".join([*(b.payload for b in batches), PADDING]), starts, stops)
        first = min(start, int(offsets[0])) if len(offsets) else start
        stop = self.next_fetch_offset
        return Records(self._tp, first, stop, values, offsets, append_ms).since(start)


def _ends_an_aborted(control: memoryview) -> bool:
    batch: Any = MemoryRecords(bytes(control)).next_batch()
    return bool(ControlRecord.parse(next(batch).key) == ABORT_MARKER)


class _Batch:
    """Records of one batch and where the next batch begins."""

    __slots__ = ("append_ms", "offsets", "payload", "starts", "stop", "stops")

    def __init__(self, stop: int, payload: bytes, columns: NDArray[np.int64]) -> None:
        """``columns``, shape (4, n): bounds in the payload, offset, and timestamp of each."""
        self.stop, self.payload = stop, payload
        self.starts, self.stops, self.offsets, self.append_ms = columns

    @classmethod
    def old(cls, whole: memoryview) -> Iterator[_Batch]:
        """A message or set of messages of format 0 or 1."""
        batch: Any = MemoryRecords(bytes(whole)).next_batch()
        if batch is None or not batch.validate_crc():
            raise ValueError("wrong checksum")
        records = [(r.value or b"", r.offset, r.timestamp or 0) for r in batch]
        texts = Texts.of(value for value, _, _ in records)
        offsets = [offset for _, offset, _ in records]
        columns = np.array([texts.starts, texts.stops, offsets, [ms for _, _, ms in records]])
        yield cls(batch.next_offset, texts.buffer, columns)


def read_in_batches(consumer: aiokafka.AIOKafkaConsumer) -> None:
    """Let a started consumer fetch :class:`RecordBatches`, whose "records" are whole batches."""
    fetcher: Any = consumer._fetcher  # noqa: SLF001 - no public way to it
    client = _Keeping(fetcher._client)  # noqa: SLF001 - as above
    fetch = fetcher._proc_fetch_request  # noqa: SLF001 - as above

    async def fetch_batches(assignment: Any, node_id: int, request: Any) -> bool:
        done = bool(await fetch(assignment, node_id, request))
        response = client.responses.pop(id(request), None)
        for topic, partitions in response.topics if response else ():
            for partition, *_, data in partitions:
                found: Any = fetcher._records.get(TopicPartition(topic, partition))  # noqa: SLF001 - as above
                records: Any = getattr(found, "_partition_records", None)
                if type(records) is PartitionRecords:
                    tp = TP(topic, partition)
                    aborted: Aborted = records._aborted_transactions  # noqa: SLF001 - as above
                    start = records.next_fetch_offset
                    found._partition_records = RecordBatches(tp, data, start, aborted)  # noqa: SLF001 - as above
        return done

    fetcher._client, fetcher._proc_fetch_request = client, fetch_batches  # noqa: SLF001 - as above


class _Keeping:
    """A fetcher's client that keeps each response until it has been seen."""

    def __init__(self, client: Any) -> None:
        self.responses: dict[int, Any] = {}
        self._client = client

    async def send(self, node_id: int, request: Any) -> Any:
        """As the client's; the response is kept by the request's ``id``."""
        response = await self._client.send(node_id, request)
        if isinstance(request, FetchRequest):
            self.responses[id(request)] = response
        return response

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)
