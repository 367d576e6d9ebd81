"""What a format says of its records: places, fields made of them, and rules that judge them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

EACH, FIRST, PAIRS = "[each]", "[first]", "[pairs]"
"""Steps into an array: every element, the first element alone, or a list of
``{"key": …, "value": {"stringValue": …}}``, whose keys are the next steps."""

Place = tuple[str, ...]
"""Keys and steps that lead from the record to a value."""


class As(IntEnum):
    """How a native field is written, given the values at its places."""

    TEXT = 0
    """A text that says something, as ``values.text``; ``limit`` is its length."""
    COUNT = 1
    """As ``values.count``."""
    COUNT_OR_ZERO = 2
    COUNT_OR_NONE = 3
    """As ``COUNT``, without zero."""
    REAL = 4
    """As ``values.real``."""
    FLAG = 5
    """As ``values.flag``."""
    ADDRESS = 6
    """As ``values.client_address``."""
    MOMENT = 7
    """As ``values.moment_ms``; the first of these is the event's time."""
    LATENCY = 8
    """From the event's time to this moment, if that is not earlier."""
    ID = 9
    """As ``values.event_id``, of a value that is not empty."""
    JOINED = 10
    """Both values with ``-`` between, as an id."""
    WORD = 11
    """The translation of a word; another text as it stands, ``otherwise`` if there is none."""
    STATUS = 12
    """What the rules have found."""
    PROMPT = 13
    """As ``prompts.prompt_of``."""
    TAGGED = 14
    """A text, or else (from the last place) the longest text of an array behind ``tag``."""


class If(IntEnum):
    """What a rule asks of the values at its places."""

    TRUE = 0
    WORD = 1
    """The first that is there is a text, or a whole number, of ``words``."""
    NO_WORD = 2
    """The same is not so."""
    HOLDS = 3
    """One of them is a text that holds ``words[0]``."""
    SILENT = 4
    """None says anything."""
    ABSENT = 5
    """None is there."""
    EMPTY = 6
    """The first that is there, if any, is not a text of at least one letter."""
    LEAST = 7
    """The first that is there is a number, of at least ``words[0]``."""
    JSON = 8
    """One of them is a text that begins as JSON does."""
    SETTLED = 9
    """A rule before has found a status."""
    ALWAYS = 10


class Then(IntEnum):
    """What follows if it is so."""

    PASS_OVER = 0
    """``said`` is the reason."""
    LEAVE = 1
    """The format's own ``read`` decides."""
    STATUS = 2
    """``said`` is the status, unless a rule before has found one."""
    SKIP = 3
    """The next ``skip`` rules do not count."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One step of judging an event; rules are asked in their order."""

    when: If
    places: tuple[Place, ...]
    then: Then
    words: tuple[str, ...] = ()
    said: str = ""
    skip: int = 0


@dataclass(frozen=True, slots=True)
class Made:
    """A native field and how it is made."""

    field: str
    how: As
    places: tuple[tuple[Place, ...], ...]
    """The first that says something counts; of several places in one entry the first that is
    there, whatever it says."""
    present: bool = False
    """Whether the first entry that is there and not null counts, whatever it says."""
    required: bool = False
    """Whether an event without it is left to the format's own ``read``."""
    limit: int = 1_024
    words: tuple[tuple[str, str], ...] = ()
    otherwise: str = ""
    tag: str = ""


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything that a format's compiled way knows."""

    event: Place
    """Where the object of an event lies: ``()`` if that is the record, else ending in ``EACH``."""
    must: tuple[Place, ...]
    """Keys of the record of which one must be there."""
    fields: tuple[Made, ...]
    rules: tuple[Rule, ...] = ()
    traps: tuple[Place, ...] = ()
    """Where nothing may be, or the record is left to ``read``; a last step that ends in ``*``
    stands for every key that begins so."""
    loose: tuple[Place, ...] = ()
    """Objects in whose place something else may stand, which is then nothing."""
    lists: tuple[Place, ...] = ()
    """Pairs whose value may be a list, of which the first counts."""
    group: Place | None = None
    """Object in which events know of one another, if they do."""
    identity: tuple[Place, Place] | None = None
    """An event's id and its parent's; one whose parent is in its group is left to ``read``."""
    first: tuple[tuple[Place, Place], ...] = ()
    """Pairs of places of which the former must come before the latter."""


def dotted(paths: tuple[str, ...]) -> tuple[tuple[Place, ...], ...]:
    """Paths of settings as places."""
    return tuple(((*path.split("."),),) for path in paths)


def ambiguous(paths: tuple[str, ...]) -> tuple[Place, ...]:
    """Where else these paths may lead, as a key may hold dots itself."""
    found: dict[Place, None] = {}
    for path in paths:
        steps = path.split(".")
        for first in range(len(steps)):
            for stop in range(first + 2, len(steps) + 1):
                found[*steps[:first], ".".join(steps[first:stop])] = None
    return tuple(found)
