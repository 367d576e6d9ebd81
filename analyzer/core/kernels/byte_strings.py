"""Byte strings in one buffer: a batch of records without a Python object for each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import overload

import numpy as np
from numpy.typing import NDArray

from analyzer.core.kernels.jit import compiled, word_at, zeros_below

U8 = NDArray[np.uint8]
I64 = NDArray[np.int64]

PADDING = bytes(8)
"""Ends every buffer, so that whole words may be read anywhere."""


class Texts(Sequence[bytes]):
    """``n`` byte strings; one becomes an object of its own when it is asked for.

    Parameters
    ----------
    buffer
        Whatever holds them, and :data:`PADDING`.
    starts, stops
        Shape (n,): where each lies.

    Examples
    --------
    >>> texts = Texts.of([b"one", b"", b"three"])
    >>> texts[2], list(texts[:2]), list(texts.take(np.array([True, False, True])))
    (b'three', [b'one', b''], [b'one', b'three'])
    """

    __slots__ = ("buffer", "starts", "stops")

    def __init__(self, buffer: bytes, starts: I64, stops: I64) -> None:
        self.buffer, self.starts, self.stops = buffer, starts, stops

    @classmethod
    def of(cls, values: Iterable[bytes]) -> Texts:
        """These strings."""
        values = list(values)
        bounds = np.fromiter(accumulate(map(len, values), initial=0), np.int64, len(values) + 1)
        return cls(b"".join([*values, PADDING]), bounds[:-1], bounds[1:])

    @classmethod
    def lines(cls, *parts: bytes) -> Texts:
        r"""The lines of a text; what follows the last ``\n``, if anything, is a line too.

        Parameters
        ----------
        parts
            The text in one piece or several.

        Examples
        --------
        >>> list(Texts.lines(b"a\n\nb\n")), list(Texts.lines(b"a\nb", b"c"))
        ([b'a', b'', b'b'], [b'a', b'bc'])
        """
        buffer = b"".join([*parts, PADDING])
        size = len(buffer) - len(PADDING)
        ends = _newlines(np.frombuffer(buffer, np.uint8), size)
        if size and buffer[size - 1] != ord("\n"):
            ends = np.append(ends, size)
        return cls(buffer, np.concatenate([[0], ends + 1])[:-1], ends)

    @classmethod
    def joined(cls, parts: Sequence[Texts]) -> Texts:
        """Those of all parts, one part behind the other; whatever lies between is kept too.

        Examples
        --------
        >>> list(Texts.joined([Texts.of([b"one"]), Texts.of([]), Texts.of([b"two", b"three"])]))
        [b'one', b'two', b'three']
        """
        parts = [part for part in parts if len(part)]
        if len(parts) == 1:
            return parts[0]
        begins = [int(part.starts.min()) for part in parts]
        pieces = [
            part.buffer[begin : int(part.stops.max())]
            for part, begin in zip(parts, begins, strict=True)
        ]
        ends = accumulate(map(len, pieces), initial=0)
        shifts = [end - begin for end, begin in zip(ends, begins, strict=False)]
        starts = [part.starts + shift for part, shift in zip(parts, shifts, strict=True)]
        stops = [part.stops + shift for part, shift in zip(parts, shifts, strict=True)]
        none = [np.zeros(0, np.int64)]
        buffer = b"".join([*pieces, PADDING])
        return cls(buffer, np.concatenate(none + starts), np.concatenate(none + stops))

    @property
    def sizes(self) -> I64:
        """Shape (n,), bytes of each."""
        return self.stops - self.starts

    def take(self, rows: NDArray[np.bool_] | I64 | slice) -> Texts:
        """Some of them, in the same buffer."""
        return Texts(self.buffer, self.starts[rows], self.stops[rows])

    def __len__(self) -> int:
        return len(self.starts)

    @overload
    def __getitem__(self, at: int) -> bytes: ...
    @overload
    def __getitem__(self, at: slice) -> Texts: ...
    def __getitem__(self, at: int | slice) -> bytes | Texts:
        if isinstance(at, slice):
            return self.take(at)
        return self.buffer[self.starts[at] : self.stops[at]]


@compiled
def _newlines(text: U8, size: int) -> I64:
    """Where they are.

    Eight bytes at a time: a byte's high bit is set in ``found`` if it is one.
    """
    places, count = np.empty(size, np.int64), 0  # takes memory only where it is written to
    for at in range(0, size, 8):
        word = word_at(text, at) ^ _NEWLINES
        found = ~(((word & _LOW) + _LOW) | word | _LOW)
        while found:
            places[count] = at + (zeros_below(found) >> 3)
            count += 1
            found &= found - _ONE
    return places[:count].copy()


_NEWLINES, _LOW = np.uint64(0x0A0A0A0A0A0A0A0A), np.uint64(0x7F7F7F7F7F7F7F7F)
_ONE = np.uint64(1)
