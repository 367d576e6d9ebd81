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

from collections.abc import Iterable, Iterator
from dataclasses import MISSING, dataclass, field, fields, is_dataclass
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
from analyzer.core.kernels.packed_arrays import array_of, array_parts
from analyzer.errors import OtherSettingsError, StateError

FORMAT = 7
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

_NO_BLOCK = (*UNREADABLE, zstandard.ZstdError, MemoryError, ValueError, TypeError)


def encode(block: Block, stamp: Stamp = UNSTAMPED) -> bytes:
    """A block as bytes: MessagePack with one binary string per column, in a frame of zstd.

    Parameters
    ----------
    stamp
        Under which settings it was made.
    """
    made = [stamp.config_hash, stamp.state_hash]
    plain = msgspec.msgpack.encode([type(block).__name__, FORMAT, made, to_plain(block)])
    return zstandard.compress(plain, LEVEL)


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
        name, version, *rest = msgspec.msgpack.decode(zstandard.decompress(data))
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
        (config_hash, state_hash), plain = rest
        stamp.admit(str(config_hash), str(state_hash))
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
