"""Messages on their way to the broker, in order, with a limit on how many are in flight."""

from __future__ import annotations

import asyncio
import secrets
from collections import deque
from collections.abc import Awaitable

from analyzer.core.contracts.blocks import Block
from analyzer.stream.state.kafka_log import Send
from analyzer.stream.transport import message_chunks as parts

IN_FLIGHT = 256


class Outbox:
    """What one owner sends.

    A failed send is fatal for the owner: an ambiguous write must not be followed by more.
    """

    def __init__(
        self, send: Send, in_flight: int = IN_FLIGHT, part_bytes: int | None = None
    ) -> None:
        self._send = send
        self._part_bytes = part_bytes
        self._limit = in_flight
        self._pending: deque[Awaitable[object]] = deque()
        self._sender = secrets.token_hex(4)
        self._blocks = 0

    async def put(
        self, topic: str, value: bytes, *, key: bytes | None = None, partition: int | None = None
    ) -> None:
        """Hand one message to the producer; waits if too many are in flight."""
        self._pending.append(await self._send(topic, partition, key, value))
        while len(self._pending) > self._limit:
            await self._pending.popleft()

    async def put_block(self, topic: str, block: Block, data: bytes, partitions: range) -> None:
        """Send one block, encoded, to each of these partitions, in parts if it is large."""
        self._blocks += 1
        for message in parts.cut(
            data,
            sender=self._sender,
            number=self._blocks,
            kind=parts.kind_of(block),
            source=block.source,
            stop=block.stop,
            part_bytes=self._part_bytes,
        ):
            for partition in partitions:
                await self.put(topic, message, partition=partition)

    def taken(self) -> list[Awaitable[object]]:
        """Everything in flight, out of the box: the caller awaits it."""
        taken = list(self._pending)
        self._pending.clear()
        return taken

    async def flush(self) -> None:
        """Wait until the broker has everything."""
        await asyncio.gather(*self.taken())
