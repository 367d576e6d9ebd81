"""Nothing lost and nothing counted twice, whatever is killed; with counting steps."""

from __future__ import annotations

import asyncio
import signal
import sys
import uuid
from pathlib import Path

import msgspec
import pytest

from analyzer.settings import Settings
from analyzer.settings_tables import Kafka, Worker
from analyzer.stream.state.kafka_log import KafkaLog
from analyzer.stream.state.snapshots import SnapshotStore
from analyzer.stream.topics.catalog import snapshot_topic
from analyzer.testing import harness
from analyzer.testing.brokers import Broker

COUNTING = [sys.executable, str(Path(__file__).with_name("counting_worker.py"))]
PARTITIONS = 3
SHARDS = 2

pytestmark = pytest.mark.integration


def settings_for(broker: Broker) -> Settings:
    """Settings with topics and a group of their own."""
    name = uuid.uuid4().hex[:8]
    return Settings(
        broker=broker.url,
        app_id=name,
        shards=SHARDS,
        kafka=Kafka(session_timeout_s=6.0),
        topics=harness.own_topics(name, PARTITIONS),
        worker=Worker(snapshot_every_s=1.0, idle_after_s=2.0),
    )


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


def counted(settings: Settings) -> tuple[int, int]:
    """Events and sum of input tokens over all account shards, from their snapshots."""
    return asyncio.run(_counted(settings))


async def _nothing(*_args: object) -> None:
    raise AssertionError("nothing is written here")


async def _counted(settings: Settings) -> tuple[int, int]:
    events = total = 0
    for shard in range(settings.shards):
        topic = snapshot_topic(settings, "account")
        log = KafkaLog(settings, _nothing, topic, shard)  # type: ignore[arg-type] # never sends
        states: list[bytes] = []
        await SnapshotStore(log, topic_id="", stamp=settings.stamp).load(states.append)
        for state in states:
            _, shard_events, shard_total, _ = msgspec.msgpack.decode(state)
            events, total = events + shard_events, total + shard_total
    return events, total


def feed(settings: Settings, first: int, last: int) -> None:
    """Produce events ``first`` to ``last``."""
    harness.produce(settings, ((b"%d" % (i % 31), event(i)) for i in range(first, last)))


def test_kills_and_restarts_leave_the_counts_exact(broker: Broker, tmp_path: Path) -> None:
    """Two workers, kill -9 in the middle of traffic, a restart, SIGTERM with exit code 0."""
    settings, n = settings_for(broker), 60_000
    harness.create_topics(settings)
    feed(settings, 0, n // 3)
    with harness.worker(settings, tmp_path / "a.log", COUNTING) as first:
        with harness.worker(settings, tmp_path / "b.log", COUNTING) as second:
            feed(settings, n // 3, 2 * n // 3)
            second.kill()
        feed(settings, 2 * n // 3, n)
        first.kill()
    with harness.worker(settings, tmp_path / "c.log", COUNTING) as third:
        harness.caught_up(settings, 60.0)
        code = third.terminate()
    assert code == 0, third.text()
    assert counted(settings) == (n, n * (n - 1) // 2)


def test_a_frozen_worker_that_wakes_up_changes_nothing(broker: Broker, tmp_path: Path) -> None:
    """SIGSTOP until its partitions are taken over, then SIGCONT: a zombie with full buffers."""
    settings, n = settings_for(broker), 60_000
    harness.create_topics(settings)
    feed(settings, 0, n // 3)
    with (
        harness.worker(settings, tmp_path / "a.log", COUNTING) as zombie,
        harness.worker(settings, tmp_path / "b.log", COUNTING) as heir,
    ):
        feed(settings, n // 3, n // 2)
        zombie.popen.send_signal(signal.SIGSTOP)
        feed(settings, n // 2, 2 * n // 3)
        generations = heir.text().count(harness.READY)
        assert harness.wait_until(lambda: heir.text().count(harness.READY) > generations, 20.0)
        zombie.popen.send_signal(signal.SIGCONT)
        feed(settings, 2 * n // 3, n)
        harness.caught_up(settings, 60.0)
        codes = (zombie.terminate(), heir.terminate())
    assert codes == (0, 0)
    assert counted(settings) == (n, n * (n - 1) // 2)
