"""Workers as processes, and topics of their own: what tests and measurements are made of."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from aiokafka.errors import GroupCoordinatorNotAvailableError
from pydantic import SecretStr

from analyzer import kafka_clients as clients
from analyzer.core.config import CoreConfig
from analyzer.ops.process_group import Process
from analyzer.settings import Settings
from analyzer.settings_tables import Topics, Worker
from analyzer.simulate import generate
from analyzer.stream.topics import catalog as topics
from analyzer.testing import brokers, reference_run

READY_WITHIN_S = 30.0
READY = "partitions assigned"
BATCH = 2_000
TEN_YEARS_S = 315_360_000

Message = tuple[bytes | None, bytes | None]
"""Key and value."""


class WorkerProcess(Process):
    """A worker process and its log."""

    def wait_ready(self) -> None:
        """Return when it owns partitions."""
        wait_until(lambda: READY in self.text() or not self.running, READY_WITHIN_S)
        if READY not in self.text():
            raise AssertionError(f"worker did not start:\n{self.text()}")


def environment(settings: Settings) -> dict[str, str]:
    """Environment variables from which a process loads the same settings."""
    found = {name: text for name, text in os.environ.items() if not name.startswith("ANALYZER_")}
    for table, value in settings.model_dump(exclude_defaults=True).items():
        if isinstance(value, dict):
            found |= {f"ANALYZER_{table}__{key}".upper(): _plain(v) for key, v in value.items()}
        else:
            found[f"ANALYZER_{table}".upper()] = _plain(value)
    return found


def run(settings: Settings, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A command of ours with these settings, which is expected to end by itself."""
    return subprocess.run(  # noqa: S603 - our own command line
        [sys.executable, "-m", "analyzer", *arguments],
        env=environment(settings),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def _plain(value: object) -> str:
    import json  # noqa: PLC0415 - small and local

    if isinstance(value, SecretStr):
        return value.get_secret_value()
    return str(value) if isinstance(value, str | Path) else json.dumps(value)


@contextmanager
def worker(settings: Settings, log: Path, command: Iterable[str] = ()) -> Iterator[WorkerProcess]:
    """A worker process, ready for work; killed at the end if it still runs."""
    with workers(settings, [log], command) as [process]:
        yield process


@contextmanager
def workers(
    settings: Settings, logs: Iterable[Path], command: Iterable[str] = ()
) -> Iterator[list[WorkerProcess]]:
    """Worker processes, one for each log, started together."""
    line = list(command) or [sys.executable, "-m", "analyzer", "worker"]
    started: list[WorkerProcess] = []
    try:
        for log in logs:
            process = WorkerProcess("worker", line, log, environment=environment(settings))
            started.append(process)
        for process in started:
            process.wait_ready()
        yield started
    finally:
        for process in started:
            process.kill()


def wait_until(condition: object, within_s: float, pause_s: float = 0.1) -> bool:
    """Call ``condition`` until it is true; False if it was not in time."""
    if not callable(condition):
        raise TypeError("a condition is called")
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(pause_s)
    return False


def settings_for(broker: str, partitions: int, **changes: object) -> Settings:
    """Settings with a group and topics that nobody else uses.

    Snapshots are frequent, no partition is taken for idle, and no event is too early, whatever
    the clock of this machine says and however slow it is.

    Parameters
    ----------
    partitions
        Of the topic of requests.
    changes
        Whole tables, or settings outside of tables.
    """
    name = uuid.uuid4().hex[:8]
    plain = Settings(
        broker=broker,
        app_id=name,
        topics=own_topics(name, partitions),
        worker=Worker(snapshot_every_s=1.0, idle_after_s=3_600.0),
        core=CoreConfig(max_future_s=TEN_YEARS_S),
    )
    return plain.model_copy(update=changes)


def own_topics(prefix: str, requests_partitions: int) -> Topics:
    """Topic names that nobody else uses."""
    names = {
        name: f"{prefix}.{name.replace('_', '-')}"
        for name, field in Topics.model_fields.items()
        if field.annotation is str
    }
    return Topics.model_validate(names | {"requests_partitions": requests_partitions})


def scenario(name: str, partitions: int) -> list[list[bytes]]:
    """A simulated world by partition; the last events of each close every pane."""
    lines = simulated(name)
    parts = reference_run.by_account(lines, partitions)
    return [part + reference_run.sentinels(lines, number) for number, part in enumerate(parts)]


def simulated(name: str, seed: int = 1) -> list[bytes]:
    """The events of a simulated world, half as large as usual, without line breaks."""
    return b"".join(generate(name, seed, scale=0.5, days=1.5).lines()).splitlines()


def feed(settings: Settings, parts: list[list[bytes]], first: float, last: float) -> None:
    """Produce a share of each partition, from ``first`` to ``last`` in [0, 1]."""
    for number, part in enumerate(parts):
        piece = part[int(len(part) * first) : int(len(part) * last)]
        produce(settings, ((None, line) for line in piece), partition=number)


def caught_up(settings: Settings, within_s: float = 180.0) -> bool:
    """Wait until nothing is left to read; False if that is not so in time."""
    return asyncio.run(_caught_up(settings, within_s))


async def _caught_up(settings: Settings, within_s: float) -> bool:
    async with clients.admin(settings) as admin, clients.reader(settings) as client:

        async def nothing_left() -> bool:
            return not await _left(settings, admin, client)

        return await _until(nothing_left, within_s, 0.5)


def holds_something(settings: Settings, topic: str, within_s: float) -> bool:
    """Wait until somebody has written to a topic; False if that is not so in time."""
    return asyncio.run(_holds_something(settings, topic, within_s))


async def _holds_something(settings: Settings, topic: str, within_s: float) -> bool:
    async with clients.reader(settings) as client:
        tps = await _partitions(client, topic)

        async def written() -> bool:
            return any((await client.end_offsets(tps)).values())

        return await _until(written, within_s, 0.1)


async def _until(so: Callable[[], Awaitable[bool]], within_s: float, pause_s: float) -> bool:
    """Ask again and again until it is so; False if it is not in time."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        if await so():
            return True
        await asyncio.sleep(pause_s)
    return False


def jars_of(root: Path) -> Path | None:
    """Jars of Apache Kafka for a checkout of the project; None where it can't run."""
    return brokers.apache_jars(root / "deploy" / "kafka")


def create_topics(settings: Settings) -> topics.Layout:
    """All topics of these settings."""
    return asyncio.run(topics.prepare(settings, create=True))


def delete_below(settings: Settings, topic: str, partition: int, offset: int) -> None:
    """Delete the records of a partition below an offset, as a broker does in time."""

    async def run() -> None:
        async with clients.admin(settings) as client:
            await client.delete_records({TopicPartition(topic, partition): RecordsToDelete(offset)})

    asyncio.run(run())


def produce(
    settings: Settings,
    messages: Iterable[Message],
    *,
    topic: str | None = None,
    partition: int | None = None,
) -> None:
    """Send messages; with a key and no partition Kafka's own partitioner decides."""
    asyncio.run(_produce(settings, topic or settings.topics.requests, messages, partition))


async def _produce(
    settings: Settings, topic: str, messages: Iterable[Message], partition: int | None
) -> None:
    async with clients.producer(settings) as client:
        sent = []
        for key, value in messages:
            sent.append(await client.send(topic, value, key=key, partition=partition))
            if len(sent) >= BATCH:
                await asyncio.gather(*sent)
                sent.clear()
        await asyncio.gather(*sent)


def consume(settings: Settings, topic: str) -> list[Message]:
    """Everything that a topic holds now, partition by partition."""
    return asyncio.run(_consume(settings, topic))


async def _consume(settings: Settings, topic: str) -> list[Message]:
    found: list[Message] = []
    async with clients.reader(settings) as client:
        tps = await _partitions(client, topic)
        client.assign(tps)
        for tp in tps:
            end = (await client.end_offsets([tp]))[tp]
            await client.seek_to_beginning(tp)
            while True:
                got = (await client.getmany(tp, timeout_ms=150)).get(tp, [])
                found.extend((record.key, record.value) for record in got)
                if not got and await client.position(tp) >= end:
                    break
    return found


def answers(settings: Settings) -> list[bytes]:
    """All alerts, campaigns and members that were sent, each once, sorted."""
    names = settings.topics
    topics_ = (names.alerts, names.campaigns, names.members)
    return sorted({value for topic in topics_ for _, value in consume(settings, topic) if value})


def lag(settings: Settings) -> int:
    """Records of the agents' topics that lie above their committed offsets."""
    return sum(left(settings).values())


def left(settings: Settings) -> dict[TopicPartition, int]:
    """How many records lie above the committed offset of each partition, where any do."""
    return asyncio.run(_left_now(settings))


async def _left_now(settings: Settings) -> dict[TopicPartition, int]:
    async with clients.admin(settings) as admin, clients.reader(settings) as client:
        return await _left(settings, admin, client)


async def _left(
    settings: Settings, admin: AIOKafkaAdminClient, client: AIOKafkaConsumer
) -> dict[TopicPartition, int]:
    tps = [
        tp for name in topics.agents(settings).values() for tp in await _partitions(client, name)
    ]
    ends = await client.end_offsets(tps)
    try:
        committed = await admin.list_consumer_group_offsets(settings.app_id, partitions=tps)
    except GroupCoordinatorNotAvailableError:  # the first group of a new broker
        committed = {}
    starts = {tp: max(0, offset.offset) for tp, offset in committed.items()}
    return {tp: ends[tp] - starts.get(tp, 0) for tp in tps if ends[tp] > starts.get(tp, 0)}


async def _partitions(client: AIOKafkaConsumer, topic: str) -> list[TopicPartition]:
    await client._client.add_topic(topic)  # noqa: SLF001 - partitions before a subscription
    return [TopicPartition(topic, p) for p in sorted(client.partitions_for_topic(topic) or ())]
