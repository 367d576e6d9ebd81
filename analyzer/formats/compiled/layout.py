"""Where everything lies in the two arrays of whole numbers that the compiled functions share.

Few arrays, since each one that a compiled function is given makes compiling it longer.
"""

from __future__ import annotations

from itertools import accumulate
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

I64 = NDArray[np.int64]
U64 = NDArray[np.uint64]
U8 = NDArray[np.uint8]

NODES, UNKNOWN = 256, 256
"""Most places of a plan, and so many sites for keys that nobody asked for."""
SLOTS, MOST_KEYS, MOST_BEGINS, MOST_RULES, MOST_FIELDS = 1_024, 512, 16, 32, 40
MOST_OPERANDS, MOST_WORDS, MOST_IN_GROUP, MOST_REASONS, STACKED = 512, 160, 1_024, 8, 64


def _offsets(*sizes: int) -> tuple[int, ...]:
    return tuple(accumulate(sizes, initial=0))


SITE_SIZE = 8
AT, SIZE, CHILD, OWNER, NEXT, WRAPPED, OLD_AT, OLD_SIZE = range(SITE_SIZE)
"""Of a site: where the bytes lie that came next, the key's node, whose key it is, the site after
it, how a pair's value is wrapped, and the value that was skipped there."""
KEY_SIZE = 5
KEY_HASH, KEY_OWNER, KEY_CHILD, KEY_BEGIN, KEY_END = range(KEY_SIZE)
"""Of a key: its hash, the node that has it, the node it leads to, and its text in the pool."""
RULE_SIZE = 7
WHEN, PLACE, PLACES, WORD, WORDS, THEN, SAID = range(RULE_SIZE)
"""Of a rule; its places, as those of a field, are operands. ``SAID`` is a reason or status, or
how many rules to skip."""
FIELD_SIZE = 10
HOW, _, _, _, _, PRESENT, REQUIRED, LIMIT, NAME, NAME_END = range(FIELD_SIZE)
"""Of a field; its places and words stand as those of a rule."""
BEGIN_SIZE, WORD_SIZE = 3, 4

(
    SHAPE, LAST, ELEMENT, ONLY_FIRST, LOOSE, LISTS, BEFORE, ENDS_EVENT, ENDS_GROUP,
    COUNTS, SLOT, KEY, BEGIN, RULE, FIELD, OPERAND, WORD_AT, PLAN_SIZE,
) = _offsets(
    *[NODES] * 9, 16, SLOTS, MOST_KEYS * KEY_SIZE, MOST_BEGINS * BEGIN_SIZE,
    MOST_RULES * RULE_SIZE, MOST_FIELDS * FIELD_SIZE, MOST_OPERANDS,
    MOST_WORDS * WORD_SIZE,
)  # fmt: skip
"""Where each table of a plan begins. The first ones have a row for each node: its shape, the
number behind those below it, the node of its elements, whether only the first element counts,
whether something else may stand in its place, whether a pair's value may be a list, the node that
must not have come before it, and whether an event or a group ends with it."""
ALL_NODES, ALL_BEGINS, ALL_RULES, ALL_FIELDS, ALL_MUST, MUST, _, _, _, ID, PARENT = range(
    COUNTS, COUNTS + 11
)
"""How many there are of each; up to four nodes of which one must be there; and the nodes of an
event's id and its parent's."""

STATE, KIND, SPAN, SITE, STACK, IDS, PARENTS, PASSED, WORK_SIZE = _offsets(
    8, NODES, 2 * NODES, (2 * NODES + UNKNOWN) * SITE_SIZE, STACKED, MOST_IN_GROUP, MOST_IN_GROUP,
    MOST_REASONS,
)  # fmt: skip
"""Where each table of the work begins: kind and span of what was found at each node, what is
remembered at each site, containers that are open, ids and parents in the group, and how many
events were passed over, by reason."""
OUT, EVENTS, STATUS, MOMENT, ALL_IDS, ALL_PARENTS, FULL = range(STATE, STATE + 7)
"""Bytes and events written, what the rules and the event's time came to, ids and parents so far,
and whether there was no room."""

LEAF, OBJECT_NODE, LIST_NODE, PAIRS_NODE = range(4)
NONE, TRAPPED = -1, -2
"""Numbers of no node, and of a key that must not be there."""
LIST, RECORD = 0, 1
"""Nodes of an array of records and of the record itself."""
UNSURE, SURE = 0, 1
NO, YES, NOT_SURE = range(3)


class Desk(NamedTuple):
    """Everything beside the text that the compiled functions read and write."""

    plan: I64
    """What does not change, from ``SHAPE`` on."""
    pool: U8
    """Bytes of names and words."""
    traps: U64
    """Words that make a record doubtful, by :func:`~.json_tokens.traps_of`."""
    work: I64
    """What is kept from one byte to the next, from ``STATE`` on."""
    out: U8
    """Events as native records, one behind the other."""
    events: I64
    """Three numbers for each: row of the record, and where the event lies in ``out``."""
