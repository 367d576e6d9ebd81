"""Byte strings in one buffer: a batch of records without a Python object for each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import overload

import numpy as np
from numpy.typing import NDArray

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
    def lines(cls, text: bytes) -> Texts:
        r"""The lines of a text; what follows the last ``\n``, if anything, is a line too.

        Examples
        --------
        >>> list(Texts.lines(b"a\n\nb\n")), list(Texts.lines(b"a\nb"))
        ([b'a', b'', b'b'], [b'a', b'b'])
        """
        ends = np.flatnonzero(np.frombuffer(text, np.uint8) == ord("\n"))
        if text and not text.endswith(b"\n"):
            ends = np.append(ends, len(text))
        return cls(text + PADDING, np.concatenate([[0], ends + 1])[:-1], ends)

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
