"""One record read from its beginning to its end, by the tables of a plan.

Records of one writer have their keys in the same order, which :mod:`.keys` makes use of.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from analyzer.core.kernels.jit import borrowing, word_at
from analyzer.core.kernels.json_tokens import (
    ABSENT,
    ARRAY,
    FALSE,
    FLOAT,
    INTEGER,
    NULL,
    OBJECT,
    STRING,
    TRUE,
    blank,
    same,
    scalar_end,
    value_end,
)
from analyzer.core.kernels.xxh3 import LONGEST, xxh3
from analyzer.formats.compiled.keys import (
    IN_FLAG,
    IN_FLOAT,
    IN_INTEGER,
    IN_LIST,
    IN_STRING,
    next_element,
    next_key,
    past,
    unwrapped,
)
from analyzer.formats.compiled.layout import (
    ALL_IDS,
    ALL_MUST,
    ALL_NODES,
    ALL_PARENTS,
    BEFORE,
    CHILD,
    ELEMENT,
    ENDS_EVENT,
    ENDS_GROUP,
    EVENTS,
    ID,
    IDS,
    KIND,
    LAST,
    LIST,
    LIST_NODE,
    LISTS,
    LOOSE,
    MOST_IN_GROUP,
    MUST,
    NEXT,
    NODES,
    NONE,
    OBJECT_NODE,
    OLD_AT,
    OLD_SIZE,
    ONLY_FIRST,
    OUT,
    PAIRS_NODE,
    PARENT,
    PARENTS,
    PASSED,
    RECORD,
    SHAPE,
    SITE,
    SITE_SIZE,
    SPAN,
    STACK,
    SURE,
    UNSURE,
    WRAPPED,
    Desk,
)
from analyzer.formats.compiled.write import write_event

I64 = NDArray[np.int64]
U8 = NDArray[np.uint8]


@borrowing
def read_record(text: U8, at: int, stop: int, row: int, desk: Desk) -> int:
    """Write the events of one record; ``UNSURE`` if it is not sure what they are."""
    at = blank(text, at, stop)
    if at >= stop or (text[at] != ord("{") and text[at] != ord("[")):
        return UNSURE
    node = LIST if text[at] == ord("[") else RECORD
    desk.work[KIND : KIND + desk.plan[ALL_NODES]] = ABSENT
    depth, made, site, is_first = 0, 0, NODES + node, True
    at += 1
    while True:
        is_list = desk.plan[SHAPE + node] == LIST_NODE
        if is_list:
            at, closes = next_element(text, at, stop, is_first)
        else:
            at, closes = next_key(text, at, stop, site, node, is_first, desk)
        if at < 0:
            return UNSURE
        if not closes:
            if is_list and desk.plan[ONLY_FIRST + node] and not is_first:
                at, inner = value_end(text, at, stop, desk.traps), NONE
            elif is_list:
                inner = desk.plan[ELEMENT + node]
                desk.work[KIND + inner : KIND + desk.plan[LAST + inner]] = ABSENT
                made = 0 if inner == RECORD else made
            else:
                here = site
                at, inner = _take(text, at, stop, here, node, desk)
                site = desk.work[SITE + SITE_SIZE * here + NEXT]
            if at < 0:
                return UNSURE
            is_first = False
            if inner != NONE:
                desk.work[STACK + depth], desk.work[STACK + depth + 1] = node, site
                depth += 2
                node, site, is_first, at = inner, NODES + inner, True, at + 1
            continue
        if desk.plan[ENDS_EVENT + node]:
            if not _must_be_there(desk):
                return UNSURE
            if _end_event(text, row, desk) == UNSURE:
                return UNSURE
            made += 1
        if desk.plan[ENDS_GROUP + node] and not _ends_well(desk):
            return UNSURE
        if node <= RECORD and made == 0:
            return UNSURE
        if depth == 0:
            break
        depth -= 2
        node, site = desk.work[STACK + depth], desk.work[STACK + depth + 1]
        is_first = False
    return SURE if blank(text, at, stop) == stop else UNSURE


@borrowing
def _must_be_there(desk: Desk) -> bool:
    """Whether the record has a key that only its format has."""
    for i in range(desk.plan[ALL_MUST]):
        if desk.work[KIND + desk.plan[MUST + i]] != ABSENT:
            return True
    return False


@borrowing
def _take(text: U8, at: int, stop: int, site: int, node: int, desk: Desk) -> tuple[int, int]:
    """Past a value, kept if it is asked for; the node of a container that is to be gone into."""
    known = SITE + SITE_SIZE * site
    child = desk.work[known + CHILD]
    if child == NONE:
        at = _skipped(text, at, stop, known, desk)
        if at >= 0 and desk.plan[SHAPE + node] == PAIRS_NODE:
            at = _past_brace(text, at, stop)
        return at, NONE
    if at >= stop or desk.work[KIND + child] != ABSENT:
        return -1, NONE
    before = desk.plan[BEFORE + child]
    if before != NONE and desk.work[KIND + before] != ABSENT:
        return -1, NONE
    if desk.plan[SHAPE + node] == PAIRS_NODE:
        return _pair_taken(text, at, stop, child, desk.work[known + WRAPPED], desk), NONE
    byte, shape = text[at], desk.plan[SHAPE + child]
    if byte == ord("{") and shape == OBJECT_NODE:
        desk.work[KIND + child] = OBJECT
        return at, child
    if byte == ord("[") and (shape == LIST_NODE or shape == PAIRS_NODE):
        desk.work[KIND + child] = ARRAY
        return at, child
    begin = at
    if byte == ord("{") or byte == ord("["):
        at = _past_container(text, at, stop, known, desk)
        kind = ARRAY if byte == ord("[") else OBJECT
    else:
        at, kind = scalar_end(text, at, stop, desk.traps)
    if shape != 0 and kind != NULL and not desk.plan[LOOSE + child]:
        return -1, NONE
    desk.work[KIND + child] = kind
    desk.work[SPAN + 2 * child], desk.work[SPAN + 2 * child + 1] = begin, at
    return at, NONE


@borrowing
def _skipped(text: U8, at: int, stop: int, known: int, desk: Desk) -> int:
    """Past a value that nobody asks for."""
    if at >= stop:
        return -1
    byte = text[at]
    if byte != ord("{") and byte != ord("["):
        return int(scalar_end(text, at, stop, desk.traps)[0])
    return _past_container(text, at, stop, known, desk)


@borrowing
def _past_container(text: U8, at: int, stop: int, known: int, desk: Desk) -> int:
    """Past an object or array; often it is the one of the record before."""
    size = desk.work[known + OLD_SIZE]
    if size and at + size <= stop and same(text, at, text, desk.work[known + OLD_AT], size):
        return int(at + size)
    end = value_end(text, at, stop, desk.traps)
    desk.work[known + OLD_AT], desk.work[known + OLD_SIZE] = at, max(0, end - at)
    return end


@borrowing
def _past_brace(text: U8, at: int, stop: int) -> int:
    at = blank(text, at, stop)
    return at + 1 if at < stop and text[at] == ord("}") else -1


@borrowing
def _pair_taken(text: U8, at: int, stop: int, child: int, wrapped: int, desk: Desk) -> int:
    """Past a pair whose value begins here, unwrapped."""
    begin = at
    if wrapped == IN_LIST:
        if not desk.plan[LISTS + child]:
            return -1
        at = value_end(text, at, stop, desk.traps)
        kind = ARRAY
        if at >= 0:
            begin, last, kind = _first_of_list(text, begin, at, desk)
            if begin < 0:
                return -1
            desk.work[SPAN + 2 * child], desk.work[SPAN + 2 * child + 1] = begin, last
    else:
        at, kind = scalar_end(text, at, stop, desk.traps)
        fits = (
            (wrapped == IN_STRING and kind >= STRING)
            or (wrapped == IN_INTEGER and (kind == INTEGER or kind == STRING))
            or (wrapped == IN_FLAG and (kind == TRUE or kind == FALSE))
            or (wrapped == IN_FLOAT and (kind == INTEGER or kind == FLOAT))
        )
        if at < 0 or not fits:
            return -1
        desk.work[SPAN + 2 * child], desk.work[SPAN + 2 * child + 1] = begin, at
        if wrapped == IN_INTEGER:
            if kind == STRING:
                begin, at_digits = begin + 1, at - 1
                desk.work[SPAN + 2 * child], desk.work[SPAN + 2 * child + 1] = begin, at_digits
            if not _is_whole(text, desk.work[SPAN + 2 * child], desk.work[SPAN + 2 * child + 1]):
                return -1
            kind = INTEGER
    if at < 0:
        return -1
    desk.work[KIND + child] = kind
    at = _past_brace(text, at, stop)
    return _past_brace(text, at, stop) if at >= 0 else -1


@borrowing
def _is_whole(text: U8, begin: int, end: int) -> bool:
    """Whether a whole number, not negative, stands here as one writes it."""
    if end - begin < 1 or end - begin > 15 or (text[begin] == ord("0") and end - begin > 1):
        return False
    for i in range(begin, end):
        if not ord("0") <= text[i] <= ord("9"):
            return False
    return True


@borrowing
def _first_of_list(text: U8, at: int, stop: int, desk: Desk) -> tuple[int, int, int]:
    """Where the first value of ``{"values": […]}`` lies, and its kind; ``NULL`` if none does."""
    at = past(text, at, stop, ord("{"))
    if at < 0 or at + 10 > stop or word_at(text, at) != _VALUES or text[at + 8] != ord(":"):
        return -1, -1, NULL
    at = blank(text, at + 9, stop)
    if at >= stop or text[at] != ord("["):
        return -1, -1, NULL
    at = blank(text, at + 1, stop)
    if at < stop and text[at] == ord("]"):
        return at, at, NULL
    begin, wrapped = unwrapped(text, at, stop)
    if begin < 0 or wrapped != IN_STRING:
        return -1, -1, NULL
    end, kind = scalar_end(text, begin, stop, desk.traps)
    if end < 0 or kind < STRING or _past_brace(text, end, stop) < 0:
        return -1, -1, NULL
    return begin, end, kind


_VALUES = np.uint64(int.from_bytes(b'"values"', "little"))


@borrowing
def _end_event(text: U8, row: int, desk: Desk) -> int:
    """Write an event or pass it over, and remember who it is."""
    one, other = desk.plan[ID], desk.plan[PARENT]
    if one != NONE:
        if desk.work[KIND + one] != STRING or desk.work[ALL_IDS] >= MOST_IN_GROUP:
            return UNSURE
        desk.work[IDS + desk.work[ALL_IDS]] = _hash(text, one, desk)
        desk.work[ALL_IDS] += 1
    begin = desk.work[OUT]
    how = write_event(text, desk)
    if how < 0:
        return UNSURE
    if how > 0:  # the number of a reason
        desk.work[PASSED + how - 1] += 1
        return SURE
    event = 3 * desk.work[EVENTS]
    if event + 3 > len(desk.events):
        return UNSURE
    desk.events[event] = row
    desk.events[event + 1], desk.events[event + 2] = begin, desk.work[OUT]
    desk.work[EVENTS] += 1
    if one != NONE and desk.work[KIND + other] > NULL:
        if desk.work[KIND + other] != STRING:
            return UNSURE
        if desk.work[SPAN + 2 * other + 1] - desk.work[SPAN + 2 * other] > 2:
            desk.work[PARENTS + desk.work[ALL_PARENTS]] = _hash(text, other, desk)
            desk.work[ALL_PARENTS] += 1
    return SURE


@borrowing
def _hash(text: U8, node: int, desk: Desk) -> int:
    """Of an id; long ones may seem to be the same."""
    begin, end = desk.work[SPAN + 2 * node], desk.work[SPAN + 2 * node + 1]
    return int(np.int64(xxh3(text, begin, min(end, begin + LONGEST), np.uint64(0))))


@borrowing
def _ends_well(desk: Desk) -> bool:
    """Whether no event of the group has its parent in it."""
    ids, parents = desk.work[ALL_IDS], desk.work[ALL_PARENTS]
    desk.work[ALL_IDS] = desk.work[ALL_PARENTS] = 0
    for i in range(parents):
        for j in range(ids):
            if desk.work[PARENTS + i] == desk.work[IDS + j]:
                return False
    return True
