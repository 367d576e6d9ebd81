"""A topic's life on Apache Kafka: what happens to it is counted once and wholly, or stops.

Counting workers tell how often each event was counted, real ones what an operator reads.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
import pytest
import zstandard
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic
from aiokafka.protocol.admin import DeleteGroupsRequest

from analyzer import kafka_clients as clients
from analyzer.core.config import CoreConfig
from analyzer.settings import Settings
from analyzer.settings_tables import Kafka, Worker
from analyzer.stream.state.kafka_log import KafkaLog
from analyzer.stream.state.snapshots import SnapshotStore
from analyzer.stream.topics.catalog import snapshot_topic
from analyzer.testing import harness
from analyzer.testing.brokers import Broker

COUNTING = [sys.executable, str(Path(__file__).with_name("counting_worker.py"))]
N = 400

pytestmark = pytest.mark.integration


@pytest.fixture
def settings(apache_broker: Broker) -> Settings:
    """Two partitions and topics of their own, all created."""
    name = uuid.uuid4().hex[:8]
    found = Settings(
        broker=apache_broker.url,
        app_id=name,
        shards=2,
        kafka=Kafka(session_timeout_s=6.0),
        topics=harness.own_topics(name, 2),
        worker=Worker(snapshot_every_s=0.5, idle_after_s=2.0),
    )
    harness.create_topics(found)
    return found


def event(i: int) -> bytes:
    """One raw event; its output tokens are its number."""
    return msgspec.json.encode(
        {
            "event_id": f"e{i}",
            "timestamp_ms": 1_700_000_000_000 + i,
            "account_id": f"a{i % 97}",
            "model": "m",
            "input_tokens": 1,
            "output_tokens": i,
            "status": "ok",
        }
    )


def feed(settings: Settings, first: int, last: int, partition: int | None = None) -> None:
    """Produce events ``first`` to ``last``."""
    lines = ((b"%d" % i, event(i)) for i in range(first, last))
    harness.produce(settings, lines, partition=partition)


def total(first: int, last: int) -> int:
    """What the numbers of these events add up to."""
    return sum(range(first, last))


def counted(settings: Settings) -> tuple[int, int]:
    """How many events were counted, and what their numbers add up to."""

    async def nothing(*_args: object) -> None:
        raise AssertionError("nothing is written here")

    async def read() -> tuple[int, int]:
        events = numbers = 0
        for shard in range(settings.shards):
            topic = snapshot_topic(settings, "account")
            log = KafkaLog(settings, nothing, topic, shard)  # type: ignore[arg-type] # never sends
            states: list[bytes] = []
            store = SnapshotStore(log, topic_id="", stamp=settings.stamp)
            await store.load(states.append)
            for state in states:
                _, more, sum_, _ = msgspec.msgpack.decode(state)
                events, numbers = events + more, numbers + sum_
        return events, numbers

    return asyncio.run(read())


def work(settings: Settings, log: Path, until: Callable[[], bool], *options: str) -> str:
    """A counting worker until something is so; it ends well. What it logged."""
    with harness.worker(settings, log, [*COUNTING, *options]) as worker:
        assert harness.wait_until(until, 60.0, 0.5), worker.text()
        assert worker.terminate() == 0
        return worker.text()


def drained(settings: Settings, least: int = 0) -> Callable[[], bool]:
    """Nothing is left to read, and so much is counted: committed offsets may be somebody else's."""
    return lambda: harness.lag(settings) == 0 and not (least and counted(settings)[0] < least)


def admin(settings: Settings, do: Callable[[AIOKafkaAdminClient], Awaitable[object]]) -> None:
    """Do something to the broker."""

    async def run() -> None:
        async with clients.admin(settings) as client:
            await do(client)

    asyncio.run(run())


def remake(settings: Settings, topic: str, partitions: int) -> None:
    """Delete the topic and make it anew."""

    async def do(client: AIOKafkaAdminClient) -> None:
        await client.delete_topics([topic])
        while topic in await client.list_topics():  # noqa: ASYNC110 - nobody tells us
            await asyncio.sleep(0.1)
        await client.create_topics([NewTopic(topic, partitions, 1)])
        while topic not in await client.list_topics():  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.1)

    admin(settings, do)


