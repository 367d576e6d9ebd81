"""Blocks: what one step sends to one shard of the next, and how it looks as bytes.

A block holds the rows of one source for a half-open range ``[start, stop)``: offsets of a
raw partition (events) or numbers of panes (everything after). The receiver's gate
(:mod:`.gate`) knows how far each source has been seen::

    seen ─────────────┐
    [ old block ]     │            stop ≤ seen            dropped
          [ overlapping ]          start < seen < stop    rows below seen are trimmed
                      [ next ]     start = seen           taken
                          [ far ]  start > seen           a hole: HoleError
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import MISSING, dataclass, field, fields, is_dataclass
from io import BytesIO
from typing import Any, TypeVar

import msgspec
import numpy as np
import zstandard
from numpy.typing import NDArray

from analyzer.core.contracts.cohort_columns import CohortColumns
from analyzer.core.contracts.decode import UNREADABLE
from analyzer.core.contracts.events import EventColumns
from analyzer.core.contracts.pane_columns import PaneColumns
from analyzer.core.contracts.stamp import Stamp
from analyzer.core.kernels.packed_arrays import (
    Head,
    Parts,
    array_of,
    array_parts,
    laid_aside,
    size_of,
)
from analyzer.errors import OtherSettingsError, StateError

FORMAT = 8
LEVEL = -1
"""Of compression: half of a block is hashes, in which a higher one finds nothing more."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class EventBlock:
    """ingest → account: rows of raw offsets ``[start, stop)`` of one partition."""

    source: int
    start: int
    stop: int
    watermark_ms: int
    """Greatest event time seen in this source, less the lateness."""
    idle: bool = False
    """True: nothing has come for a while and nothing is waiting; hold nobody back."""
    stale: bool = False
    """True: far behind its record times and not catching up; hold nobody back who is not."""
    origin: str = ""
    """Identity of the topic that the offsets belong to; a file has none."""
    rows: EventColumns = field(default_factory=EventColumns)


@dataclass(frozen=True, slots=True)
class PaneBlock:
    """account → cohort: rows of the sealed panes ``[start, stop)`` of one account shard."""

    source: int
    start: int
    stop: int
    rows: PaneColumns = field(default_factory=PaneColumns)

    def cut(self, stops: Iterable[int]) -> Iterator[PaneBlock]:
        """The same in blocks that end at these panes, rising, and at its own end."""
        start = self.start
        for stop in stops:
            if start < stop < self.stop:
                yield PaneBlock(self.source, start, stop, self.rows.between(start, stop))
                start = stop
        rows = self.rows if start == self.start else self.rows.between(start, self.stop)
        yield PaneBlock(self.source, start, self.stop, rows)


@dataclass(frozen=True, slots=True)
class CohortBlock:
    """cohort → campaign: cohorts judged in panes ``[start, stop)`` by one cohort shard."""

    source: int
    start: int
    stop: int
    rows: CohortColumns = field(default_factory=CohortColumns)
    signals: list[str] = field(default_factory=list)
    """What the columns of the features are called."""


Block = EventBlock | PaneBlock | CohortBlock
"""What steps send to one another."""

UNSTAMPED = Stamp()
"""Of replays and tests, where one process makes and takes everything."""

_NO_BYTES, _BYTES = b"\xc4\x00", b"\xc6"
"""MessagePack's empty binary string, and the mark of one whose length follows in four bytes."""
_NO_BLOCK = (*UNREADABLE, zstandard.ZstdError, MemoryError, ValueError, TypeError)


def encode(block: Block, stamp: Stamp = UNSTAMPED) -> bytes:
    """A block as bytes: MessagePack in a frame of zstd.

    What is kept of the columns follows as one binary string, each at a multiple of eight bytes,
    and is compressed column by column: a crowded block is never there twice.

    Parameters
    ----------
    stamp
        Under which settings it was made.
    """
    made = [stamp.config_hash, stamp.state_hash]
    columns: list[NDArray[np.uint8]] = []

    def aside(array: NDArray[Any]) -> Head:
        head, flat = laid_aside(array)
        columns.append(flat)
        return head

    plain = [type(block).__name__, FORMAT, made, block, b""]
    start = msgspec.msgpack.encode(plain, enc_hook=aside).removesuffix(_NO_BYTES)
    gap = _to_word(len(start) + 5)
    size = gap + sum(len(flat) + _to_word(len(flat)) for flat in columns)
    start += _BYTES + size.to_bytes(4, "big") + bytes(gap)
    packed, packer = BytesIO(), zstandard.ZstdCompressor(LEVEL)
    size += len(start) - gap
    with packer.stream_writer(packed, size=size, closefd=False) as writer:
        writer.write(start)
        for flat in columns:
            writer.write(flat.data)
            writer.write(bytes(_to_word(len(flat))))
    return packed.getvalue()


