"""Plain records read straight into columns, without a Python object for any of them.

A record is plain if it is a flat JSON object of printable ASCII without escapes, with no
known field twice, and good as the contract (:class:`~analyzer.core.contracts.events.RequestEvent`)
has it. What is read here is what :mod:`analyzer.core.contracts.decode` would read. Everything else,
good or bad, is left to that module: so nothing is ever refused here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analyzer.core.ingest.plain_fields import address_of, params_hash
from analyzer.core.ingest.scanner_schema import (
    CHOICE,
    CHOICES,
    FIELD_IN_SLOT,
    FLAG,
    FLOAT,
    HASHED,
    HASHED_FIELDS,
    INTEGER,
    KINDS,
    MULTIPLIER,
    NAMED,
    NAMES,
    NULLABLE,
    NUMBER_FIELDS,
    NUMBERS,
    OTHER,
    REQUIRED,
    SIZES,
    SLOT_SHIFT,
    STRING,
    WORDS,
    words,
)
from analyzer.core.kernels.byte_strings import Texts
from analyzer.core.kernels.jit import borrowing, compiled, word_at, zeros_below
from analyzer.core.kernels.json_tokens import blank, same
from analyzer.core.kernels.xxh3 import LONGEST, xxh3

U8 = NDArray[np.uint8]
I64 = NDArray[np.int64]
U64 = NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class Scanned:
    """Columns of ``n`` records; they mean something only where ``plain`` is True."""

    plain: NDArray[np.bool_]
    numbers: I64
    """Shape (5, n), by :data:`NUMBERS`; -1 means "not given"."""
    hashes: U64
    """Shape (9, n), by :data:`HASHED`; 0 means "not given"."""
    spans: I64
    """Shape (6, n, 2), by :data:`NAMED`: where the text lies."""
    block: U64
    """IPv4 /24 as :mod:`.hashing` writes it; 0 where it is told by other text."""
    address: U64
    """Hash of the text of an address that is no plain IPv4 address; 0 where there is none."""
    params: U64
    """Hash of the text of the sampling parameters together; 0 where none is given."""


def scan(texts: Texts, max_bytes: int, seeds: U64) -> Scanned:
    """Read records.

    Parameters
    ----------
    max_bytes
        A longer record is not plain.
    seeds
        Shape (9,), seed of the hash of each of :data:`HASHED`.
    """
    n = len(texts)
    found = Scanned(
        np.zeros(n, np.bool_),
        np.empty((len(NUMBERS), n), np.int64),
        np.empty((len(HASHED), n), np.uint64),
        np.empty((len(NAMED), n, 2), np.int64),
        np.zeros(n, np.uint64),
        np.zeros(n, np.uint64),
        np.zeros(n, np.uint64),
    )
    _scan(
        np.frombuffer(texts.buffer, np.uint8),
        texts.starts,
        texts.stops,
        max_bytes,
        seeds,
        found.plain,
        found.numbers,
        found.hashes,
        found.spans,
        found.block,
        found.address,
        found.params,
    )
    return found


_EACH = np.uint64(0x0101010101010101)
_HIGH = np.uint64(0x8080808080808080)
_QUOTES = _EACH * np.uint64(ord('"'))
_SLASHES = _EACH * np.uint64(ord("\\"))
_SPACES = _EACH * np.uint64(ord(" "))
_ZEROS = _EACH * np.uint64(ord("0"))
_SIX = _EACH * np.uint64(0x80 - 10)
_PAIRS, _FOURS, _LOW = (
    np.uint64(0x00FF00FF00FF00FF),
    np.uint64(0x0000FFFF0000FFFF),
    np.uint64(0xFFFFFFFF),
)
_TEN, _HUNDRED, _TEN_THOUSAND = np.uint64(10), np.uint64(100), np.uint64(10_000)
_POWERS = np.array([10**i for i in range(9)], np.uint64)
_ALL = np.uint64(2**64 - 1)
_START = len(SIZES)
"""Stands for the field before the first one."""


@compiled
def _scan(
    text: U8,
    starts: I64,
    stops: I64,
    max_bytes: int,
    seeds: U64,
    plain: NDArray[np.bool_],
    numbers: I64,
    hashes: U64,
    spans: I64,
    block: U64,
    address: U64,
    params: U64,
) -> None:
    begins, ends = np.empty(len(SIZES), np.int64), np.empty(len(SIZES), np.int64)
    values = np.empty(len(SIZES), np.int64)
    keys = np.zeros((len(SIZES) + 2, 3), np.int64)  # the last row is that of unknown fields, -1
    for row in range(len(stops)):
        if stops[row] - starts[row] > max_bytes:
            continue
        begins[:] = -1
        if not _read_object(text, starts[row], stops[row], begins, ends, values, keys):
            continue
        for i in range(len(NUMBER_FIELDS)):
            field = NUMBER_FIELDS[i]
            numbers[i, row] = values[field] if begins[field] >= 0 else -1
        short = True
        for i in range(len(HASHED_FIELDS)):
            field = HASHED_FIELDS[i]
            if begins[field] < 0:
                hashes[i, row] = 0
                continue
            short &= ends[field] - begins[field] <= LONGEST
            if short:
                found = xxh3(text, begins[field], ends[field], seeds[i])
                hashes[i, row] = found or np.uint64(1)
            if i >= len(HASHED_FIELDS) - len(spans):
                named = i - len(HASHED_FIELDS) + len(spans)
                spans[named, row, 0], spans[named, row, 1] = begins[field], ends[field]
        block[row], address[row] = address_of(text, begins, ends)
        params[row] = params_hash(text, begins, ends)
        plain[row] = short


@borrowing
def _read_object(
    text: U8, at: int, stop: int, begins: I64, ends: I64, values: I64, keys: I64
) -> bool:
    """Where each known field's value lies; False if the record is not plain."""
    seen, field = np.uint64(0), _START
    at = blank(text, at, stop)
    if at >= stop or text[at] != ord("{"):
        return False
    while True:
        begin, field = _key(text, at, stop, keys[field])
        if begin < 0:
            return False
        at, kind, value = _value(text, begin, stop)
        if at < 0:
            return False
        if field >= 0:
            bit = np.uint64(1) << np.uint64(field)
            if seen & bit:
                return False
            seen |= bit
            if kind == OTHER:
                if not NULLABLE[field]:
                    return False
            else:
                if kind == STRING:
                    begins[field], ends[field] = begin + 1, at - 1
                else:
                    begins[field], ends[field] = begin, at
                if KINDS[field, 0] == CHOICE:
                    value = _choice(text, begins[field], ends[field])
                values[field] = value
                if not _fits(field, kind, begins[field], ends[field], value):
                    return False
        at = blank(text, at, stop)
        if at >= stop:
            return False
        if text[at] == ord("}"):
            return blank(text, at + 1, stop) == stop and seen & REQUIRED == REQUIRED
        if text[at] != ord(","):
            return False