def cut(settings: Settings, offset: int, partition: int = 0, topic: str | None = None) -> None:
    """Delete the records below an offset, of the topic of requests by default."""
    harness.delete_below(settings, topic or settings.topics.requests, partition, offset)


def set_offset(settings: Settings, offset: int) -> None:
    """Set the group's offset of the first partition by hand."""

    async def do() -> None:
        options = clients.options(settings) | {"group_id": settings.app_id}
        async with AIOKafkaConsumer(**options, enable_auto_commit=False) as client:
            tp = TopicPartition(settings.topics.requests, 0)
            client.assign([tp])
            await client.commit({tp: offset})

    asyncio.run(do())


def ends(settings: Settings, *options: str, within_s: float = 60.0) -> tuple[int, str]:
    """Exit code and log of a counting worker that is expected to end by itself."""
    done = subprocess.run(
        [*COUNTING, *options],
        env=harness.environment(settings),
        capture_output=True,
        text=True,
        timeout=within_s,
        check=False,
    )
    return done.returncode, done.stderr


@pytest.mark.parametrize("partitions", [1, 2, 3])
def test_made_anew_while_nobody_works(settings: Settings, tmp_path: Path, partitions: int) -> None:
    """With fewer, as many or more partitions: the events of both are counted, each once."""
    feed(settings, 0, N)
    work(settings, tmp_path / "a.log", drained(settings))
    assert counted(settings) == (N, total(0, N))
    remake(settings, settings.topics.requests, partitions)
    feed(settings, N, N + N // 2)
    work(settings, tmp_path / "b.log", drained(settings))
    assert counted(settings) == (N + N // 2, total(0, N + N // 2))


def test_made_anew_under_a_running_worker(settings: Settings, tmp_path: Path) -> None:
    """It stops with a sentence; the next one counts the new topic, and nothing twice.

    The new one holds more than the old one did, and so records at the offsets that come next.
    """
    feed(settings, 0, N)
    with harness.worker(settings, tmp_path / "a.log", COUNTING) as worker:
        assert harness.wait_until(drained(settings), 60.0, 0.5)
        remake(settings, settings.topics.requests, 2)
        feed(settings, N, 4 * N)
        assert worker.popen.wait(40.0) == 1
        assert "was deleted" in worker.text()
    work(settings, tmp_path / "b.log", drained(settings))
    assert counted(settings) == (4 * N, total(0, 4 * N))


def test_deleted_under_a_running_worker(settings: Settings, tmp_path: Path) -> None:
    """It stops with a sentence, and so does the next one, until the topic is there again."""
    with harness.worker(settings, tmp_path / "a.log", COUNTING) as worker:
        admin(settings, lambda client: client.delete_topics([settings.topics.requests]))
        assert worker.popen.wait(40.0) == 1
        assert "was deleted while this worker ran: create it again" in worker.text()
    code, said = ends(settings)
    assert code != 0
    assert "--create-topics" in said


def test_grown_under_running_workers(settings: Settings, tmp_path: Path) -> None:
    """What comes in the new partitions is counted, without a restart."""
    feed(settings, 0, N)
    with (
        harness.worker(settings, tmp_path / "a.log", COUNTING) as first,
        harness.worker(settings, tmp_path / "b.log", COUNTING) as second,
    ):
        topic = settings.topics.requests
        admin(settings, lambda client: client.create_partitions({topic: NewPartitions(5)}))
        for partition in range(2, 5):
            feed(settings, N * (partition - 1), N * partition, partition)
        assert harness.wait_until(drained(settings), 90.0, 0.5), first.text()
        assert (first.terminate(), second.terminate()) == (0, 0)
    assert counted(settings) == (4 * N, total(0, 4 * N))


def test_an_internal_topic_that_grows_stops_the_worker(settings: Settings, tmp_path: Path) -> None:
    """The next start says which setting disagrees."""
    with harness.worker(settings, tmp_path / "a.log", COUNTING) as worker:
        topic = settings.topics.account
        admin(settings, lambda client: client.create_partitions({topic: NewPartitions(3)}))
        assert worker.popen.wait(40.0) == 1
        assert f"topic {topic} had 2 partitions and has 3 now" in worker.text()
    code, said = ends(settings)
    assert code != 0
    assert "has 3 partitions but the settings ask for 2 (shards)" in said


async def forget(client: AIOKafkaAdminClient, group: str) -> None:
    """Delete the offsets of a group, as the broker does when they expire."""
    node = await client.find_coordinator(group)
    await client._send_request(DeleteGroupsRequest([group]), node)


@pytest.mark.parametrize("how", ["expired", "to the end", "deleted", "all deleted"])
def test_records_that_went_before_they_were_read(
    settings: Settings, tmp_path: Path, how: str
) -> None:
    """One stop that names the remedy; with it the rest is counted, and then without it."""
    one = settings.model_copy(update={"shards": 1})
    remake(one, one.topics.account, 1)
    remake(one, snapshot_topic(one, "account"), 1)
    alter(one, snapshot_topic(one, "account"), {"cleanup.policy": "compact"})
    feed(one, 0, N, 0)
    work(one, tmp_path / "a.log", drained(one))
    feed(one, N, 2 * N, 0)
    cut(one, 2 * N if how == "all deleted" else 2 * N - 100)
    if how == "expired":
        admin(one, lambda client: forget(client, one.app_id))
    elif how == "to the end":
        set_offset(one, 2 * N)
    code, said = ends(one)
    assert code == 1, said
    assert "--skip-lost" in said
    left = 0 if how == "all deleted" else 100
    work(one, tmp_path / "b.log", drained(one), "--skip-lost")
    assert counted(one) == (N + left, total(0, N) + total(2 * N - left, 2 * N))
    feed(one, 2 * N, 3 * N, 0)
    work(one, tmp_path / "c.log", drained(one))
    assert counted(one)[0] == 2 * N + left


def test_state_that_went_with_the_records_it_held(settings: Settings, tmp_path: Path) -> None:
    """Snapshots gone, and what they were made of: a stop, and not a worker that knows nothing."""
    feed(settings, 0, N)
    work(settings, tmp_path / "a.log", drained(settings))
    remake(settings, snapshot_topic(settings, "account"), settings.shards)
    alter(settings, snapshot_topic(settings, "account"), {"cleanup.policy": "compact"})
    for shard in range(settings.shards):
        cut(settings, 1, shard, settings.topics.account)
    code, said = ends(settings)
    assert code == 1, said
    assert "--skip-lost" in said
    feed(settings, N, 2 * N)
    work(settings, tmp_path / "b.log", drained(settings), "--skip-lost")
    assert N <= counted(settings)[0] < 2 * N


def alter(settings: Settings, topic: str, change: dict[str, str]) -> None:
    """Keep the topic otherwise."""
    from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

    resource = ConfigResource(ConfigResourceType.TOPIC, topic, change)
    admin(settings, lambda client: client.alter_configs([resource]))


@pytest.mark.parametrize("offset", [0, 37, N])
def test_offsets_that_were_reset_count_nothing_twice(
    settings: Settings, tmp_path: Path, offset: int
) -> None:
    """To the beginning, into the middle, to the end: all that the log holds is counted once."""
    feed(settings, 0, N, 0)
    work(settings, tmp_path / "a.log", drained(settings))
    feed(settings, N, 2 * N, 0)
    set_offset(settings, offset + N if offset == N else offset)
    log = work(settings, tmp_path / "b.log", drained(settings, 2 * N))
    assert "was not committed by a worker" in log
    assert counted(settings) == (2 * N, total(0, 2 * N))


def test_what_was_aborted_is_not_counted(settings: Settings, tmp_path: Path) -> None:
    """Nor does a log that ends in markers leave anything waiting."""

    async def write(first: int, last: int, *, commit: bool) -> None:
        producer = AIOKafkaProducer(**clients.options(settings), transactional_id=uuid.uuid4().hex)
        async with producer:
            await producer.begin_transaction()
            for i in range(first, last):
                await producer.send(settings.topics.requests, event(i), partition=0)
            await (producer.commit_transaction() if commit else producer.abort_transaction())

    asyncio.run(write(0, N, commit=True))
    asyncio.run(write(N, 2 * N, commit=False))
    work(settings, tmp_path / "a.log", drained(settings, N))
    assert counted(settings) == (N, total(0, N))


@pytest.mark.parametrize(
    ("table", "change", "says"),
    [
        ("snapshots", {"cleanup.policy": "delete"}, "cleanup.policy delete, needed is compact"),
        ("requests", {"cleanup.policy": "compact"}, "cleanup.policy compact, needed is delete"),
        ("account", {"cleanup.policy": "compact"}, "cleanup.policy compact, needed is delete"),
        ("account", {"max.message.bytes": "50000"}, "takes messages of at most 50000 bytes"),
        ("snapshots", {"max.message.bytes": "50000"}, "takes messages of at most 50000 bytes"),
    ],
)
def test_a_topic_that_is_kept_otherwise_is_refused(
    settings: Settings, table: str, change: dict[str, str], says: str
) -> None:
    """Exit code and sentence; the command in it mends it. The doctor says the same."""
    topic = getattr(settings.topics, table) + (".account" if table == "snapshots" else "")
    alter(settings, topic, change)
    done = harness.run(settings, "worker")
    assert done.returncode == 2
    assert f"topic {topic} " in done.stderr
    assert says in done.stderr
    assert "kafka-configs.sh --alter" in done.stderr


def test_two_workers_with_different_settings(settings: Settings, tmp_path: Path) -> None:
    """The second is refused; nothing of it comes between the others' blocks."""
    other = settings.model_copy(update={"core": CoreConfig(alert_threshold=0.9)})
    feed(settings, 0, N)
    with harness.worker(settings, tmp_path / "a.log", COUNTING) as first:
        code, said = ends(other)
        assert code != 0
        assert "runs with other settings or another release" in said
        assert harness.wait_until(drained(settings), 60.0, 0.5)
        assert first.terminate() == 0
    assert counted(settings) == (N, total(0, N))


def test_a_worker_of_another_release(settings: Settings, tmp_path: Path) -> None:
    """Beside one the new one does not start; a block that one has left stops it by name."""

    async def beside() -> tuple[int, str]:
        options = clients.options(settings) | {"group_id": settings.app_id}
        async with AIOKafkaConsumer(
            settings.topics.requests, **options, client_id="faust-0.15.3"
        ) as old:
            await old.getmany(timeout_ms=3_000)
            return await asyncio.to_thread(ends, settings)

    code, said = asyncio.run(beside())
    assert code != 0
    assert "runs with other settings or another release (faust-0.15.3 at" in said
    block = zstandard.compress(msgspec.msgpack.encode(["EventBlock", 4, {"source": 0}]))
    harness.produce(settings, [(None, block)], topic=settings.topics.account, partition=0)
    code, said = ends(settings)
    assert code == 1
    assert "a block was made by another release (format 4, here" in said
    assert "set another ANALYZER_APP_ID" in said
    feed(settings, 0, N)
    work(settings, tmp_path / "a.log", drained(settings), "--skip-lost")
    assert counted(settings) == (N, total(0, N))


def test_settings_that_change_between_two_starts(settings: Settings, tmp_path: Path) -> None:
    """One that gives states another meaning is refused by name; one that does not is taken."""
    feed(settings, 0, N)
    work(settings, tmp_path / "a.log", drained(settings))
    code, said = ends(settings.model_copy(update={"core": CoreConfig(pane_s=300)}))
    assert code == 1
    assert "saved with other settings (core.pane_s; config_hash" in said
    assert "put them back; or" in said
    tuned = settings.model_copy(update={"core": CoreConfig(alert_threshold=0.9)})
    feed(tuned, N, 2 * N)
    log = work(tuned, tmp_path / "b.log", drained(tuned))
    assert "state of another configuration is taken over" in log
    assert counted(tuned) == (2 * N, total(0, 2 * N))
