"""JSON read where it lies: where a string, a number or any value ends, without an object of it.

Stricter than a decoder may be, never laxer: what is told to be well-formed here is well-formed
to every reader, if the text is UTF-8. Whatever is doubtful is told to be -1.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from analyzer.core.kernels.jit import borrowing, calling, word_at, zeros_below

U8 = NDArray[np.uint8]
I64 = NDArray[np.int64]
U64 = NDArray[np.uint64]

ABSENT, NULL, FALSE, TRUE, INTEGER, FLOAT, STRING, ESCAPED, ODD, OBJECT, ARRAY = range(11)
"""Kinds of a value. A ``STRING`` is printable ASCII as it stands; one that is ``ESCAPED`` has
escapes that are the shortest or letters beyond ASCII; an ``ODD`` one has other escapes."""
DEEPEST = 60
"""Containers inside containers."""

_EACH = np.uint64(0x0101010101010101)
_HIGH = np.uint64(0x8080808080808080)
_QUOTES = _EACH * np.uint64(ord('"'))
_SLASHES = _EACH * np.uint64(ord("\\"))
_SPACES = _EACH * np.uint64(ord(" "))
_ONE, _SIX = np.uint64(1), np.uint64(58)
_SPREAD = np.uint64(0x9E3779B97F4A7C15)
_ALL = np.uint64(2**64 - 1)
_MOST_DIGITS = 40
_MOST_EXPONENT = 2


@borrowing
def blank(text: U8, at: int, stop: int) -> int:
    """Past white space."""
    while at < stop and (text[at] == 32 or text[at] == 9 or text[at] == 10 or text[at] == 13):
        at += 1
    return at


@borrowing
def same(text: U8, one: int, other_text: U8, other: int, size: int) -> bool:
    """Whether so many bytes are the same in two places."""
    while size > 8:
        if word_at(text, one) != word_at(other_text, other):
            return False
        one, other, size = one + 8, other + 8, size - 8
    differing = word_at(text, one) ^ word_at(other_text, other)
    return size == 0 or bool(differing << np.uint64(64 - 8 * size) == 0)


@borrowing
def short(text: U8, begin: int, end: int) -> np.uint64:
    """A text of up to eight bytes as a number, as :func:`short_of`; 0 if it is longer."""
    size = end - begin
    if size > 8 or size < 1:
        return np.uint64(0)
    return word_at(text, begin) & (_ALL >> np.uint64(64 - 8 * size))


def short_of(text: bytes) -> np.uint64:
    """What :func:`short` makes of this text."""
    return np.uint64(int.from_bytes(text, "little"))


@borrowing
def string_end(text: U8, at: int, stop: int) -> tuple[int, int]:
    """Where the string whose text begins here has its last quote, and its kind.

    Eight bytes at a time: a byte's high bit is set in ``odd`` if it, or one before it, is a
    quote, a backslash, a control character or no ASCII.
    """
    kind = STRING
    while at < stop:
        word = word_at(text, at)
        quotes, slashes = word ^ _QUOTES, word ^ _SLASHES
        odd = (quotes - _EACH) & ~quotes | (slashes - _EACH) & ~slashes
        odd = (odd | (word - _SPACES) & ~word | word) & _HIGH
        if odd == 0:
            at += 8
            continue
        at += zeros_below(odd) >> 3
        if at >= stop:
            return -1, kind
        byte = text[at]
        if byte == ord('"'):
            return at, kind
        if byte >= 128:
            kind, at = max(kind, ESCAPED), at + 1
        elif byte == ord("\\"):
            at, found = _escape(text, at + 1, stop)
            kind = max(kind, found)
            if at < 0:
                return -1, kind
        elif byte < 32:
            return -1, kind
        else:
            at += 1  # a plain byte behind an odd one
    return -1, kind


@borrowing
def _escape(text: U8, at: int, stop: int) -> tuple[int, int]:
    """Past the escape whose backslash was before here, and what kind it makes of its string."""
    if at >= stop:
        return -1, ODD
    byte = text[at]
    if byte == ord("u"):
        if at + 5 > stop:
            return -1, ODD
        code = 0
        for i in range(1, 5):
            digit = _hexadecimal(text[at + i])
            if digit < 0:
                return -1, ODD
            code = 16 * code + digit
        return (-1 if 0xD800 <= code < 0xE000 else at + 5), ODD
    if byte == ord("/"):
        return at + 1, ODD
    if (
        byte == ord('"') or byte == ord("\\") or byte == ord("n") or byte == ord("t")
        or byte == ord("r") or byte == ord("b") or byte == ord("f")
    ):  # fmt: skip
        return at + 1, ESCAPED
    return -1, ODD


@borrowing
def _hexadecimal(byte: int) -> int:
    if ord("0") <= byte <= ord("9"):
        return int(byte) - ord("0")
    if ord("a") <= byte <= ord("f"):
        return int(byte) - ord("a") + 10
    if ord("A") <= byte <= ord("F"):
        return int(byte) - ord("A") + 10
    return -1


@calling
def number_end(text: U8, at: int, stop: int) -> tuple[int, int]:
    """Past a number, and its kind; -1 if it is none, or of a size that readers differ on."""
    if at < stop and text[at] == ord("-"):
        at += 1
    begin, kind = at, INTEGER
    while at < stop and ord("0") <= text[at] <= ord("9"):
        at += 1
    if at == begin or (text[begin] == ord("0") and at - begin > 1):
        return -1, kind
    if at < stop and text[at] == ord("."):
        point, kind = at, FLOAT
        at += 1
        while at < stop and ord("0") <= text[at] <= ord("9"):
            at += 1
        if at == point + 1:
            return -1, kind
    if at - begin > _MOST_DIGITS or (kind == INTEGER and at - begin > 18):
        return -1, kind
    if at < stop and (text[at] == ord("e") or text[at] == ord("E")):
        kind = FLOAT
        at += 1
        if at < stop and (text[at] == ord("-") or text[at] == ord("+")):
            at += 1
        first = at
        while at < stop and ord("0") <= text[at] <= ord("9"):
            at += 1
        if at == first or at - first > _MOST_EXPONENT:
            return -1, kind
    return at, kind


@borrowing
def word_end(text: U8, at: int, stop: int) -> tuple[int, int]:
    """Past ``true``, ``false`` or ``null``, and its kind."""
    word = word_at(text, at)
    if at + 4 <= stop:
        half = word & _HALF
        if half == _TRUE:
            return at + 4, TRUE
        if half == _NULL:
            return at + 4, NULL
        if at + 5 <= stop and word & _FIVE == _FALSE:
            return at + 5, FALSE
    return -1, NULL


_HALF, _FIVE = np.uint64(2**32 - 1), np.uint64(2**40 - 1)
_TRUE, _FALSE, _NULL = (
    np.uint64(int.from_bytes(word, "little")) for word in (b"true", b"false", b"null")
)


def traps_of(words: list[bytes]) -> U64:
    """Words of at least seven letters, for :func:`is_trap`: a Bloom filter, then each.

    Returns
    -------
    Shape (1 + n, 2): last seven letters with the quote after them, and length.
    """
    lasts = [int.from_bytes(word[-7:] + b'"', "little") for word in words]
    bloom = 0
    for last in lasts:
        bloom |= 1 << ((last * int(_SPREAD)) % 2**64 >> 58)
    sizes = [len(word) for word in words]
    return np.array([(bloom, 0), *zip(lasts, sizes, strict=True)], np.uint64)


@borrowing
def is_trap(text: U8, end: int, traps: U64) -> bool:
    """Whether ``"word"`` may stand before here, for one of these words, be it in a string."""
    if end < 8:
        return False
    last = word_at(text, end - 7)
    if (traps[0, 0] >> ((last * _SPREAD) >> _SIX)) & _ONE == 0:
        return False
    for i in range(1, len(traps)):
        if traps[i, 0] == last:
            before = end - np.int64(traps[i, 1]) - 1
            if before >= 0 and text[before] == ord('"'):
                return True
    return False


@borrowing
def scalar_end(text: U8, at: int, stop: int, traps: U64) -> tuple[int, int]:
    """Past a value that is no container, and its kind; -1 too for a string that is a trap."""
    byte = text[at]
    if byte == ord('"'):
        end, kind = string_end(text, at + 1, stop)
        if end < 0 or is_trap(text, end, traps):
            return -1, kind
        return end + 1, kind
    if byte == ord("t") or byte == ord("f") or byte == ord("n"):
        return word_end(text, at, stop)
    return number_end(text, at, stop)


@calling
def value_end(text: U8, at: int, stop: int, traps: U64) -> int:
    """Past a value of any kind that begins here; -1 if it is not sure to be well-formed.

    Parameters
    ----------
    traps
        By :func:`traps_of`; a value with a string that is one of them is not sure.
    """
    objects, depth = np.uint64(0), 0
    while True:
        if at >= stop:
            return -1
        byte = text[at]
        if byte == ord("{") or byte == ord("["):
            if depth >= DEEPEST:
                return -1
            depth += 1
            objects = objects << _ONE | np.uint64(byte == ord("{"))
            at = blank(text, at + 1, stop)
            if at >= stop:
                return -1
            if text[at] != byte + 2:  # not closed at once: both brackets are two apart
                if byte == ord("{"):
                    at = _past_key(text, at, stop, traps)
                    if at < 0:
                        return -1
                continue
        else:
            at, _ = scalar_end(text, at, stop, traps)
            if at < 0:
                return -1
        while depth:
            at = blank(text, at, stop)
            if at >= stop:
                return -1
            inside = objects & _ONE
            if text[at] == (ord("}") if inside else ord("]")):
                at, depth, objects = at + 1, depth - 1, objects >> _ONE
                continue
            if text[at] != ord(","):
                return -1
            at = blank(text, at + 1, stop)
            if inside:
                at = _past_key(text, at, stop, traps)
                if at < 0:
                    return -1
            break
        else:
            return at


@calling
def _past_key(text: U8, at: int, stop: int, traps: U64) -> int:
    """Where the value of the key that begins here begins."""
    if at >= stop or text[at] != ord('"'):
        return -1
    end, _ = string_end(text, at + 1, stop)
    if end < 0 or is_trap(text, end, traps):
        return -1
    at = blank(text, end + 1, stop)
    if at >= stop or text[at] != ord(":"):
        return -1
    return blank(text, at + 1, stop)
