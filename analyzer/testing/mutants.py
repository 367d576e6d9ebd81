"""Inputs that nobody expects, made of real ones: what a border must take or refuse by name.

References
----------
M. Zalewski, *Binary fuzzing strategies: what works, what doesn't* (2014): flips, arithmetic,
interesting values, blocks moved about, and splices of two inputs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

MOST_BYTES = 100_000
MOST_CHANGES = 4
NOTABLE = (
    b"", b"\0", b"\xff", b"\x80", b"\xed\xa0\x80", b"\xef\xbb\xbf", b"\xc1",
    b"\xdf\xff\xff\xff\xff",
    b"\xcf" + b"\xff" * 8, b"\xd3\x80" + bytes(7), b"\xca\x7f\xc0\0\0", b"-1", b"0", b"1e999",
    b"NaN", b"null", b"true", b"[]", b"{}", b'""', b"9223372036854775808", b"\\ud800", b"\\u0000",
    b"\x1b[2J", b"\r\n", b",", b":", b'"', b"[", b"{", b"]", b"}", b"=", b"#", b"'", b"\\",
)  # fmt: skip
"""Words that readers are known to stumble over."""

Change = Callable[[bytearray, np.random.Generator, Sequence[bytes]], bytearray]


def mutant(whole: Sequence[bytes], rng: np.random.Generator) -> bytes:
    """One of these inputs with a few changes, at most ``MOST_BYTES`` long.

    Parameters
    ----------
    whole
        Inputs to begin with, at least one.

    Examples
    --------
    >>> mutant([b"abc"], np.random.default_rng(1)) == mutant([b"abc"], np.random.default_rng(1))
    True
    """
    data = bytearray(whole[int(rng.integers(len(whole)))])
    for _ in range(rng.integers(1, MOST_CHANGES + 1)):
        data = CHANGES[int(rng.integers(len(CHANGES)))](data, rng, whole)
    return bytes(data[:MOST_BYTES])


def _place(data: bytearray, rng: np.random.Generator) -> tuple[int, int]:
    """A span of the data: mostly a short one."""
    start = int(rng.integers(len(data) + 1))
    return start, min(len(data), start + int(rng.geometric(0.1)) - 1)


def _flip(data: bytearray, rng: np.random.Generator, _: Sequence[bytes]) -> bytearray:
    if data:
        data[int(rng.integers(len(data)))] ^= 1 << int(rng.integers(8))
    return data


def _notable(data: bytearray, rng: np.random.Generator, _: Sequence[bytes]) -> bytearray:
    start, stop = _place(data, rng)
    data[start:stop] = NOTABLE[int(rng.integers(len(NOTABLE)))]
    return data


def _cut(data: bytearray, rng: np.random.Generator, _: Sequence[bytes]) -> bytearray:
    start, stop = _place(data, rng)
    del data[start : stop if rng.integers(4) else len(data)]
    return data


def _copy(data: bytearray, rng: np.random.Generator, _: Sequence[bytes]) -> bytearray:
    start, stop = _place(data, rng)
    at = int(rng.integers(len(data) + 1))
    data[at:at] = data[start:stop]
    return data


def _repeat(data: bytearray, rng: np.random.Generator, _: Sequence[bytes]) -> bytearray:
    start, stop = _place(data, rng)
    data[start:start] = data[start:stop] * int(2 ** rng.integers(1, 13))
    return data


def _splice(data: bytearray, rng: np.random.Generator, whole: Sequence[bytes]) -> bytearray:
    other = whole[int(rng.integers(len(whole)))]
    return data[: int(rng.integers(len(data) + 1))] + other[int(rng.integers(len(other) + 1)) :]


CHANGES: tuple[Change, ...] = (_flip, _notable, _cut, _copy, _repeat, _splice)
