"""Streaming a world to a broker."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from analyzer.errors import RetryLater
from analyzer.simulate import generate
from analyzer.simulate.produce import produce

if TYPE_CHECKING:
    from analyzer.testing.brokers import Broker

TOPIC = "simulate.requests"
PARTITIONS = 3


async def make_topic(host_port: str) -> None:
    """Create the topic."""
    admin = AIOKafkaAdminClient(bootstrap_servers=host_port)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(TOPIC, PARTITIONS, 1)])
    finally:
        await admin.close()


async def read(host_port: str, n: int) -> list[tuple[int, bytes, bytes]]:
    """Read ``n`` records as (partition, key, value), in order within a partition."""
    consumer = AIOKafkaConsumer(bootstrap_servers=host_port, auto_offset_reset="earliest")
    await consumer.start()
    partitions = [TopicPartition(TOPIC, at) for at in range(PARTITIONS)]
    found: list[tuple[int, bytes, bytes]] = []
    try:
        consumer.assign(partitions)
        await consumer.seek_to_beginning()
        while len(found) < n:
            for batch in (await consumer.getmany(timeout_ms=500)).values():
                found += [(record.partition, record.key, record.value) for record in batch]
    finally:
        await consumer.stop()
    return found


@pytest.mark.integration
def test_every_event_arrives_in_order_under_its_account(
    broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All events are there once, keyed by account, in time order within a partition."""
    monkeypatch.setenv("ANALYZER_TOPICS__REQUESTS", TOPIC)
    world = generate("smoke", 5, 0.2)

    async def there_and_back() -> list[tuple[int, bytes, bytes]]:
        await make_topic(broker.host_port)
        await produce(world, broker.url, rate=None)
        return await read(broker.host_port, len(world))

    found = asyncio.run(there_and_back())
    sent = list(world.keyed_lines())
    assert sorted(sent) == sorted((key, value) for _, key, value in found)
    homes = {key: partition for partition, key, _ in found}
    assert len(set(homes.values())) == PARTITIONS
    for at in range(PARTITIONS):
        expected = [line for key, line in sent if homes[key] == at]
        assert expected == [value for partition, _, value in found if partition == at]


def test_no_broker_is_said_plainly() -> None:
    """Without a broker the error names the address."""
    with pytest.raises(RetryLater, match=r"no broker at kafka://127\.0\.0\.1:9"):
        asyncio.run(produce(generate("smoke", 5, 0.05), "kafka://127.0.0.1:9", rate=None))
