"""A native record written from what was found at the places of a plan."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from analyzer.core.kernels.jit import borrowing
from analyzer.core.kernels.json_tokens import (
    ARRAY,
    ESCAPED,
    FALSE,
    FLOAT,
    INTEGER,
    NULL,
    OBJECT,
    ODD,
    STRING,
    TRUE,
)
from analyzer.formats.compiled.layout import (
    ALL_FIELDS,
    FIELD,
    FIELD_SIZE,
    FULL,
    HOW,
    KIND,
    LIMIT,
    MOMENT,
    NAME,
    NAME_END,
    NO,
    NONE,
    NOT_SURE,
    OPERAND,
    OUT,
    PLACE,
    PLACES,
    PRESENT,
    REQUIRED,
    SPAN,
    STATUS,
    WORD,
    WORD_AT,
    WORD_SIZE,
    WORDS,
    YES,
    Desk,
)
from analyzer.formats.compiled.moments import digits, is_shortest, moment_ms
from analyzer.formats.compiled.prompt import longest_tagged, put_prompt
from analyzer.formats.compiled.put import put, put_byte, put_field, put_number
from analyzer.formats.compiled.recipe import As
from analyzer.formats.compiled.rules import judge
from analyzer.formats.compiled.told import chosen, inner, is_nothing, is_word, says

U8 = NDArray[np.uint8]
I64 = NDArray[np.int64]

(
    _TEXT, _COUNT, _COUNT_OR_ZERO, _COUNT_OR_NONE, _REAL, _FLAG, _ADDRESS, _MOMENT, _LATENCY, _ID,
    _JOINED, _WORD, _STATUS, _PROMPT, _TAGGED,
) = (int(how) for how in As)  # fmt: skip
LONGEST_COUNT, LONGEST_REAL = 15, 9
UNSURE, WRITTEN = -1, 0


@borrowing
def write_event(text: U8, desk: Desk) -> int:
    """Write what was found as a native record; the number of a reason if it is passed over."""
    how = judge(text, desk)
    if how != 0:
        return how
    begin = desk.work[OUT]
    desk.work[MOMENT], desk.work[FULL] = 0, 0
    for number in range(desk.plan[ALL_FIELDS]):
        field = FIELD + FIELD_SIZE * number
        put_any = _put_field(text, field, desk)
        if put_any == NOT_SURE or (put_any == NO and desk.plan[field + REQUIRED]):
            desk.work[OUT] = begin
            return UNSURE
    put_byte(desk, ord("}"))
    if desk.work[FULL]:
        desk.work[OUT] = begin
        return UNSURE
    return WRITTEN


@borrowing
def _put_field(text: U8, field: int, desk: Desk) -> int:
    """Put a field, if there is something to put."""
    how, at, stop = (
        desk.plan[field + HOW],
        desk.plan[field + PLACE],
        desk.plan[field + PLACE] + desk.plan[field + PLACES],
    )
    if how == _STATUS:
        _put_word(field, desk.plan[field + WORD] + desk.work[STATUS], desk)
        return YES
    if how == _JOINED:
        return _put_joined(text, field, desk)
    while at < stop:
        node, at = chosen(desk, at, stop)
        if node == NONE:
            continue
        put_any = _put_value(text, node, at == stop, field, desk)
        if put_any != NO:
            return put_any
        if desk.plan[field + PRESENT] and desk.work[KIND + node] != NULL:
            break
    if how == _COUNT_OR_ZERO:
        put(desk, desk.pool, desk.plan[field + NAME], desk.plan[field + NAME_END])
        put_byte(desk, ord("0"))
        return YES
    otherwise = WORD_AT + WORD_SIZE * desk.plan[field + WORD]
    if how == _WORD and desk.plan[otherwise] < desk.plan[otherwise + 1]:
        _put_word(field, desk.plan[field + WORD], desk)
        return YES
    return NO


@borrowing
def _put_value(text: U8, node: int, is_last: bool, field: int, desk: Desk) -> int:
    how = desk.plan[field + HOW]
    if how == _TEXT:
        return _put_text(text, node, field, desk)
    if how == _COUNT or how == _COUNT_OR_ZERO or how == _COUNT_OR_NONE:
        return _put_count(text, node, field, desk)
    if how == _ID:
        return _put_id(text, node, field, desk)
    if how == _WORD:
        return _put_translated(text, node, field, desk)
    if how == _FLAG:
        return _put_flag(node, field, desk)
    if how == _REAL:
        return _put_real(text, node, field, desk)
    if how == _ADDRESS:
        return _put_address(text, node, field, desk)
    if how == _MOMENT or how == _LATENCY:
        return _put_moment(text, node, field, desk)
    if how == _TAGGED and is_last:
        return _put_tagged(text, node, field, desk)
    if how == _TAGGED:
        return _put_text(text, node, field, desk)
    if desk.work[KIND + node] == NULL:
        return NO
    if desk.work[KIND + node] != ARRAY:
        return NOT_SURE
    begin, end = desk.work[SPAN + 2 * node], desk.work[SPAN + 2 * node + 1]
    put_any = put_prompt(text, begin, end, field, desk)
    if put_any == YES:
        put_byte(desk, ord('"'))
    return put_any


@borrowing
def _put_quoted(text: U8, begin: int, end: int, field: int, desk: Desk) -> int:
    if end - begin > desk.plan[field + LIMIT]:  # cut or hashed, by letters rather than bytes
        return NOT_SURE
    put_field(desk, field, text, begin, end, ord('"'))
    return YES


@borrowing
def _put_word(field: int, word: int, desk: Desk) -> int:
    row = WORD_AT + WORD_SIZE * word
    put_field(desk, field, desk.pool, desk.plan[row + 2], desk.plan[row + 3], ord('"'))
    return YES


@borrowing
def _put_text(text: U8, node: int, field: int, desk: Desk) -> int:
    said = says(text, desk, node)
    if said != YES:
        return said
    begin, end = inner(desk, node)
    return _put_quoted(text, begin, end, field, desk)


@borrowing
def _put_id(text: U8, node: int, field: int, desk: Desk) -> int:
    """A text; what is empty counts as absent, other values that say nothing do not."""
    begin, end = inner(desk, node)
    kind = desk.work[KIND + node]
    if kind == NULL or (kind == STRING and begin == end):
        return NO
    if kind == INTEGER or says(text, desk, node) != YES:
        return NOT_SURE
    return _put_quoted(text, begin, end, field, desk)


@borrowing
def _put_joined(text: U8, field: int, desk: Desk) -> int:
    place = OPERAND + desk.plan[field + PLACE]
    one, other = desk.plan[place], desk.plan[place + 1]
    if desk.work[KIND + one] != STRING or desk.work[KIND + other] != STRING:
        return NOT_SURE
    begin, end = inner(desk, one)
    first, last = inner(desk, other)
    if begin == end or first == last or end - begin + 1 + last - first > desk.plan[field + LIMIT]:
        return NOT_SURE
    put(desk, desk.pool, desk.plan[field + NAME], desk.plan[field + NAME_END])
    put_byte(desk, ord('"'))
    put(desk, text, begin, end)
    put_byte(desk, ord("-"))
    put(desk, text, first, last)
    put_byte(desk, ord('"'))
    return YES


@borrowing
def _put_count(text: U8, node: int, field: int, desk: Desk) -> int:
    kind = desk.work[KIND + node]
    if kind == NULL or kind == TRUE or kind == FALSE:
        return NO
    begin, end = inner(desk, node)
    if kind == STRING and (begin == end or (end - begin == 1 and text[begin] == ord("-"))):
        return NO
    if (kind != INTEGER and kind != STRING) or end - begin > LONGEST_COUNT:
        return NOT_SURE
    value = digits(text, begin, end)
    if value < 0 or (text[begin] == ord("0") and end - begin > 1):
        return NOT_SURE
    if value == 0 and desk.plan[field + HOW] == _COUNT_OR_NONE:
        return NO
    put_field(desk, field, text, begin, end, 0)
    return YES


@borrowing
def _put_real(text: U8, node: int, field: int, desk: Desk) -> int:
    kind = desk.work[KIND + node]
    if kind == NULL or kind == TRUE or kind == FALSE:
        return NO
    begin, end = desk.work[SPAN + 2 * node], desk.work[SPAN + 2 * node + 1]
    if text[begin] == ord("-"):
        return NOT_SURE
    if kind == INTEGER and end - begin <= LONGEST_REAL:
        put_field(desk, field, text, begin, end, 0)
        put_byte(desk, ord("."))
        put_byte(desk, ord("0"))
        return YES
    if kind != FLOAT or not is_shortest(text, begin, end):
        return NOT_SURE
    put_field(desk, field, text, begin, end, 0)
    return YES


@borrowing
def _put_flag(node: int, field: int, desk: Desk) -> int:
    kind = desk.work[KIND + node]
    if kind == STRING or kind == ESCAPED or kind == ODD:
        return NOT_SURE
    if kind != TRUE and kind != FALSE:
        return NO
    word = desk.plan[field + WORD] + (1 if kind == TRUE else 0)
    row = WORD_AT + WORD_SIZE * word
    put_field(desk, field, desk.pool, desk.plan[row + 2], desk.plan[row + 3], 0)
    return YES


@borrowing
def _put_translated(text: U8, node: int, field: int, desk: Desk) -> int:
    """The translation of a word; the words begin behind the one for what is absent."""
    kind = desk.work[KIND + node]
    if kind == STRING:
        begin, end = inner(desk, node)
        for word in range(
            desk.plan[field + WORD] + 1, desk.plan[field + WORD] + desk.plan[field + WORDS]
        ):
            if is_word(text, begin, end, desk, word):
                return _put_word(field, word, desk)
    elif kind == INTEGER or kind == TRUE or kind == FALSE:
        return NOT_SURE
    return _put_text(text, node, field, desk)


@borrowing
def _put_address(text: U8, node: int, field: int, desk: Desk) -> int:
    kind = desk.work[KIND + node]
    begin, end = inner(desk, node)
    if kind == STRING and begin < end:
        if not _is_v4(text, begin, end):
            return NOT_SURE
        return _put_quoted(text, begin, end, field, desk)
    return NOT_SURE if kind > STRING else NO


@borrowing
def _is_v4(text: U8, at: int, end: int) -> bool:
    """Whether ``a.b.c.d`` stands here, and nothing else."""
    for part in range(4):
        begin, value = at, 0
        while at < end and at - begin < 3 and ord("0") <= text[at] <= ord("9"):
            value = 10 * value + int(np.int64(text[at]) - ord("0"))
            at += 1
        if at == begin or value > 255 or (text[begin] == ord("0") and at - begin > 1):
            return False
        if part < 3:
            if at >= end or text[at] != ord("."):
                return False
            at += 1
    return at == end


@borrowing
def _put_moment(text: U8, node: int, field: int, desk: Desk) -> int:
    """A time, or how much later it is than the event's."""
    if desk.work[KIND + node] == NULL:
        return NO
    found = moment_ms(text, desk, node)
    if found < 0:
        return NOT_SURE
    if desk.plan[field + HOW] == _LATENCY:
        found -= desk.work[MOMENT]
        if found < 0:
            return NO
    else:
        desk.work[MOMENT] = found
    put(desk, desk.pool, desk.plan[field + NAME], desk.plan[field + NAME_END])
    put_number(desk, found)
    return YES


@borrowing
def _put_tagged(text: U8, node: int, field: int, desk: Desk) -> int:
    kind = desk.work[KIND + node]
    if kind == OBJECT:
        return NO
    if kind != ARRAY:
        return NO if kind < STRING else NOT_SURE
    found, begin, end = longest_tagged(
        text, desk.work[SPAN + 2 * node], desk.work[SPAN + 2 * node + 1], field, desk
    )
    if found != YES:
        return found
    if is_nothing(text, begin, end):
        return NO
    return _put_quoted(text, begin, end, field, desk)
