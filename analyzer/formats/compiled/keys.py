"""Where the next value of a container begins, and which node its key leads to.

What came after a key is remembered, as where its bytes lie, and compared with first; only if it
differs is the key read and looked up.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from analyzer.core.kernels.jit import borrowing, calling, word_at
from analyzer.core.kernels.json_tokens import STRING, blank, is_trap, same, string_end
from analyzer.core.kernels.xxh3 import LONGEST, xxh3
from analyzer.formats.compiled.layout import (
    ALL_BEGINS,
    AT,
    BEGIN,
    BEGIN_SIZE,
    CHILD,
    KEY,
    KEY_BEGIN,
    KEY_CHILD,
    KEY_END,
    KEY_HASH,
    KEY_OWNER,
    KEY_SIZE,
    NEXT,
    NODES,
    NONE,
    OLD_SIZE,
    OWNER,
    PAIRS_NODE,
    SHAPE,
    SITE,
    SITE_SIZE,
    SIZE,
    SLOT,
    SLOTS,
    TRAPPED,
    UNKNOWN,
    WRAPPED,
    Desk,
)

U8 = NDArray[np.uint8]


@borrowing
def next_element(text: U8, at: int, stop: int, is_first: bool) -> tuple[int, bool]:
    """Where the next object of an array begins, or past its end, and whether it ends."""
    at = blank(text, at, stop)
    if at >= stop:
        return -1, False
    if text[at] == ord("]"):
        return at + 1, True
    if not is_first:
        if text[at] != ord(","):
            return -1, False
        at = blank(text, at + 1, stop)
    if at >= stop or text[at] != ord("{"):
        return -1, False
    return at, False


@borrowing
def next_key(
    text: U8, at: int, stop: int, site: int, node: int, is_first: bool, desk: Desk
) -> tuple[int, bool]:
    """Where the next value begins, or past the object's end, and whether it ends.

    What the key is stands in the site, then.
    """
    known = SITE + SITE_SIZE * site
    size = desk.work[known + SIZE]
    if (
        size
        and desk.work[known + OWNER] == node
        and at + size <= stop
        and same(text, at, text, desk.work[known + AT], size)
    ):
        return at + size, False
    begin = at
    is_pairs = desk.plan[SHAPE + node] == PAIRS_NODE
    at = blank(text, at, stop)
    if at >= stop:
        return -1, False
    if text[at] == (ord("]") if is_pairs else ord("}")):
        return at + 1, True
    if not is_first:
        if text[at] != ord(","):
            return -1, False
        at = blank(text, at + 1, stop)
    if is_pairs:
        at = _past_name(text, at, stop, ord("{"), _KEY)
        if at < 0:
            return -1, False
    first = at + 1
    if first >= stop or text[at] != ord('"'):
        return -1, False
    end, kind = string_end(text, first, stop)
    if end < 0 or kind != STRING or is_trap(text, end, desk.traps):
        return -1, False
    child, hashed = _child(text, first, end, node, desk)
    if child == TRAPPED:
        return -1, False
    at, wrapped = end + 1, 0
    if is_pairs:
        at = _past_name(text, at, stop, ord(","), _VALUE)
        if at >= 0 and child >= 0:
            at, wrapped = unwrapped(text, at, stop)
    else:
        at = past(text, at, stop, ord(":"))
    if at < 0:
        return -1, False
    (
        desk.work[known + AT],
        desk.work[known + SIZE],
        desk.work[known + CHILD],
        desk.work[known + OWNER],
    ) = begin, at - begin, child, node
    unknown = 2 * NODES + np.int64(hashed & np.uint64(UNKNOWN - 1))
    desk.work[known + NEXT] = child if child >= 0 else unknown
    desk.work[known + WRAPPED], desk.work[known + OLD_SIZE] = wrapped, 0
    return at, False


@borrowing
def past(text: U8, at: int, stop: int, sign: int) -> int:
    """Past a sign and the white space around it."""
    at = blank(text, at, stop)
    return blank(text, at + 1, stop) if at < stop and text[at] == sign else -1


@borrowing
def _past_name(text: U8, at: int, stop: int, sign: int, name: np.uint64) -> int:
    """Past a sign, then ``"key":`` or ``"value":``, which is given as bytes before the colon."""
    at = past(text, at, stop, sign)
    if at < 0 or at + 7 > stop:
        return -1
    word = word_at(text, at)
    size = 5 if name == _KEY else 7
    if word << np.uint64(64 - 8 * size) != name << np.uint64(64 - 8 * size):
        return -1
    return past(text, at + size, stop, ord(":"))


_KEY, _VALUE = (np.uint64(int.from_bytes(word, "little")) for word in (b'"key"', b'"value"'))
WRAPS = (b"stringVa", b"intValue", b"boolValu", b"doubleVa", b"arrayVal")
"""How the kinds of values in pairs begin, in the order of their numbers from 1 on."""
_WRAP_SIZES = np.array([11, 8, 9, 11, 10])
_WRAP_WORDS = np.array([int.from_bytes(word, "little") for word in WRAPS], np.uint64)
_LUE = (ord("l"), ord("u"), ord("e"))
IN_STRING, IN_INTEGER, IN_FLAG, IN_FLOAT, IN_LIST = range(1, 6)


@borrowing
def unwrapped(text: U8, at: int, stop: int) -> tuple[int, int]:
    """Where the inner value of a pair's value begins, and how it is wrapped."""
    at = past(text, at, stop, ord("{"))
    if at < 0 or at + 12 > stop or text[at] != ord('"'):
        return -1, 0
    word = word_at(text, at + 1)
    for i in range(len(_WRAP_WORDS)):
        if word == _WRAP_WORDS[i]:
            end = at + 1 + _WRAP_SIZES[i]
            for j in range(max(0, _WRAP_SIZES[i] - 8)):
                if text[end - 1 - j] != _LUE[2 - j]:
                    return -1, 0
            if end >= stop or text[end] != ord('"'):
                return -1, 0
            return past(text, end + 1, stop, ord(":")), i + 1
    return -1, 0


@calling
def _child(text: U8, begin: int, end: int, node: int, desk: Desk) -> tuple[int, np.uint64]:
    """Number of the node that a key leads to, and the key's hash."""
    if end - begin > LONGEST:
        return NONE, np.uint64(0)
    hashed = xxh3(text, begin, end, np.uint64(node))
    slot = np.int64(hashed & np.uint64(SLOTS - 1))
    while desk.plan[SLOT + slot] != NONE:
        key = KEY + KEY_SIZE * desk.plan[SLOT + slot]
        first, last = desk.plan[key + KEY_BEGIN], desk.plan[key + KEY_END]
        if (
            desk.plan[key + KEY_HASH] == np.int64(hashed)
            and desk.plan[key + KEY_OWNER] == node
            and end - begin == last - first
            and same(text, begin, desk.pool, first, last - first)
        ):
            return desk.plan[key + KEY_CHILD], hashed
        slot = (slot + 1) & (SLOTS - 1)
    for i in range(desk.plan[ALL_BEGINS]):
        row = BEGIN + BEGIN_SIZE * i
        first, last = desk.plan[row + 1], desk.plan[row + 2]
        stop = begin + last - first
        if desk.plan[row] == node and stop <= end:
            if same(text, begin, desk.pool, first, last - first):
                return TRAPPED, hashed
    return NONE, hashed
