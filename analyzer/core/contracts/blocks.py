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

from dataclasses import MISSING, dataclass, field, fields, is_dataclass
from typing import Any, TypeVar

import msgspec
import numpy as np
import zstandard
from numpy.typing import NDArray

from analyzer.core.contracts.columns import CohortColumns, PaneColumns
from analyzer.core.contracts.events import EventColumns
from analyzer.core.kernels.packed_arrays import array_of, array_parts
from analyzer.errors import StateError

FORMAT = 5
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
    rows: EventColumns = field(default_factory=EventColumns)


@dataclass(frozen=True, slots=True)
class PaneBlock:
    """account → cohort: rows of the sealed panes ``[start, stop)`` of one account shard."""

    source: int
    start: int
    stop: int
    rows: PaneColumns = field(default_factory=PaneColumns)


@dataclass(frozen=True, slots=True)
class CohortBlock:
    """cohort → campaign: cohorts judged in panes ``[start, stop)`` by one cohort shard."""

    source: int
    start: int
    stop: int
    rows: CohortColumns = field(default_factory=CohortColumns)


Block = EventBlock | PaneBlock | CohortBlock
"""What steps send to one another."""

_NO_BLOCK = (
    zstandard.ZstdError,
    msgspec.DecodeError,
    MemoryError,
    RecursionError,
    ValueError,
    TypeError,
)


def encode(block: Block) -> bytes:
    """A block as bytes: MessagePack with one binary string per column, in a frame of zstd."""
    plain = msgspec.msgpack.encode([type(block).__name__, FORMAT, to_plain(block)])
    return zstandard.compress(plain, LEVEL)


def decode(data: bytes, *kinds: type[T]) -> T:
    """The block of one of the given kinds in these bytes.

    Raises
    ------
    StateError
        If the bytes are not a block of such a kind and of this format.
    """
    try:
        name, version, plain = msgspec.msgpack.decode(zstandard.decompress(data))
    except _NO_BLOCK as error:
        raise StateError(f"not a block: {error}") from error
    known = {kind.__name__: kind for kind in kinds}
    if not isinstance(name, str) or name not in known or version != FORMAT:
        expected = " or ".join(known)
        raise StateError(
            f"expected {expected} in format {FORMAT}, found {name!r:.99} in {version!r:.99}"
        )
    kind = known[name]
    try:
        block = from_plain(plain, kind)
        _check_range(block)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise StateError(f"damaged {name}: {error!r}") from error
    return block


def to_plain(value: Any) -> Any:
    """Dataclasses and arrays as maps, lists and bytes that MessagePack knows."""
    if isinstance(value, np.ndarray):
        return array_parts(value)
    if is_dataclass(value):
        return {f.name: to_plain(getattr(value, f.name)) for f in fields(value)}
    return value


def from_plain(plain: dict[str, Any], kind: type[T]) -> T:
    """The inverse of :func:`to_plain` for one dataclass, by its declared fields alone."""
    values: dict[str, Any] = {}
    for f in fields(kind):  # type: ignore[arg-type] # every kind is a dataclass
        value = plain[f.name]
        default = None if f.default_factory is MISSING else f.default_factory()
        if is_dataclass(default):
            values[f.name] = from_plain(value, type(default))
        elif isinstance(default, np.ndarray):
            values[f.name] = _like(array_of(*value), default)
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
