"""What a customer wrote, put together from the messages of a chat."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from analyzer.core.kernels.jit import borrowing, calling, word_at
from analyzer.core.kernels.json_tokens import (
    ARRAY,
    ESCAPED,
    NULL,
    OBJECT,
    STRING,
    blank,
    same,
    scalar_end,
    short,
    short_of,
    string_end,
    value_end,
)
from analyzer.formats.compiled.layout import (
    NAME,
    NAME_END,
    NO,
    NOT_SURE,
    WORD,
    WORD_AT,
    WORD_SIZE,
    WORDS,
    YES,
    Desk,
)
from analyzer.formats.compiled.put import put, put_byte
from analyzer.formats.compiled.told import is_word

U8 = NDArray[np.uint8]
I64 = NDArray[np.int64]
_ENOUGH = 24
"""Letters of a text that has escapes; one of so many says something."""


@borrowing
def put_prompt(text: U8, begin: int, end: int, field: int, desk: Desk) -> int:
    """Put the texts of messages with line feeds between, as ``prompts.prompt_of``.

    Returns
    -------
    Whether any was put, then behind the field's name; or that it is not sure.
    """
    if text[begin] != ord("["):
        return NOT_SURE
    found, at = NO, blank(text, begin + 1, end)
    while text[at] != ord("]"):
        if text[at] == ord(","):
            at = blank(text, at + 1, end)
        if text[at] != ord("{"):
            return NOT_SURE
        at, is_ours, kind, first, last = _message(text, at, end, desk)
        if at < 0:
            return NOT_SURE
        if is_ours and kind == ARRAY:
            found = _put_parts(text, first, last, found, field, desk)
        elif is_ours and kind != NULL:
            found = _put_text(text, kind, first, last, found, field, desk)
        if found == NOT_SURE:
            return NOT_SURE
        at = blank(text, at, end)
    return found


@calling
def _put_parts(text: U8, begin: int, end: int, found: int, field: int, desk: Desk) -> int:
    """Put the parts of one message; those inside them are not looked at."""
    at = blank(text, begin + 1, end)
    while text[at] != ord("]"):
        if text[at] == ord(","):
            at = blank(text, at + 1, end)
        if text[at] != ord("{"):
            return NOT_SURE
        at, is_ours, kind, first, last = _message(text, at, end, desk)
        if at < 0 or kind == ARRAY:
            return NOT_SURE
        if is_ours and kind != NULL:
            found = _put_text(text, kind, first, last, found, field, desk)
            if found == NOT_SURE:
                return NOT_SURE
        at = blank(text, at, end)
    return found


@calling
def _message(text: U8, at: int, end: int, desk: Desk) -> tuple[int, bool, int, int, int]:
    """Past a message or a part, whether it is the customer's, and what is inside of it.

    It is well-formed, as whoever read the record has seen; -1 if it is of a rarer shape.
    """
    has_role, is_ours, seen = False, True, False
    kind, first, last = NULL, 0, 0
    at = blank(text, at + 1, end)
    while text[at] != ord("}"):
        if text[at] == ord(","):
            at = blank(text, at + 1, end)
        key = at + 1
        stop, how = string_end(text, key, end)
        begin = blank(text, blank(text, stop + 1, end) + 1, end)
        name = short(text, key, stop)
        is_role, is_inside = name == _ROLE, name == _CONTENT or name == _TEXT
        if how != STRING or name == _PARTS or name == _VALUE:
            return -1, False, NULL, 0, 0
        if text[begin] == ord("{") or text[begin] == ord("["):
            at = value_end(text, begin, end, desk.traps)
            how = ARRAY if text[begin] == ord("[") else OBJECT
        else:
            at, how = scalar_end(text, begin, end, desk.traps)
        if is_role:
            if has_role or how != STRING:
                return -1, False, NULL, 0, 0
            has_role, is_ours = True, not _is_answer(text, begin + 1, at - 1)
        elif is_inside:
            if seen or not (how == STRING or how == ESCAPED or how == NULL or how == ARRAY):
                return -1, False, NULL, 0, 0
            seen, kind, first, last = True, how, begin, at
        at = blank(text, at, end)
    return at + 1, is_ours, kind, first, last


@borrowing
def _is_answer(text: U8, begin: int, end: int) -> bool:
    """Whether this is the role of somebody who is not the customer."""
    if end - begin == 9:
        return bool(word_at(text, begin) == _ASSISTAN and text[begin + 8] == ord("t"))
    role = short(text, begin, end)
    return bool(role == _MODEL or role == _TOOL or role == _FUNCTION or role == _AI)


_ASSISTAN = short_of(b"assistan")
_ROLE, _CONTENT, _TEXT, _PARTS, _VALUE, _MODEL, _TOOL, _FUNCTION, _AI = map(
    short_of,
    (b"role", b"content", b"text", b"parts", b"value", b"model", b"tool", b"function", b"ai"),
)


@calling
def _put_text(text: U8, kind: int, begin: int, end: int, found: int, field: int, desk: Desk) -> int:
    """Put one text if it says something."""
    begin, end = begin + 1, end - 1
    if kind == STRING:
        first, last = begin, end
        while first < last and text[first] == ord(" "):
            first += 1
        while last > first and text[last - 1] == ord(" "):
            last -= 1
        if first == last:
            return found
        for word in range(
            desk.plan[field + WORD], desk.plan[field + WORD] + desk.plan[field + WORDS]
        ):
            if _is_folded(text, first, last, desk, word):
                return found
    elif _letters(text, begin, end) <= _ENOUGH:
        return NOT_SURE
    if found == NO:
        put(desk, desk.pool, desk.plan[field + NAME], desk.plan[field + NAME_END])
        put_byte(desk, ord('"'))
    else:
        put_byte(desk, ord("\\"))
        put_byte(desk, ord("n"))
    put(desk, text, begin, end)
    return YES


@borrowing
def _is_folded(text: U8, begin: int, end: int, desk: Desk, word: int) -> bool:
    """Whether these bytes are one of the plan's words, whatever the case."""
    if is_word(text, begin, end, desk, word):
        return True
    first = desk.plan[WORD_AT + WORD_SIZE * word + 0]
    if end - begin != desk.plan[WORD_AT + WORD_SIZE * word + 1] - first:
        return False
    for i in range(end - begin):
        byte = text[begin + i]
        if ord("A") <= byte <= ord("Z"):
            byte += 32
        if byte != desk.pool[first + i]:
            return False
    return True


