"""Streaming a world to the request topic of a broker, in the order of arrival."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaConnectionError, KafkaError
from aiokafka.partitioner import DefaultPartitioner

from analyzer.errors import RetryLater
from analyzer.kafka_clients import options
from analyzer.settings import Settings

if TYPE_CHECKING:
    from analyzer.simulate.economy import Economy
    from analyzer.simulate.world import World

_BATCH_BYTES = 1 << 18
_TICKS_PER_S = 20


async def produce(world: World | Economy, broker: str, rate: float | None) -> None:
    """Send every event, keyed by account, in time order.

    Parameters
    ----------
    world
        What to send.
    broker
        ``kafka://HOST:PORT[,HOST:PORT]``.
    rate
        Events per second; as fast as the broker takes them if ``None``.

    Raises
    ------
    RetryLater
        If the broker can't be reached or refuses the events.
    """
    settings = Settings.load()
    settings = settings.model_validate({**settings.model_dump(), "broker": broker})
    producer = AIOKafkaProducer(
        max_batch_size=_BATCH_BYTES,
        **options(settings),
    )
    try:
        await producer.start()
        await _send(await _Sender.open(producer, settings.topics.requests), world, rate)
    except KafkaConnectionError as error:
        raise RetryLater(f"no broker at {broker}: {error}") from error
    except KafkaError as error:
        raise RetryLater(f"{settings.topics.requests}: {error!r}") from error
    finally:
        await producer.stop()


class _Sender:
    """Packs events into one batch per partition; far faster than one send an event."""

    def __init__(self, producer: AIOKafkaProducer, topic: str, partitions: list[int]) -> None:
        self._producer = producer
        self._topic = topic
        self._partitions = partitions
        self._choose = DefaultPartitioner()
        self._homes: dict[bytes, int] = {}
        self._open: dict[int, Any] = {}
        self._sent: list[asyncio.Future[Any]] = []

    @classmethod
    async def open(cls, producer: AIOKafkaProducer, topic: str) -> _Sender:
        """Ask for the topic's partitions."""
        return cls(producer, topic, sorted(await producer.partitions_for(topic)))

    async def put(self, key: bytes, line: bytes) -> None:
        """Add one event; the same key always goes to the same partition."""
        home = self._homes.get(key)
        if home is None:
            home = self._choose(key, self._partitions, self._partitions)
            self._homes[key] = home
        batch = self._open.setdefault(home, None) or self._new(home)
        if batch.append(key=key, value=line, timestamp=None) is None:
            await self._ship(home)
            self._new(home).append(key=key, value=line, timestamp=None)

    def _new(self, partition: int) -> Any:
        self._open[partition] = self._producer.create_batch()
        return self._open[partition]

    async def _ship(self, partition: int) -> None:
        batch = self._open.pop(partition)
        batch.close()
        self._sent.append(await self._producer.send_batch(batch, self._topic, partition=partition))

    async def flush(self) -> None:
        """Send what is waiting, and wait until the broker has it all."""
        for partition in sorted(self._open):
            await self._ship(partition)
        await asyncio.gather(*self._sent)
        self._sent.clear()


async def _send(sender: _Sender, world: World | Economy, rate: float | None) -> None:
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    step = 1 if rate is None else max(1, int(rate / _TICKS_PER_S))
    for at, (key, line) in enumerate(world.keyed_lines(), 1):
        await sender.put(key, line)
        if rate is not None and at % step == 0:
            await sender.flush()
            await asyncio.sleep(max(0.0, began_s + at / rate - loop.time()))
    await sender.flush()
