"""Fetches read without an object for each record say what aiokafka's own reader says."""

from __future__ import annotations

import pytest
from aiokafka.consumer.fetcher import PartitionRecords
from aiokafka.errors import CorruptRecordException
from aiokafka.record.control_record import ControlRecord
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.legacy_records import LegacyRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords
from aiokafka.record.util import calc_crc32c
from faust.types import TP
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzer.core.config import LARGEST_RECORD
from analyzer.stream.transport.batch_parts import PART_BYTES
from analyzer.stream.transport.fetches import Records
from analyzer.stream.transport.record_batches import RecordBatches

AT = TP("requests", 3)
BASE_MS = 1_700_000_000_000

texts = st.binary(max_size=300)
sent = st.tuples(
    st.integers(0, 5),  # offsets left out before it
    st.integers(-200_000, 2**40),  # milliseconds after the base
    st.none() | texts,
    st.none() | texts,
    st.lists(st.tuples(st.text(max_size=5), st.none() | texts), max_size=2),
)
Sent = tuple[int, int, bytes | None, bytes | None, list[tuple[str, bytes | None]]]


def batch(base: int, records: list[Sent], codec: int = 0) -> tuple[bytes, int]:
    """One batch as a broker hands it on, and the offset after its last record."""
    builder = DefaultRecordBatchBuilder(2, codec, False, -1, -1, -1, 10**8)
    offset = -1
    for skipped, after_ms, key, value, headers in records:
        offset += 1 + skipped
        assert builder.append(offset, BASE_MS + after_ms, key, value, headers) is not None
    data = bytearray(builder.build())
    data[:8] = base.to_bytes(8)
    return bytes(data), base + offset + 1


def told(pieces: list[Records]) -> list[tuple[int, int, bytes]]:
    """Offset, time and value of every record."""
    return [
        (offset, ms, value)
        for piece in pieces
        for offset, ms, value in zip(
            piece.offsets.tolist(), piece.append_ms.tolist(), piece.values, strict=True
        )
    ]


def reference(data: bytes) -> list[tuple[int, int, bytes]]:
    """The same by aiokafka."""
    records, found = MemoryRecords(data), []
    while records.has_next():
        one = records.next_batch()
        assert one is not None
        found += [(r.offset, r.timestamp, r.value or b"") for r in one]
    return found


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.lists(sent, min_size=1, max_size=6), st.integers(0, 4)), max_size=4),
    st.integers(0, 40),
    st.integers(0, 60),
)
def test_as_aiokafka_reads_it(batches: list[tuple[list[Sent], int]], base: int, cut: int) -> None:
    """Keys, headers, nulls, gaps, every compression, and a last batch that is cut short."""
    data, stop = b"", base
    for records, codec in batches:
        one, stop = batch(stop, records, codec)
        data += one
    whole = len(data)
    if batches and 0 < cut < len(one):
        whole, data = whole - len(one), data[:-cut]
    start = base + 2
    pieces = list(RecordBatches(AT, data, start))
    assert told(pieces) == [r for r in reference(data[:whole]) if r[0] >= start]
    assert [p.start for p in pieces] == [start, *(p.stop for p in pieces[:-1])][: len(pieces)]