def decode(data: bytes, *kinds: type[T], stamp: Stamp = UNSTAMPED) -> T:
    """The block of one of the given kinds in these bytes.

    Raises
    ------
    StateError
        If the bytes are not a block of such a kind and of this format.
    OtherSettingsError
        If it was made under settings that give it another meaning, or by another release.
    """
    try:
        whole = zstandard.decompress(data)
        parts = msgspec.msgpack.decode(whole, type=list[msgspec.Raw])
        name, version = (msgspec.msgpack.decode(part) for part in parts[:2])
    except _NO_BLOCK as error:
        raise StateError(f"not a block: {error}") from error
    known = {kind.__name__: kind for kind in kinds}
    if not isinstance(name, str) or name not in known or type(version) is not int:
        expected = " or ".join(known)
        raise StateError(f"expected {expected}, found {name!r:.99} in {version!r:.99}")
    if version != FORMAT:
        raise OtherSettingsError(f"made by another release (format {version}, here {FORMAT})")
    kind = known[name]
    try:
        config_hash, state_hash = msgspec.msgpack.decode(parts[2])
        stamp.admit(str(config_hash), str(state_hash))
        plain, kept = msgspec.msgpack.decode(parts[3]), parts[4]
        flat = msgspec.msgpack.decode(kept, type=memoryview)
        columns = _Columns(flat, _to_word(len(whole) - len(flat)))
        block = from_plain(plain, kind, columns.read)
        _check_range(block)
    except (*_NO_BLOCK, LookupError, AttributeError, OverflowError) as error:
        raise StateError(f"damaged {name}: {error!r}") from error
    return block


class _Columns:
    """Arrays as they follow one another; views, so that none is there twice."""

    def __init__(self, flat: memoryview, at: int) -> None:
        self._flat, self._at = flat, at

    def read(self, head: Head) -> NDArray[Any]:
        """The next one."""
        size = size_of(head)
        flat = self._flat[self._at : self._at + size]
        self._at += size + _to_word(size)
        return array_of(*head, flat)


def _to_word(size: int) -> int:
    """How many bytes are missing from a multiple of eight."""
    return -size % 8


def to_plain(value: Any) -> Any:
    """Dataclasses and arrays as maps, lists and bytes that MessagePack knows."""
    if isinstance(value, np.ndarray):
        return array_parts(value)
    if is_dataclass(value):
        return {f.name: to_plain(getattr(value, f.name)) for f in fields(value)}
    return value


def _whole(parts: Parts) -> NDArray[Any]:
    return array_of(*parts)


def from_plain(
    plain: dict[str, Any], kind: type[T], read: Callable[[Any], NDArray[Any]] = _whole
) -> T:
    """The inverse of :func:`to_plain` for one dataclass, by its declared fields alone.

    Parameters
    ----------
    read
        Makes an array of what stands for it; called in the order of the fields.
    """
    values: dict[str, Any] = {}
    for f in fields(kind):  # type: ignore[arg-type] # every kind is a dataclass
        value = plain[f.name]
        default = None if f.default_factory is MISSING else f.default_factory()
        if is_dataclass(default):
            values[f.name] = from_plain(value, type(default), read)
        elif isinstance(default, np.ndarray):
            values[f.name] = _like(read(value), default)
        else:
            values[f.name] = value
    return kind(**values)


def _like(array: NDArray[Any], blank: NDArray[Any]) -> NDArray[Any]:
    if (array.dtype, array.ndim) != (blank.dtype, blank.ndim):
        raise TypeError(f"{array.ndim}-dimensional {array.dtype} instead of {blank.dtype}")
    return array


def _check_range(block: Any) -> None:
    place = (block.source, block.start, block.stop)
    if not all(type(number) is int for number in place) or not 0 <= block.start <= block.stop:
        raise ValueError("its source or range is no such thing")
