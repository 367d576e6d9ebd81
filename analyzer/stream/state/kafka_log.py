"""One partition of the snapshot topic on a real broker."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Protocol

from aiokafka import ConsumerRecord, TopicPartition
from faust.types import TP

from analyzer import kafka_clients as clients
from analyzer.settings import Settings
from analyzer.stream.state.snapshots import Entry

POLL_MS = 150


class ReadOn(Protocol):
    """Reads a partition outside every group; waits for the broker, and may raise."""

    async def __call__(
        self, tp: TP, start: int | None, /, *, once: bool = False
    ) -> tuple[list[Any], int]:
        """All records from an offset, or the beginning, to the end; and where that is.

        With ``once`` only those of the first fetch, and the offset after them.
        """


Send = Callable[[str, int | None, bytes | None, bytes | None], Awaitable[Awaitable[object]]]
"""Topic, partition, key, value; the inner awaitable is the broker's answer."""


class KafkaLog:
    """Implements :class:`~analyzer.stream.state.snapshots.Log`."""

    def __init__(
        self,
        settings: Settings,
        send: Send,
        topic: str,
        partition: int,
        read: ReadOn | None = None,
    ) -> None:
        self._read = read or partial(read_on, settings)
        self._send = send
        self._tp = TopicPartition(topic, partition)

    async def read(self) -> list[Entry]:
        """All entries, in their order."""
        records, _ = await self._read(TP(*self._tp), None)
        return [(record.key, record.value) for record in records if record.key]

    async def write(self, entries: list[Entry]) -> None:
        """Append entries and wait for the broker."""
        sent = [
            await self._send(self._tp.topic, self._tp.partition, key, value)
            for key, value in entries
        ]
        await asyncio.gather(*sent)


async def read_on(
    settings: Settings, tp: TP, start: int | None = None, *, once: bool = False
) -> tuple[list[ConsumerRecord], int]:
    """All records of a partition from ``start``, or its beginning, to its end; in no group.

    The second is the offset after all that was read: a log may end in what is no record. With
    ``once`` the first fetch that has any is enough.

    Reads on past the end that the broker tells until a poll stays empty: the embedded
    broker tells too low an end where a batch has several records.
    """
    key, records = TopicPartition(*tp), list[ConsumerRecord]()
    async with clients.reader(settings) as client:
        client.assign([key])
        end = (await client.end_offsets([key]))[key]
        if start is None:
            await client.seek_to_beginning(key)
        else:
            client.seek(key, start)
        while True:
            found = (await client.getmany(key, timeout_ms=POLL_MS)).get(key, [])
            records.extend(found)
            reached = await client.position(key)
            if (found and once) or (not found and reached >= end):
                return records, reached
