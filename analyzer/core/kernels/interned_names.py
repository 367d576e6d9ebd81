"""Text of hashes, as columns: names travel with the rows and become strings where one is shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from analyzer.core.kernels.hash_index import HashIndex, firsts
from analyzer.core.kernels.jit import compiled

U8 = NDArray[np.uint8]
I32 = NDArray[np.int32]
I64 = NDArray[np.int64]
U64 = NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class Names:
    """Hashes and their texts, columns of equal length.

    Raises
    ------
    ValueError
        If a text would lie outside of what there is.

    Examples
    --------
    >>> names = Names.of({7: "acct-7", 9: "tpl-9"})
    >>> names.take(np.array([1])).as_dict()
    {9: 'tpl-9'}
    """

    key: U64 = field(default_factory=lambda: np.zeros(0, np.uint64))
    stop: I64 = field(default_factory=lambda: np.zeros(0, np.int64))
    """Where each text ends; it starts where the one before it ends."""
    text: U8 = field(default_factory=lambda: np.zeros(0, np.uint8))
    """All texts one after another, UTF-8."""

    def __post_init__(self) -> None:
        ends = self.stop[-1] if len(self.stop) else 0
        if len(self.key) != len(self.stop) or ends != len(self.text) or (self.lengths < 0).any():
            raise ValueError("texts of names do not fit their places")

    def __len__(self) -> int:
        return len(self.key)

    @property
    def starts(self) -> I64:
        """Where each text begins."""
        starts = np.zeros_like(self.stop)
        starts[1:] = self.stop[:-1]
        return starts

    @property
    def lengths(self) -> I64:
        """Bytes of each text."""
        return self.stop - self.starts

    @classmethod
    def of(cls, texts: Mapping[int, str]) -> Self:
        """Names of a map from hash to text."""
        encoded = [text.encode() for text in texts.values()]
        return cls(
            np.fromiter(texts, np.uint64, len(texts)),
            np.cumsum(np.fromiter(map(len, encoded), np.int64, len(texts))),
            np.frombuffer(b"".join(encoded), np.uint8),
        )

    @classmethod
    def cut(cls, key: U64, text: U8, starts: I64, stops: I64) -> Self:
        """Names whose texts lie anywhere in a longer text."""
        ends = np.cumsum(stops - starts)
        cut = np.empty(int(ends[-1]) if len(ends) else 0, np.uint8)
        source = text.view()
        source.flags.writeable = False  # one kind of array, so that one version is compiled
        _cut(source, np.ascontiguousarray(starts), ends, cut)
        return cls(key, ends, cut)

    @classmethod
    def joined(cls, parts: list[Names]) -> Names:
        """All names of all parts, each once."""
        parts = [part for part in parts if len(part)]
        if len(parts) <= 1:
            return parts[0] if parts else cls()
        book = NameBook()
        for part in parts:
            book.add(part)
        return book.all()

    def take(self, rows: NDArray[np.integer[Any]]) -> Names:
        """The names in these rows."""
        return Names.cut(self.key[rows], self.text, self.starts[rows], self.stop[rows])

    def among(self, keys: U64) -> Names:
        """The names of these hashes; those without one are left out.

        Examples
        --------
        >>> Names.of({7: "acct-7", 9: "tpl-9"}).among(np.array([9, 8], np.uint64)).texts()
        ['tpl-9']
        """
        rows = HashIndex(self.key).find(keys)
        return self.take(rows[rows >= 0])

    def texts(self) -> list[str]:
        """The texts as strings, in their order."""
        whole = self.text.tobytes()
        starts, stops = self.starts.tolist(), self.stop.tolist()
        return [whole[i:j].decode(errors="replace") for i, j in zip(starts, stops, strict=True)]

    def as_dict(self) -> dict[int, str]:
        """Hash → text."""
        return dict(zip(self.key.tolist(), self.texts(), strict=True))


class NameBook:
    """Names that come bit by bit and are looked up by hash; what is known stays as it is.

    Examples
    --------
    >>> book = NameBook(Names.of({7: "acct-7"}))
    >>> book.add(Names.of({7: "acct-7", 9: "tpl-9"}))
    >>> book.texts(np.array([9, 8, 7], np.uint64))
    ['tpl-9', '', 'acct-7']
    >>> book.once(np.array([9, 8, 7, 9], np.uint64)).texts()
    ['tpl-9', 'acct-7']
    """

    def __init__(self, names: Names | None = None) -> None:
        self._index = HashIndex()
        self._key = np.zeros(0, np.uint64)
        self._stop = np.zeros(1, np.int64)
        """Where the text of each number ends, and before it a 0."""
        self._text = np.zeros(0, np.uint8)
        if names is not None:
            self.add(names)

    def __len__(self) -> int:
        return len(self._index)

    def add(self, names: Names) -> None:
        """Take in those that are new."""
        before = len(self)
        numbers = self._index.intern(names.key)
        if len(self) == before:
            return
        new = names.take(firsts(numbers, before, len(self)))
        end = int(self._stop[before])
        self._key = _with(self._key, before, new.key)
        self._stop = _with(self._stop, before + 1, new.stop + end)
        self._text = _with(self._text, end, new.text)

    @property
    def size(self) -> int:
        """Bytes of all texts."""
        return int(self._stop[len(self)])

    def add_within(self, names: Names, most: int, needed: U64) -> None:
        """As :meth:`add`; with more than ``most`` bytes held, only the names of ``needed``.

        Examples
        --------
        >>> book = NameBook(Names.of({7: "acct-7"}))
        >>> book.add_within(Names.of({8: "acct-8", 9: "tpl-9"}), 5, np.array([8], np.uint64))
        >>> book.texts(np.array([7, 8, 9], np.uint64))
        ['acct-7', 'acct-8', '']
        """
        if self.size > most:
            names = names.take(np.flatnonzero(np.isin(names.key, needed)))
        self.add(names)

    def of(self, keys: U64) -> Names:
        """The names of these hashes; those without one are left out."""
        numbers = self._index.find(keys)
        return self._cut(numbers[numbers >= 0])

    def once(self, *columns: U64) -> Names:
        """As :meth:`of`, for hashes that come again and again: each name at its first place."""
        came, found = np.zeros(len(self), np.bool_), [np.zeros(0, np.int32)]
        for keys in columns:
            for start in range(0, len(keys), _PART):
                numbers = self._index.find(keys[start : start + _PART])
                found.append(numbers[_new(numbers, came)])
        return self._cut(np.concatenate(found))

    def texts(self, keys: U64) -> list[str]:
        """Text of each hash, "" if it has none."""
        numbers = self._index.find(keys)
        stop = np.where(numbers < 0, 0, self._stop[numbers + 1])
        start = np.where(numbers < 0, 0, self._stop[numbers])
        return Names.cut(keys, self._text, start, stop).texts()

    def keys_of(self, text: str) -> U64:
        """Hashes that this text belongs to, usually one or none."""
        wanted = np.frombuffer(text.encode(), np.uint8)
        n = len(self)
        starts, stops = self._stop[:n], self._stop[1 : n + 1]
        alike = np.flatnonzero(stops - starts == len(wanted))
        for place, byte in enumerate(wanted.tolist()):
            alike = alike[self._text[starts[alike] + place] == byte]
        return self._key[:n][alike]

    def all(self) -> Names:
        """All names, in the order in which they came."""
        n = len(self)
        stop = self._stop[1 : n + 1]
        return Names(self._key[:n], stop, self._text[: int(self._stop[n])])

    def _cut(self, numbers: I32) -> Names:
        """The names of these numbers."""
        starts, stops = self._stop[numbers], self._stop[numbers + 1]
        return Names.cut(self._key[numbers], self._text, starts, stops)


def _with(column: NDArray[Any], used: int, more: NDArray[Any]) -> NDArray[Any]:
    """The column with more after what is used of it, in a larger one if it is full."""
    if used + len(more) > len(column):
        grown = np.zeros(max(1_024, (used + len(more)) * 3 // 2), column.dtype)
        grown[:used] = column[:used]
        column = grown
    column[used : used + len(more)] = more
    return column


_PART = 1 << 16
"""Hashes of so many rows are looked up at a time."""


@compiled
def _new(numbers: I32, came: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Mask of the numbers that did not come before, which now did; negative ones are none."""
    new = np.zeros(len(numbers), np.bool_)
    for row in range(len(numbers)):
        number = numbers[row]
        if number >= 0 and not came[number]:
            new[row] = came[number] = True
    return new


@compiled
def _cut(text: U8, starts: I64, ends: I64, cut: U8) -> None:
    """Fill the texts that begin at ``starts``, one after another, each up to its end."""
    at = 0
    for row in range(len(ends)):
        shift = starts[row] - at
        for to in range(at, ends[row]):
            cut[to] = text[to + shift]
        at = ends[row]
