"""Chaos among the brokers: leaders move, and the snapshot topics refuse to be written.

A cluster of three nodes of Apache Kafka, every topic with three replicas.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError

from analyzer import kafka_clients as clients
from analyzer.settings import Settings
from analyzer.stream.topics.catalog import SNAPSHOTS, snapshot_topic, wanted
from analyzer.testing import brokers, harness, reference_run
from analyzer.testing.brokers import Broker
from analyzer.testing.worker_pool import WorkerPool

PARTITIONS = 4
NODES = 3
QUICKLY = {
    "broker__session__timeout__ms": "3000",
    "leader__imbalance__check__interval__seconds": "3",
}
"""A dead node loses its leaderships, and one that is back gets them again, within seconds."""
MOVED_WITHIN_S, WITHIN_S = 60.0, 300.0
REFUSED_S = 20.0
REFUSALS = {
    "too few replicas in sync": {"min.insync.replicas": str(NODES)},  # one node is away
    "record too large": {"max.message.bytes": "100"},
}

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def cluster(pytestconfig: pytest.Config) -> Iterator[list[Broker]]:
    """Three nodes."""
    jars = harness.jars_of(pytestconfig.rootpath)
    if not pytestconfig.getoption("--chaos") or jars is None:
        pytest.skip("only with --chaos KILLS, and with Java and Maven")
    with brokers.apache_nodes(jars, NODES, **QUICKLY) as nodes:
        yield nodes


@pytest.fixture(scope="module")
def parts() -> list[list[bytes]]:
    """A small scenario with a campaign, by partition."""
    return harness.scenario("smoke", PARTITIONS)


@pytest.fixture
def settings(cluster: list[Broker]) -> Settings:
    """Replicated topics of their own."""
    plain = harness.settings_for(brokers.address(cluster), PARTITIONS, cohort_shards=2)
    topics = plain.topics.model_copy(update={"replication_factor": NODES})
    found = plain.model_copy(update={"topics": topics})
    harness.create_topics(found)
    return found


def led(settings: Settings, node: int) -> int | None:
    """How many partitions of our topics a node leads; None if that can't be told now."""

    async def ask() -> int:
        async with clients.admin(settings) as admin:
            topics = await admin.describe_topics([topic.name for topic in wanted(settings)])
        return sum(part["leader"] == node for topic in topics for part in topic["partitions"])

    try:
        return asyncio.run(ask())
    except KafkaError:  # the node that was asked is the dead one
        return None


def configure(settings: Settings, changes: dict[str, str]) -> None:
    """Change the configuration of the snapshot topics."""
    resources = [
        ConfigResource(
            ConfigResourceType.TOPIC, snapshot_topic(settings, kind), SNAPSHOTS | changes
        )
        for kind in ("account", "cohort", "campaign")
    ]

    async def ask() -> None:
        async with clients.admin(settings) as admin:
            for response in await admin.alter_configs(resources):
                assert [row[0] for row in response.resources] == [0] * len(resources)

    asyncio.run(ask())


def test_leaders_move(
    cluster: list[Broker], settings: Settings, parts: list[list[bytes]], tmp_path: Path
) -> None:
    """Each node is killed in turn, its partitions get other leaders, and it takes them back."""
    with WorkerPool(settings, tmp_path) as pool:
        for turn, (node, broker) in enumerate(enumerate(cluster, 1)):
            assert led(settings, node)
            harness.feed(settings, parts, turn / NODES, (turn + 1) / NODES)
            broker.kill()
            assert harness.wait_until(lambda n=node: led(settings, n) == 0, MOVED_WITHIN_S, 1.0)
            pool.supervise()
            broker.start_again()
            assert harness.wait_until(lambda n=node: bool(led(settings, n)), MOVED_WITHIN_S, 1.0)
            pool.supervise()
        assert pool.work_off(WITHIN_S)
        pool.end()
    assert harness.answers(settings) == sorted(set(reference_run.records(settings.core, parts)))
    assert pool.unexpected == []


@pytest.mark.parametrize("why", REFUSALS)
def test_snapshots_are_refused(
    cluster: list[Broker],
    settings: Settings,
    parts: list[list[bytes]],
    tmp_path: Path,
    why: str,
) -> None:
    """As with a full disk: no snapshot for a while, workers killed meanwhile, then all is well."""
    with WorkerPool(settings, tmp_path) as pool:
        harness.feed(settings, parts, 0.0, 0.4)
        saved = snapshot_topic(settings, "campaign")
        assert harness.holds_something(settings, saved, 60.0)
        configure(settings, REFUSALS[why])
        cluster[-1].kill()
        harness.feed(settings, parts, 0.4, 0.7)
        until = time.monotonic() + REFUSED_S
        while time.monotonic() < until:
            pool.supervise()
            time.sleep(1.0)
        pool.inject(0, "kill")
        harness.feed(settings, parts, 0.7, 1.0)
        cluster[-1].start_again()
        configure(settings, {})
        assert pool.work_off(WITHIN_S)
        pool.end()
    assert harness.answers(settings) == sorted(set(reference_run.records(settings.core, parts)))
