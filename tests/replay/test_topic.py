"""A historical topic as a source: which records, from which partition, and what is refused."""

from __future__ import annotations

import uuid

import pytest

from analyzer.core.ingest.step import RawBatch
from analyzer.errors import UsageError
from analyzer.replay.topic import topic_sources
from analyzer.settings import Settings
from analyzer.testing import harness as trial
from analyzer.testing.brokers import Broker

pytestmark = pytest.mark.integration


@pytest.fixture
def settings(broker: Broker) -> Settings:
    """A topic of three partitions; the second holds ten records, the third two."""
    name = uuid.uuid4().hex[:8]
    made = Settings(broker=broker.url, app_id=name, topics=trial.own_topics(name, 3))
    trial.create_topics(made)
    for partition, count in ((1, 10), (2, 2)):
        values = ((None, b"%d-%d" % (partition, i)) for i in range(count))
        trial.produce(made, values, partition=partition)
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
