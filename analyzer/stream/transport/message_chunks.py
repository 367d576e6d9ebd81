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

import msgspec

from analyzer.errors import StateError

PART_BYTES = 768 * 1_024
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
    """Type of the block: a topic may carry several, each with sources of its own."""


def cut(
    data: bytes, *, sender: str, number: int, kind: str, source: int, stop: int
) -> Iterator[bytes]:
    """The messages that carry one encoded block."""
    if len(data) <= PART_BYTES:
        yield data
        return
    count = math.ceil(len(data) / PART_BYTES)
    for index in range(count):
        piece = data[index * PART_BYTES : (index + 1) * PART_BYTES]
        part = Part(sender, number, index, count, source, stop, piece, kind)
        yield MARK + msgspec.msgpack.encode(part)


@dataclass(slots=True)
class _Half:
    """A block of which some parts have come."""

    first_offset: int
    count: int
    origin: tuple[str, int]
    """Type of the block, and its source."""
    stop: int
    number: int
    pieces: list[bytes] = field(default_factory=list)


class Assembler:
    """Puts parts together again, for the messages of one partition in their order."""

    def __init__(self) -> None:
        self._halves: dict[tuple[str, str, int], _Half] = {}

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
        except msgspec.DecodeError as error:
            raise StateError(f"damaged part of a block: {error}") from error
        origin = (part.kind, part.source)
        key = (part.sender, *origin)
        if part.index == 0:
            self._halves[key] = _Half(offset, part.count, origin, part.stop, part.number)
        half = self._halves.get(key)
        if half is None or half.number != part.number or len(half.pieces) != part.index:
            return None  # its first part lies below where we began to read
        half.pieces.append(part.piece)
        if len(half.pieces) < half.count:
            return None
        del self._halves[key]
        return b"".join(half.pieces)

    def delivered(self, kind: str, source: int, stop: int) -> None:
        """A block up to ``stop`` was taken: older halves of the same source are not needed."""
        for key, half in list(self._halves.items()):
            if half.origin == (kind, source) and half.stop <= stop:
                del self._halves[key]

    def cover(self, position: int) -> int:
        """Where a restart has to begin so that every incomplete block is read from its start."""
        return min((half.first_offset for half in self._halves.values()), default=position)