@borrowing
def _key(text: U8, at: int, stop: int, last: I64) -> tuple[int, int]:
    """Where the next value begins and the number of its field; -1 if the key is not plain.

    Most records have their keys in the same order, so it is first compared with the last one
    that came after the same field: ``last`` is where its text began, its length and its field.
    """
    size = last[1]
    if size and at + size <= stop and same(text, at, text, last[0], size):
        return blank(text, at + size, stop), last[2]
    begin = blank(text, at + 1, stop) + 1
    if begin >= stop or text[begin - 1] != ord('"'):
        return -1, -1
    end = _quote(text, begin, stop)
    if end < 0:
        return -1, -1
    field = _field(text, begin, end)
    colon = blank(text, end + 1, stop)
    if colon >= stop or text[colon] != ord(":"):
        return -1, -1
    begin = blank(text, colon + 1, stop)
    last[0], last[1], last[2] = at, begin - at, field
    return begin, field


@borrowing
def _quote(text: U8, at: int, stop: int) -> int:
    """Where the string ends; -1 if it is not plain or does not end.

    Eight bytes at a time: a byte's high bit is set in ``odd`` if it, or one before it, is a
    quote, a backslash, a control character or no ASCII.
    """
    while at < stop:
        word = word_at(text, at)
        quotes, slashes = word ^ _QUOTES, word ^ _SLASHES
        odd = (quotes - _EACH) & ~quotes | (slashes - _EACH) & ~slashes
        odd = (odd | (word - _SPACES) & ~word | word) & _HIGH
        if odd:
            at += zeros_below(odd) >> 3
            return at if text[at] == ord('"') and at < stop else -1
        at += 8
    return -1


@borrowing
def _field(text: U8, begin: int, end: int) -> int:
    """Number of the field of this name; -1 if the contract knows none."""
    size = end - begin
    if size > 8 * WORDS:
        return -1
    first, second = _word(text, begin, end, 0), _word(text, begin, end, 1)
    slot = ((first ^ (second >> np.uint64(3))) * MULTIPLIER) >> SLOT_SHIFT
    field = FIELD_IN_SLOT[np.int64(slot)]
    if (
        field >= 0
        and SIZES[field] == size
        and NAMES[field, 0] == first
        and NAMES[field, 1] == second
        and NAMES[field, 2] == _word(text, begin, end, 2)
    ):
        return int(field)
    return -1