@borrowing
def _letters(text: U8, begin: int, end: int) -> int:
    """How many ASCII letters stand here that belong to no escape, as far as that matters."""
    found = 0
    for i in range(begin, end):
        byte = text[i] | 32
        if ord("a") <= byte <= ord("z") and (i == begin or text[i - 1] != ord("\\")):
            found += 1
            if found > _ENOUGH:
                break
    return found


@calling
def longest_tagged(text: U8, begin: int, end: int, field: int, desk: Desk) -> tuple[int, int, int]:
    """Whether the strings of an array have one behind the field's tag, and where the longest is."""
    first, last, found = 0, 0, NO
    tag = WORD_AT + WORD_SIZE * desk.plan[field + WORD]
    size = desk.plan[tag + 1] - desk.plan[tag]
    at = blank(text, begin + 1, end)
    while text[at] != ord("]"):
        if text[at] == ord(","):
            at = blank(text, at + 1, end)
        if text[at] != ord('"'):
            return NOT_SURE, 0, 0
        stop, kind = string_end(text, at + 1, end)
        if kind != STRING:
            return NOT_SURE, 0, 0
        start = at + 1 + size
        if start <= stop and same(text, at + 1, desk.pool, desk.plan[tag], size):
            if found == NO or stop - start > last - first:
                found, first, last = YES, start, stop
        at = blank(text, stop + 1, end)
    return found, first, last
