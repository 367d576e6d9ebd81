"""Whether an event is the account's traffic, and what became of it: the rules of a plan."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from analyzer.core.kernels.jit import borrowing
from analyzer.core.kernels.json_tokens import (
    ABSENT,
    ESCAPED,
    FALSE,
    FLOAT,
    INTEGER,
    NULL,
    ODD,
    STRING,
    TRUE,
)
from analyzer.formats.compiled.layout import (
    ALL_RULES,
    KIND,
    NO,
    NONE,
    NOT_SURE,
    PLACE,
    PLACES,
    RULE,
    RULE_SIZE,
    SAID,
    SPAN,
    STATUS,
    THEN,
    WHEN,
    WORD,
    WORD_AT,
    WORD_SIZE,
    WORDS,
    YES,
    Desk,
)
from analyzer.formats.compiled.moments import digits
from analyzer.formats.compiled.recipe import If, Then
from analyzer.formats.compiled.told import chosen, holds, inner, is_word, says

U8 = NDArray[np.uint8]
LEAVE, GOES_ON = -1, 0
"""Answers of :func:`judge`; a number above is that of a reason, counted from 1."""
_TRUE, _WORD, _NO_WORD, _HOLDS, _SILENT, _ABSENT, _EMPTY, _LEAST, _JSON, _SETTLED, _ALWAYS = (
    int(when) for when in If
)
_PASS_OVER, _LEAVE, _STATUS, _SKIP = (int(then) for then in Then)


@borrowing
def judge(text: U8, desk: Desk) -> int:
    """Ask the rules; the status found is left in the state."""
    desk.work[STATUS] = NONE
    at = 0
    while at < desk.plan[ALL_RULES]:
        rule = RULE + RULE_SIZE * at
        at += 1
        met = _asked(text, desk, at - 1)
        if met == NOT_SURE:
            return LEAVE
        if met == NO:
            continue
        if desk.plan[rule + THEN] == _PASS_OVER:
            return int(desk.plan[rule + SAID] + 1)
        if desk.plan[rule + THEN] == _LEAVE:
            return LEAVE
        if desk.plan[rule + THEN] == _SKIP:
            at += desk.plan[rule + SAID]
        elif desk.work[STATUS] == NONE:
            desk.work[STATUS] = desk.plan[rule + SAID]
    if desk.work[STATUS] == NONE:
        desk.work[STATUS] = 0
    return GOES_ON


@borrowing
def _asked(text: U8, desk: Desk, number: int) -> int:
    rule = RULE + RULE_SIZE * number
    when = desk.plan[rule + WHEN]
    begin = desk.plan[rule + PLACE]
    stop = begin + desk.plan[rule + PLACES]
    if when == _ALWAYS:
        return YES
    if when == _SETTLED:
        return NO if desk.work[STATUS] == NONE else YES
    if when == _SILENT or when == _ABSENT:
        return _is_silent(text, desk, begin, stop, when == _ABSENT)
    if when == _HOLDS or when == _JSON:
        return _one_holds(text, desk, begin, stop, number)
    node = NONE
    while node == NONE and begin < stop:
        node, begin = chosen(desk, begin, stop)
    kind = desk.work[KIND + node] if node != NONE else ABSENT
    is_text = kind == STRING or kind == ESCAPED
    if when == _TRUE:
        found = YES if kind == TRUE else NO
        return NOT_SURE if is_text or kind == ODD else found
    if when == _EMPTY:
        if is_text:
            return YES if desk.work[SPAN + 2 * node + 1] - desk.work[SPAN + 2 * node] == 2 else NO
        return YES if kind == ABSENT or kind == NULL else NOT_SURE
    if when == _LEAST:
        return _reaches(text, desk, node, desk.plan[rule + WORD])
    if kind == FLOAT or kind > ESCAPED:
        return NOT_SURE
    found = NO
    if kind == STRING or kind == INTEGER:
        found = _is_one_of(text, desk, node, rule)
    return found if when == _WORD else YES - found


@borrowing
def _is_one_of(text: U8, desk: Desk, node: int, rule: int) -> int:
    """Whether a value is one of the rule's words."""
    begin, end = inner(desk, node)
    word = desk.plan[rule + WORD]
    for i in range(desk.plan[rule + WORDS]):
        if is_word(text, begin, end, desk, word + i):
            return YES
    return NO


@borrowing
def _is_silent(text: U8, desk: Desk, begin: int, stop: int, absent: bool) -> int:
    while begin < stop:
        node, begin = chosen(desk, begin, stop)
        if node == NONE:
            continue
        if absent:
            return NO
        said = says(text, desk, node)
        if said != NO:
            return NO if said == YES else NOT_SURE
    return YES


@borrowing
def _one_holds(text: U8, desk: Desk, begin: int, stop: int, number: int) -> int:
    """Whether one of the texts holds the rule's word, or begins as JSON does."""
    rule, found = RULE + RULE_SIZE * number, NO
    while begin < stop:
        node, begin = chosen(desk, begin, stop)
        if node == NONE:
            continue
        kind = desk.work[KIND + node]
        if kind == STRING or kind == ESCAPED:
            first, last = inner(desk, node)
            if desk.plan[rule + WHEN] == _JSON:
                if text[first] == ord("[") or text[first] == ord("{"):
                    found = YES
            elif holds(text, first, last, desk, desk.plan[rule + WORD]):
                found = YES
        elif kind > STRING:
            return NOT_SURE
    return found


@borrowing
def _reaches(text: U8, desk: Desk, node: int, word: int) -> int:
    """Whether a code is as great as a word says."""
    if node == NONE:
        return NO
    kind = desk.work[KIND + node]
    if kind == NULL or kind == TRUE or kind == FALSE:
        return NO
    if kind != STRING and kind != INTEGER:
        return NOT_SURE
    begin, end = inner(desk, node)
    value = digits(text, begin, end)
    if value < 0 or (text[begin] == ord("0") and end - begin > 1):
        return NOT_SURE
    least = digits(
        desk.pool,
        desk.plan[WORD_AT + WORD_SIZE * word + 0],
        desk.plan[WORD_AT + WORD_SIZE * word + 1],
    )
    return YES if value >= least else NO