def test_a_large_fetch_comes_in_pieces() -> None:
    """A piece ends with the batch that makes it large enough, and the next one goes on there."""
    records: list[Sent] = [(0, i, None, bytes(PART_BYTES // 1_000), []) for i in range(400)]
    data, stop = b"", 0
    for _ in range(6):
        one, stop = batch(stop, records, 4)
        data += one
    pieces = list(RecordBatches(AT, data, 0))
    assert [(p.start, p.stop) for p in pieces] == [(0, 1_200), (1_200, 2_400)]


def test_time_of_the_log() -> None:
    """Where the broker sets the time, that is the time of every record of the batch."""
    data = bytearray(batch(0, [(0, 0, None, b"a", []), (0, 9, None, b"b", [])])[0])
    data[21:23] = (8).to_bytes(2)
    rewritten = _with_checksum(data)
    assert told(list(RecordBatches(AT, rewritten, 0))) == [
        (0, BASE_MS + 9, b"a"),
        (1, BASE_MS + 9, b"b"),
    ]


def test_marks_of_transactions_are_passed_over() -> None:
    """A fetch that holds nothing else moves on, with no record."""
    data = bytearray(batch(4, [(0, 0, ControlRecord(0, 1).version.to_bytes(4), b"", [])])[0])
    data[21:23] = (0x30).to_bytes(2)
    (piece,) = RecordBatches(AT, _with_checksum(data), 4)
    assert (piece.start, piece.stop, len(piece.values)) == (4, 5, 0)


CHUNKS = st.lists(
    st.tuples(st.sampled_from([7, 8, None]), st.integers(1, 3), st.sampled_from("cax")), max_size=9
)
"""Who writes (None: nobody in particular), how many, and whether the transaction is committed or
aborted after it, or goes on."""


@given(CHUNKS)
def test_what_was_aborted_is_passed_over(chunks: list[tuple[int | None, int, str]]) -> None:
    """Producers that write into one another: the records that aiokafka's own reader keeps."""
    data, stop = b"", 0
    begun: dict[int, int] = {}
    aborted: list[tuple[int, int]] = []
    for producer, count, after in chunks:
        one, stop = _of(producer, stop, [(0, i, None, b"%d" % stop, []) for i in range(count)])
        data += one
        if producer is None:
            continue
        first = begun.setdefault(producer, stop - count)
        if after != "x":
            data += _marker(producer, stop, commits=after == "c")
            stop += 1
            del begun[producer]
            if after == "a":
                aborted.append((producer, first))
    want = PartitionRecords(AT, MemoryRecords(data), aborted, 0, None, None, True, 1)
    found = list(RecordBatches(AT, data, 0, aborted))
    assert told(found) == [(r.offset, r.timestamp, r.value) for r in want]
    assert stop == (found[-1].stop if found else 0)


def _of(producer: int | None, base: int, records: list[Sent]) -> tuple[bytes, int]:
    """A batch of a producer, in a transaction of it."""
    data, stop = batch(base, records)
    return (data if producer is None else _rewritten(data, 0x10, producer)), stop


def _marker(producer: int, base: int, *, commits: bool) -> bytes:
    """The end of a transaction."""
    key = b"\x00\x00" + int(commits).to_bytes(2)
    return _rewritten(batch(base, [(0, 0, key, b"\x00" * 6, [])])[0], 0x30, producer)


def _rewritten(data: bytes, attributes: int, producer: int) -> bytes:
    changed = bytearray(data)
    changed[21:23] = attributes.to_bytes(2)
    changed[43:51] = producer.to_bytes(8)
    return _with_checksum(changed)


@pytest.mark.parametrize("magic", [0, 1])
def test_old_formats(magic: int) -> None:
    """What a broker hands on from an old log is read too."""
    builder = LegacyRecordBatchBuilder(magic, 0, 10**6)
    for i in range(3):
        builder.append(i, BASE_MS + i, b"key", b"value %d" % i)
    found = told(list(RecordBatches(AT, bytes(builder.build()), 1)))
    assert [(offset, value) for offset, _, value in found] == [(1, b"value 1"), (2, b"value 2")]
    assert [ms for _, ms, _ in found] == ([BASE_MS + 1, BASE_MS + 2] if magic else [0, 0])


@given(st.data())
def test_damage_is_seen(data: st.DataObject) -> None:
    """One wrong byte is an error, not other records."""
    good = batch(0, [(0, 0, b"k", b"value", []), (0, 1, None, b"other", [])])[0]
    at = data.draw(st.integers(17, len(good) - 1))
    bad = bytearray(good)
    bad[at] ^= data.draw(st.integers(1, 255))
    with pytest.raises(CorruptRecordException):
        list(RecordBatches(AT, bytes(bad), 0))


@given(st.binary(max_size=80), st.integers(1, 5))
def test_nonsense_with_a_right_checksum(payload: bytes, count: int) -> None:
    """Records that run beyond their batch are an error; nothing outside it is ever read."""
    data = bytearray(batch(0, [(0, 0, None, b"", [])])[0][:61] + payload)
    data[8:12], data[57:61] = (len(data) - 12).to_bytes(4), count.to_bytes(4)
    pieces = RecordBatches(AT, _with_checksum(data), 0)
    try:
        values = [value for _, _, value in told(list(pieces))]
    except CorruptRecordException:
        return
    assert sum(map(len, values)) <= len(payload)


def _with_checksum(data: bytearray) -> bytes:
    data[17:21] = calc_crc32c(bytes(data[21:])).to_bytes(4)
    return bytes(data)


LARGE = 40 * 1_048_576


@pytest.mark.parametrize("codec", [0, 1, 2, 3, 4], ids=["none", "gzip", "snappy", "lz4", "zstd"])
def test_a_value_longer_than_any_record_is_cut(codec: int) -> None:
    """It is there, longer than what is taken, and the records around it are whole."""
    sent: list[Sent] = [(0, n, b"key", value, []) for n, value in enumerate((b"a", b"x" * LARGE))]
    sent += [(0, 2, b"k", b"z" * 300, [("h", b"v")]), (0, 3, None, b"last", [])]
    data, stop = batch(7, sent, codec)
    found = told(list(pieces := RecordBatches(AT, data, 7)))
    assert [(offset, ms - BASE_MS) for offset, ms, _ in found] == [(7, 0), (8, 1), (9, 2), (10, 3)]
    assert [value for _, _, value in found if len(value) < LARGEST_RECORD] == [
        b"a", b"z" * 300, b"last"
    ]  # fmt: skip
    assert set(found[1][2]) == {ord("x")}
    assert pieces.next_fetch_offset == stop


@pytest.mark.parametrize("codec", [1, 4], ids=["gzip", "zstd"])
def test_a_large_batch_comes_in_parts(codec: int) -> None:
    """Each no larger than a piece and a record, and from any offset on."""
    sent: list[Sent] = [(0, n, None, b"%03d" % n + b"y" * 500_000, []) for n in range(40)]
    data, stop = batch(100, sent, codec)
    whole = list(RecordBatches(AT, data, 100))
    assert len(whole) > 3
    assert max(len(piece.values.buffer) for piece in whole) < PART_BYTES + 3_000_000
    assert told(whole) == reference(data)
    for start in (101, 117, 139):
        again = list(pieces := RecordBatches(AT, data, start))
        assert told(again) == reference(data)[start - 100 :]
        assert pieces.next_fetch_offset == stop
