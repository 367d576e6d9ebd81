"""Which of the values at a field's places counts, and whether it says anything."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from analyzer.core.kernels.jit import borrowing, word_at
from analyzer.core.kernels.json_tokens import (
    ABSENT,
    ESCAPED,
    FALSE,
    INTEGER,
    NULL,
    STRING,
    TRUE,
    same,
)
from analyzer.formats.compiled.layout import (
    KIND,
    NO,
    NONE,
    NOT_SURE,
    OPERAND,
    SPAN,
    WORD_AT,
    WORD_SIZE,
    YES,
    Desk,
)

U8 = NDArray[np.uint8]
I64 = NDArray[np.int64]


@borrowing
def chosen(desk: Desk, at: int, stop: int) -> tuple[int, int]:
    """The node that counts of the entry at this operand, if any is there, and the next entry."""
    node = desk.plan[OPERAND + at]
    at += 1
    while at < stop and desk.plan[OPERAND + at] < 0:
        if desk.work[KIND + node] == ABSENT:
            node = ~desk.plan[OPERAND + at]
        at += 1
    return (node if desk.work[KIND + node] != ABSENT else NONE), at


@borrowing
def inner(desk: Desk, node: int) -> tuple[int, int]:
    """Where a value's text lies: that of a string without its quotes."""
    begin, end = desk.work[SPAN + 2 * node], desk.work[SPAN + 2 * node + 1]
    if desk.work[KIND + node] == STRING or desk.work[KIND + node] == ESCAPED:
        return begin + 1, end - 1
    return begin, end


@borrowing
def says(text: U8, desk: Desk, node: int) -> int:
    """Whether ``values.text`` would make a text of it."""
    kind = desk.work[KIND + node]
    if kind == ABSENT or kind == NULL or kind == TRUE or kind == FALSE:
        return NO
    begin, end = inner(desk, node)
    if kind == INTEGER:
        return NOT_SURE if text[begin] == ord("-") else YES
    if kind == STRING or kind == ESCAPED:
        return NO if is_nothing(text, begin, end) else YES
    return NOT_SURE


@borrowing
def is_nothing(text: U8, begin: int, end: int) -> bool:
    """Whether a text stands for none."""
    size = end - begin
    if size == 4:
        word = word_at(text, begin) & _HALF
        return bool(word == _NULL or word == _NONE)
    return size == 0 or (size == 1 and text[begin] == ord("-"))


_HALF = np.uint64(2**32 - 1)
_NULL, _NONE = (np.uint64(int.from_bytes(word, "little")) for word in (b"null", b"None"))


@borrowing
def is_word(text: U8, begin: int, end: int, desk: Desk, word: int) -> bool:
    """Whether these bytes are one of the plan's words."""
    row = WORD_AT + WORD_SIZE * word
    size = desk.plan[row + 1] - desk.plan[row]
    return end - begin == size and same(text, begin, desk.pool, desk.plan[row], size)


@borrowing
def holds(text: U8, begin: int, end: int, desk: Desk, word: int) -> bool:
    """Whether one of the plan's words stands anywhere in these bytes."""
    size = desk.plan[WORD_AT + WORD_SIZE * word + 1] - desk.plan[WORD_AT + WORD_SIZE * word + 0]
    for at in range(begin, end - size + 1):
        if is_word(text, at, at + size, desk, word):
            return True
    return False
