"""The worker as its operators meet it: started, fed, stopped, killed, misconfigured."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import msgspec
import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from analyzer import kafka_clients as clients
from analyzer.settings import Settings
from analyzer.testing import harness, reference_run
from analyzer.testing.brokers import Broker, free_port

PARTITIONS = 4

pytestmark = pytest.mark.integration


@pytest.fixture
def settings(broker: Broker) -> Settings:
    """Settings with topics and a group of their own."""
    return harness.settings_for(broker.url, PARTITIONS)


@pytest.fixture(scope="module")
def parts() -> list[list[bytes]]:
    """A small scenario with a campaign in it, by partition."""
    return harness.scenario("smoke", PARTITIONS)


@pytest.fixture(scope="module")
def whole(parts: list[list[bytes]]) -> list[bytes]:
    """The same events in the order of their times."""
    return sorted((line for part in parts for line in part), key=timestamp_ms)


def timestamp_ms(line: bytes) -> int:
    """Event time of a raw event."""
    return int(msgspec.json.decode(line)["timestamp_ms"])


def test_workers_that_die_come_and_go_change_no_record(
    settings: Settings, parts: list[list[bytes]], tmp_path: Path
) -> None:
    """Kill -9, a new worker, one more that leaves again: the same records as in one process."""
    shared = settings.model_copy(update={"cohort_shards": 2})
    harness.create_topics(shared)
    harness.feed(shared, parts, 0.0, 0.5)
    with harness.worker(shared, tmp_path / "a.log") as first:
        harness.holds_something(shared, shared.topics.cohort, 30.0)
        first.kill()
    with harness.worker(shared, tmp_path / "b.log") as second:
        with harness.worker(shared, tmp_path / "c.log") as third:
            harness.feed(shared, parts, 0.5, 0.8)
            began = time.monotonic()
            assert third.terminate() == 0
            assert time.monotonic() - began < 5.0
        harness.feed(shared, parts, 0.8, 1.0)
        assert harness.caught_up(shared), second.text()
        assert second.terminate() == 0
    assert harness.answers(shared) == sorted(set(reference_run.records(shared.core, parts)))


def test_a_snapshot_without_its_commit_is_committed_by_the_next_owner(
    settings: Settings, parts: list[list[bytes]], tmp_path: Path
) -> None:
    """Killed between the two, with nothing left to read: the group does not lag for ever."""
    layout, names = harness.create_topics(settings), settings.topics
    harness.feed(settings, parts, 0.0, 1.0)
    with harness.worker(settings, tmp_path / "a.log") as first:
        assert harness.caught_up(settings), first.text()
        assert first.terminate() == 0
    answers = harness.answers(settings)
    tps = [
        TopicPartition(topic, partition)
        for topic in (names.account, names.campaign)
        for partition in range(layout.partitions[topic])
    ]
    asyncio.run(take_commits_back(settings, tps))
    assert harness.lag(settings) > 0
    with harness.worker(settings, tmp_path / "b.log") as second:
        assert harness.caught_up(settings, 20.0), harness.left(settings)
        assert second.terminate() == 0
    assert harness.answers(settings) == answers


async def take_commits_back(settings: Settings, tps: list[TopicPartition]) -> None:
    """Commit the first offset, for a group without members."""
    options = clients.options(settings) | {"group_id": settings.app_id}
    async with AIOKafkaConsumer(**options, enable_auto_commit=False) as client:
        client.assign(tps)
        await client.commit(dict.fromkeys(tps, 0))


def test_an_idle_partition_holds_nobody_back(
    settings: Settings, whole: list[bytes], tmp_path: Path
) -> None:
    """Three partitions never get an event: the panes of the fourth close all the same."""
    patient = impatient(settings)
    harness.create_topics(patient)
    harness.produce(patient, ((None, line) for line in whole), partition=2)
    expected = sorted(set(reference_run.records(patient.core, [whole])))
    assert expected
    with harness.worker(patient, tmp_path / "a.log") as worker:
        assert harness.wait_until(lambda: harness.answers(patient) == expected, 30.0, 1.0)
        assert worker.terminate() == 0


def test_a_partition_that_falls_silent_holds_nobody_back(
    settings: Settings, whole: list[bytes], tmp_path: Path
) -> None:
    """Three partitions get one event each and no more: the panes of the fourth close."""
    patient = impatient(settings)
    harness.create_topics(patient)
    for partition, line in zip((0, 1, 3), whole, strict=False):
        harness.produce(patient, [(None, line)], partition=partition)
    harness.produce(patient, ((None, line) for line in whole[3:]), partition=2)
    expected = sorted(set(reference_run.records(patient.core, [whole])))
    with harness.worker(patient, tmp_path / "a.log") as worker:
        assert harness.wait_until(lambda: harness.answers(patient) == expected, 30.0, 1.0)
        assert worker.terminate() == 0


def impatient(settings: Settings) -> Settings:
    """A partition is idle after one second."""
    return settings.model_copy(
        update={"worker": settings.worker.model_copy(update={"idle_after_s": 1.0})}
    )


def test_a_bad_record_is_a_dead_letter(
    settings: Settings, parts: list[list[bytes]], tmp_path: Path
) -> None:
    """It carries reason, place and bytes; its key is its place."""
    harness.create_topics(settings)
    harness.produce(
        settings, [(None, b"not json"), *((None, v) for v in parts[0][:9])], partition=0
    )
    with harness.worker(settings, tmp_path / "a.log") as worker:
        assert harness.caught_up(settings), worker.text()
        assert worker.terminate() == 0
    [(key, value)] = harness.consume(settings, settings.topics.dead_letters)
    assert key == f"{settings.topics.requests}/0/0".encode()
    assert msgspec.json.decode(value or b"")["reason"] == "not_json"


def test_mostly_bad_input_stops_the_worker(settings: Settings) -> None:
    """More than half of 2,000 records are no events: exit 1, said in one sentence."""
    harness.create_topics(settings)
    harness.produce(settings, [(None, b"no event")] * 2_000, partition=1)
    done = harness.run(settings, "worker")
    assert done.returncode == 1
    assert "100% of the last 2000 records are bad" in done.stderr


def test_missing_topics_are_named(settings: Settings) -> None:
    """Exit 2; the message lists the topics and how to make them."""
    done = harness.run(settings, "worker")
    assert done.returncode == 2
    assert "analyzer worker --create-topics" in done.stderr
    assert f"{settings.topics.account}: 4 partitions" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_wrong_partition_count_is_named(settings: Settings) -> None:
    """Exit 2; the message says which setting disagrees."""
    harness.create_topics(settings)
    done = harness.run(settings.model_copy(update={"shards": 3}), "worker", "--create-topics")
    assert done.returncode == 2
    assert "has 4 partitions but the settings ask for 3 (shards)" in done.stderr


def test_creating_topics_leaves_others_alone(settings: Settings) -> None:
    """The input topic that is there keeps its partitions; the others are made."""
    few = settings.model_copy(
        update={"topics": settings.topics.model_copy(update={"requests_partitions": 2})}
    )
    harness.create_topics(few)
    layout = harness.create_topics(settings)
    assert layout.partitions[settings.topics.requests] == 2


def test_no_broker_is_said_plainly() -> None:
    """Exit 1 with one sentence."""
    done = harness.run(Settings(broker=f"kafka://127.0.0.1:{free_port()}"), "worker")
    assert done.returncode == 1
    assert "no broker answers" in done.stderr.splitlines()[-1]
