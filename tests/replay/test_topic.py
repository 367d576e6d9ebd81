"""A historical topic as a source: which records, from which partition, and what is refused."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer

from analyzer.core.ingest.step import RawBatch
from analyzer.errors import UsageError
from analyzer.kafka_clients import options, producer
from analyzer.replay.topic import topic_sources
from analyzer.settings import Settings
from analyzer.testing import brokers, harness
from analyzer.testing.brokers import Broker

pytestmark = pytest.mark.integration


@pytest.fixture
def settings(broker: Broker) -> Settings:
    """A topic of three partitions; the second holds ten records, the third two."""
    name = uuid.uuid4().hex[:8]
    made = Settings(broker=broker.url, app_id=name, topics=harness.own_topics(name, 3))
    harness.create_topics(made)
    for partition, count in ((1, 10), (2, 2)):
        values = ((None, b"%d-%d" % (partition, i)) for i in range(count))
        harness.produce(made, values, partition=partition)
    return made


def read(settings: Settings, query: str = "") -> dict[int, list[RawBatch]]:
    """Batches of every partition."""
    address = f"{settings.broker}/{settings.topics.requests}{query}"
    sources = topic_sources(address, settings, first=5)
    return {source.partition: [batch for batch, _ in source.batches()] for source in sources}


def values(batches: list[RawBatch]) -> list[bytes]:
    """All records of these batches."""
    return [value for batch in batches for value in batch.values]


def test_every_partition_is_a_source_read_to_its_end(settings: Settings) -> None:
    """Sources are numbered on from the first; an empty partition gives nothing."""
    found = read(settings)
    assert {number: values(batches) for number, batches in found.items()} == {
        5: [],
        6: [b"1-%d" % i for i in range(10)],
        7: [b"2-0", b"2-1"],
    }


def test_offsets_bound_each_partition(settings: Settings) -> None:
    """``from`` is the first offset, ``to`` the first that is left out."""
    found = read(settings, "?from=offset:1&to=offset:4")
    assert values(found[6]) == [b"1-1", b"1-2", b"1-3"]
    assert values(found[7]) == [b"2-1"]
    assert [batch.offsets.tolist() for batch in found[6]] == [[1, 2, 3]]


def test_times_bound_by_append_time(settings: Settings) -> None:
    """Records appended just now lie after 2020 and before 2100."""
    assert len(values(read(settings, "?from=2020-01-01")[6])) == 10
    assert values(read(settings, "?from=2100-01-01")[6]) == []
    assert values(read(settings, "?to=2020-01-01")[6]) == []


async def in_a_transaction(settings: Settings, lines: list[bytes], *, commit: bool) -> None:
    """Write the lines to the first partition in one transaction."""
    producer = AIOKafkaProducer(**options(settings), transactional_id=uuid.uuid4().hex)
    async with producer:
        await producer.begin_transaction()
        for line in lines:
            await producer.send(settings.topics.requests, line, partition=0)
        await (producer.commit_transaction() if commit else producer.abort_transaction())


@pytest.mark.parametrize("last", ["committed", "aborted"])
def test_a_log_that_ends_in_no_record(settings: Settings, apache_broker: Broker, last: str) -> None:
    """In a marker, or in aborted records: read to the end, without what was aborted."""
    assert apache_broker.url == settings.broker
    asyncio.run(in_a_transaction(settings, [b"good-0", b"good-1"], commit=True))
    if last == "aborted":
        asyncio.run(in_a_transaction(settings, [b"bad"], commit=False))
    deadline = time.monotonic() + 20  # the broker writes its marker a little later
    while not (found := values(read(settings)[5])) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert found == [b"good-0", b"good-1"]
    assert values(read(settings, "?to=offset:3")[5]) == [b"good-0", b"good-1"]


def test_the_embedded_broker_is_read_whole() -> None:
    """It tells too low an end, and knows no times: all records, and those of a span."""
    with brokers.embedded() as broker:
        settings = harness.settings_for(broker.url, 1)
        harness.create_topics(settings)
        sent = [(1_000 * i, b"%d" % i) for i in range(900)]
        asyncio.run(at_their_times(settings, sent))
        assert values(read(settings)[5]) == [value for _, value in sent]
        late = values(read(settings, "?from=300000&to=600000")[5])
        assert late == [value for ms, value in sent if 300_000 <= ms < 600_000]


async def at_their_times(settings: Settings, sent: list[tuple[int, bytes]]) -> None:
    """Write records with times to the first partition."""
    async with producer(settings) as client:
        await asyncio.gather(
            *[
                await client.send(settings.topics.requests, v, partition=0, timestamp_ms=ms)
                for ms, v in sent
            ]
        )


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("", ""),
        ("?from=offset:4", ""),
        ("?from=offset:3", "is deleted"),
        ("?to=offset:2", "is deleted"),
        ("?from=offset:0&to=offset:9", "is deleted"),
        ("?from=2020-01-01", "may be deleted"),
        ("?from=2100-01-01", ""),
    ],
)
@pytest.mark.usefixtures("apache_broker")
def test_what_was_asked_for_and_is_deleted_is_told(
    settings: Settings,
    command: Callable[..., subprocess.CompletedProcess[str]],
    tmp_path: Path,
    query: str,
    says: str,
) -> None:
    """By the partition; one whose first records were never deleted says nothing."""
    harness.delete_below(settings, settings.topics.requests, 1, 4)
    address = f"{settings.broker}/{settings.topics.requests}{query}"
    done = command("replay", address, "--out", tmp_path / "out", settings=settings)
    told = [line for line in done.stderr.splitlines() if "begins at offset" in line]
    topic = settings.topics.requests
    expected = f"analyzer: {topic}[1] begins at offset 4: what was asked for before it {says}"
    assert told == ([expected] if says else [])


def test_a_topic_that_goes_while_it_is_read_is_said_plainly(
    settings: Settings, apache_broker: Broker
) -> None:
    """Its records are deleted below the reader: an error with the place; nothing is left behind."""
    assert apache_broker.url == settings.broker
    address = f"{settings.broker}/{settings.topics.requests}"
    code = (
        "import sys, asyncio\n"
        "from analyzer.replay.topic import topic_sources\n"
        "from analyzer.settings import Settings\n"
        "from analyzer.kafka_clients import admin\n"
        "from aiokafka.admin import RecordsToDelete\n"
        "from aiokafka import TopicPartition\n"
        "settings = Settings.load()\n"
        "source = topic_sources(sys.argv[1], settings, first=0)[1]\n"
        "async def cut():\n"
        "    async with admin(settings) as client:\n"
        "        tp = TopicPartition(settings.topics.requests, 1)\n"
        "        await client.delete_records({tp: RecordsToDelete(5)})\n"
        "asyncio.run(cut())\n"
        "next(source.batches())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, address],
        env=harness.environment(settings),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "from offset 0 can't be read: OffsetOutOfRangeError" in done.stderr
    assert "Task was destroyed" not in done.stderr
    assert "Unclosed" not in done.stderr


@pytest.mark.parametrize(
    ("query", "says"), [("?from=oops", "is no bound"), ("?since=1", "write kafka://")]
)
def test_a_wrong_bound_is_refused(settings: Settings, query: str, says: str) -> None:
    """The message says what to write."""
    with pytest.raises(UsageError, match=says):
        read(settings, query)


def test_a_missing_topic_is_named(settings: Settings) -> None:
    """It is a wrong use, not an empty history."""
    with pytest.raises(UsageError, match="does not exist"):
        topic_sources(f"{settings.broker}/nosuch", settings, first=0)