@borrowing
def _word(text: U8, begin: int, end: int, number: int) -> np.uint64:
    """One of the words of ``text[begin:end]``, filled up with zeros."""
    left = end - begin - 8 * number
    if left >= 8:
        return word_at(text, begin + 8 * number)
    if left <= 0:
        return np.uint64(0)
    return word_at(text, begin + 8 * number) & (_ALL >> np.uint64(64 - 8 * left))


@borrowing
def _value(text: U8, at: int, stop: int) -> tuple[int, int, int]:
    """End, kind and (of an integer) value of what begins here; the end is -1 if not plain."""
    if at >= stop:
        return -1, OTHER, 0
    byte = text[at]
    if byte == ord('"'):
        end = _quote(text, at + 1, stop)
        return (end + 1 if end >= 0 else -1), STRING, 0
    if byte == ord("t"):
        return (at + 4 if _word(text, at, at + 4, 0) == _TRUE else -1), FLAG, 1
    if byte == ord("f"):
        return (at + 5 if _word(text, at, at + 5, 0) == _FALSE else -1), FLAG, 0
    if byte == ord("n"):
        return (at + 4 if _word(text, at, at + 4, 0) == _NULL else -1), OTHER, 0
    return _number(text, at, stop)


_TRUE, _FALSE, _NULL = (np.uint64(words(word)[0]) for word in ("true", "false", "null"))


@borrowing
def _number(text: U8, at: int, stop: int) -> tuple[int, int, int]:
    """As ``_value``: up to 16 digits, perhaps a point among them, no sign and no exponent."""
    begin, kind = at, INTEGER
    digits, value = _digits(text, at, stop)
    at += digits
    if digits == 0 or digits > 16 or (text[begin] == ord("0") and digits > 1):
        return -1, kind, 0
    if at < stop and text[at] == ord("."):
        kind = FLOAT
        digits, _ = _digits(text, at + 1, stop)
        at += 1 + digits
        if digits == 0 or at - begin > 17:
            return -1, kind, 0
    if at < stop and (text[at] == ord("e") or text[at] == ord("E")):
        return -1, kind, 0
    return at, kind, value


@borrowing
def _digits(text: U8, begin: int, stop: int) -> tuple[int, int]:
    """How many digits stand here, and their value if they are no more than 16.

    Eight at a time: a byte's high bit is set in ``odd`` if it, or one before it, is no digit.
    Those of one word are put together two by two, four by four and all eight.
    """
    at, value = begin, np.uint64(0)
    while at < stop:
        word = word_at(text, at) ^ _ZEROS
        odd = (word + _SIX | word) & _HIGH
        size = min(zeros_below(odd) >> 3 if odd else 8, stop - at)
        if size == 0:
            break
        word <<= np.uint64(64 - 8 * size)
        word = (word * _TEN + (word >> np.uint64(8))) & _PAIRS
        word = (word * _HUNDRED + (word >> np.uint64(16))) & _FOURS
        word = (word * _TEN_THOUSAND + (word >> np.uint64(32))) & _LOW
        value = value * _POWERS[size] + word
        at += size
        if size < 8:
            break
    return at - begin, int(np.int64(value))


@borrowing
def _fits(field: int, kind: int, begin: int, end: int, value: int) -> bool:
    """Whether the contract takes this value for this field."""
    wanted, least, most = KINDS[field, 0], KINDS[field, 1], KINDS[field, 2]
    if wanted == STRING:
        return kind == STRING and least <= end - begin <= most
    if wanted == INTEGER:
        return kind == INTEGER and least <= value <= most
    if wanted == FLOAT:
        return kind in (INTEGER, FLOAT)
    if wanted == FLAG:
        return kind == FLAG
    return wanted == CHOICE and kind == STRING and value >= 0


@borrowing
def _choice(text: U8, begin: int, end: int) -> int:
    """Number of the choice that this is; -1 if it is none."""
    if end - begin > 8 * WORDS:
        return -1
    first, second = _word(text, begin, end, 0), _word(text, begin, end, 1)
    third = _word(text, begin, end, 2)
    for i in range(len(CHOICES)):
        if CHOICES[i, 0] == first and CHOICES[i, 1] == second and CHOICES[i, 2] == third:
            return i
    return -1
