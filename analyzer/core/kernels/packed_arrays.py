"""Arrays as plain data: dtype, shape and bytes; integers in as few bytes each as they need.

Most integers of a block are counts, kinds and times that lie close together. They are kept as
the least of them and, in one, two or four bytes each, how far each is above it.

Reference: Goldstein, Ramakrishnan & Shaft (1998), *Compressing relations and indexes* (frame of
reference).
"""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

Head = tuple[str, list[int], int, str]
"""Dtype, shape, the least number, and the dtype of what is kept."""
Parts = tuple[str, list[int], int, str, bytes]
"""The same, and the bytes of what is kept."""

_PLAIN = re.compile(r"[<|]([biuf][1248]|S[0-9]{1,9})")

FEW = 64
"""So few numbers are kept as they are."""


def array_parts(array: NDArray[Any]) -> Parts:
    r"""An array as plain data.

    Examples
    --------
    >>> array_parts(1_000 + np.arange(300))[2:4], array_parts(np.array([0.5]))[2:]
    ((1000, '<u2'), (0, '<f8', b'\x00\x00\x00\x00\x00\x00\xe0?'))
    """
    head, kept = laid_aside(array)
    return *head, kept.tobytes()


def laid_aside(array: NDArray[Any]) -> tuple[Head, NDArray[np.uint8]]:
    """The same with what is kept as an array of bytes: of the array itself if none are spared."""
    least, kept = _narrowed(array)
    flat = np.ascontiguousarray(kept).reshape(-1).view(np.uint8)
    return (array.dtype.str, list(array.shape), least, kept.dtype.str), flat


def size_of(head: Head) -> int:
    """Bytes of what is kept."""
    return math.prod(head[1]) * _dtype(head[3]).itemsize


def array_of(
    dtype: str, shape: list[int], least: int, kept: str, flat: bytes | memoryview
) -> NDArray[Any]:
    """The array of these parts; it may be read-only.

    Raises
    ------
    ValueError, TypeError, OverflowError
        If these are no parts of an array.
    """
    array = np.frombuffer(flat, _dtype(kept)).reshape(shape)
    if kept == dtype:
        return array
    wide = _dtype(dtype)
    if wide.kind not in "iu" or array.dtype.kind != "u":
        raise TypeError(f"{kept} stands for no {dtype}")
    array = array.astype(wide)
    array += wide.type(least)
    return array


def _dtype(text: str) -> np.dtype[Any]:
    """A plain one; NumPy takes any text for a program of its own."""
    if not _PLAIN.fullmatch(text):
        raise TypeError(f"{text!r:.99} is no dtype of ours")
    return np.dtype(text)


def _narrowed(array: NDArray[Any]) -> tuple[int, NDArray[Any]]:
    """The least number, and how far each is above it; 0 and the array itself if that spares none.

    Differences are taken modulo the width of the array, where they are exact.
    """
    if array.dtype.kind not in "iu" or array.size < FEW:
        return 0, array
    least, most = int(array.min()), int(array.max())
    narrow = np.min_scalar_type(most - least)
    if narrow.itemsize >= array.dtype.itemsize:
        return 0, array
    kept = np.empty(array.shape, narrow)
    np.subtract(array, array.dtype.type(least), out=kept, casting="unsafe")
    return least, kept
