"""One partition of the snapshot topic on a real broker."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from aiokafka import TopicPartition

from analyzer import clients
from analyzer.settings import Settings
from analyzer.stream.snapshots import Entry

POLL_MS = 150

Send = Callable[[str, int | None, bytes | None, bytes | None], Awaitable[Awaitable[object]]]
"""Topic, partition, key, value; the inner awaitable is the broker's answer."""


class KafkaLog:
    """Implements :class:`~analyzer.stream.snapshots.Log`."""

    def __init__(self, settings: Settings, send: Send, topic: str, partition: int) -> None:
        self._settings = settings
        self._send = send
        self._tp = TopicPartition(topic, partition)

    async def read(self) -> list[Entry]:
        """All entries, in their order.

        Reads on past the end that the broker tells until a poll stays empty: the embedded
        broker tells too low an end where a batch has several records.
        """
        entries: list[Entry] = []
        async with clients.reader(self._settings) as client:
            client.assign([self._tp])
            end = (await client.end_offsets([self._tp]))[self._tp]
            await client.seek_to_beginning(self._tp)
            while True:
                found = (await client.getmany(self._tp, timeout_ms=POLL_MS)).get(self._tp, [])
                entries.extend((record.key, record.value) for record in found if record.key)
                if not found and await client.position(self._tp) >= end:
                    return entries

    async def write(self, entries: list[Entry]) -> None:
        """Append entries and wait for the broker."""
        sent = [
            await self._send(self._tp.topic, self._tp.partition, key, value)
            for key, value in entries
        ]
        await asyncio.gather(*sent)
