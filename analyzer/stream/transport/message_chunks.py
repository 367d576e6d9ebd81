"""Blocks too large for one Kafka message travel in parts.

A block of up to ``PART_BYTES`` is a message as it is. A larger one is cut; every part says
which sender cut it, its place, and which range of which source the block covers::

    offset   10      11      12      13      14
             part 1  block   part 2  part 3  block
             of 3            of 3    of 3 ─► whole

While a block is incomplete, a snapshot must not cover its first part: a restart has to read
it again. A sender that died leaves its parts behind; they are forgotten once its successor
has delivered the same range, which it does, since it goes on from what was acknowledged.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec

from analyzer.core.contracts.decode import UNREADABLE
from analyzer.errors import StateError

PART_BYTES = 768 * 1_024
FORGOTTEN_AFTER = 100_000
"""Messages after which nobody waits any more for the next part of a block."""
MARK = b"\x00"
"""First byte of a part; a block begins with the magic number of zstd, which has another."""


class Part(msgspec.Struct, frozen=True, array_like=True):
    """One part of a block."""

    sender: str
    number: int
    """Counts the blocks of the sender."""
    index: int
    count: int
    source: int
    stop: int
    """The block covers its source up to here."""
    piece: bytes
    kind: str
    """See :func:`kind_of`: a topic may carry several, each with sources of its own."""


def kind_of(block: Any) -> str:
    """What its sources are numbered within: its type, and the topic that they belong to."""
    return type(block).__name__ + getattr(block, "origin", "")


def cut(
    data: bytes,
    *,
    sender: str,
    number: int,
    kind: str,
    source: int,
    stop: int,
    part_bytes: int | None = None,
) -> Iterator[bytes]:
    """The messages that carry one encoded block."""
    part_bytes = part_bytes or PART_BYTES
    if len(data) <= part_bytes:
        yield data
        return
    count = math.ceil(len(data) / part_bytes)
    for index in range(count):
        piece = data[index * part_bytes : (index + 1) * part_bytes]
        part = Part(sender, number, index, count, source, stop, piece, kind)
        yield MARK + msgspec.msgpack.encode(part)


@dataclass(slots=True)
class _PartialMessage:
    """A block of which some parts have come."""

    first_offset: int
    last_offset: int
    count: int
    origin: tuple[str, int]
    """Type of the block, and its source."""
    stop: int
    number: int
    pieces: list[bytes] = field(default_factory=list)


class Assembler:
    """Puts parts together again, for the messages of one partition in their order."""

    def __init__(self) -> None:
        self._partial: dict[tuple[str, str, int], _PartialMessage] = {}
        self._delivered: dict[tuple[str, int], int] = {}
        """Up to where each source was delivered."""

    def feed(self, offset: int, message: bytes) -> bytes | None:
        """The block that this message completes, or None.

        Raises
        ------
        StateError
            If the message is a damaged part.
        """
        if not message.startswith(MARK):
            return message
        try:
            part = msgspec.msgpack.decode(memoryview(message)[1:], type=Part)
        except UNREADABLE as error:
            raise StateError(f"damaged part of a block: {error}") from error
        origin = (part.kind, part.source)
        key = (part.sender, *origin)
        if part.index == 0:
            if part.stop <= self._delivered.get(origin, -1):
                return None  # a dead sender's, later than its successor's
            self._partial[key] = _PartialMessage(
                offset, offset, part.count, origin, part.stop, part.number
            )
        partial = self._partial.get(key)
        if partial is None or partial.number != part.number or len(partial.pieces) != part.index:
            return None  # its first part lies below where we began to read
        partial.pieces.append(part.piece)
        partial.last_offset = offset
        if len(partial.pieces) < partial.count:
            return None
        del self._partial[key]
        return b"".join(partial.pieces)

    def delivered(self, kind: str, source: int, stop: int) -> None:
        """A block up to ``stop`` was taken: older ones of that source are not needed."""
        self._delivered[kind, source] = max(stop, self._delivered.get((kind, source), stop))
        for key, partial in list(self._partial.items()):
            if partial.origin == (kind, source) and partial.stop <= stop:
                del self._partial[key]

    def cover(self, position: int) -> int:
        """Where a restart has to begin so that every incomplete block is read from its start.

        One that has not gone on for very long never will: nobody of ours sends it.
        """
        for key, partial in list(self._partial.items()):
            if position - partial.last_offset > FORGOTTEN_AFTER:
                del self._partial[key]
        return min((partial.first_offset for partial in self._partial.values()), default=position)
