"""A recipe as tables of numbers, for the compiled functions."""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec
import numpy as np
from numpy.typing import NDArray
from xxhash import xxh3_64_intdigest

from analyzer.core.kernels.byte_strings import PADDING
from analyzer.core.kernels.json_tokens import traps_of
from analyzer.formats.compiled.layout import (
    ALL_BEGINS,
    ALL_FIELDS,
    ALL_MUST,
    ALL_NODES,
    ALL_RULES,
    BEFORE,
    BEGIN,
    ELEMENT,
    ENDS_EVENT,
    ENDS_GROUP,
    FIELD,
    ID,
    KEY,
    LAST,
    LEAF,
    LIST_NODE,
    LISTS,
    LOOSE,
    MUST,
    NONE,
    OBJECT_NODE,
    ONLY_FIRST,
    OPERAND,
    PAIRS_NODE,
    PARENT,
    PLAN_SIZE,
    RULE,
    SHAPE,
    SLOT,
    SLOTS,
    TRAPPED,
    WORD_AT,
)
from analyzer.formats.compiled.recipe import EACH, FIRST, PAIRS, As, Made, Place, Recipe, Rule, Then

I64 = NDArray[np.int64]
U64 = NDArray[np.uint64]
U8 = NDArray[np.uint8]

STATUSES = ("ok", "error", "refused", "rate_limited")


@dataclass(slots=True)
class _Node:
    shape: int = LEAF
    children: dict[str, _Node] = field(default_factory=dict)
    number: int = NONE
    last: int = NONE


class Planner:
    """Builds the tables of one recipe.

    Parameters
    ----------
    strangers
        Words that tell a record to be of another format, wherever they stand.
    """

    def __init__(self, recipe: Recipe, strangers: list[bytes]) -> None:
        self._recipe = recipe
        self._pool = bytearray()
        self._operands: list[int] = []
        self._words: list[tuple[int, int, int, int]] = []
        self._root = _Node(LIST_NODE, {EACH: _Node(OBJECT_NODE)})
        self._strangers = strangers
        self.reasons = tuple(
            dict.fromkeys(rule.said for rule in recipe.rules if rule.then == Then.PASS_OVER)
        )
        """Why events are passed over, by their number in the tables."""

    def plan(self) -> tuple[I64, U8, U64]:
        """The tables, the pool and the traps."""
        recipe = self._recipe
        for place in self._places():
            self._grow(place)
        self._grow(recipe.event)
        nodes = self._numbered()
        keys, begins = self._keys(nodes)
        plan = np.zeros(PLAN_SIZE, np.int64)
        self._mark(plan, nodes)
        rules = [self._rule(rule) for rule in recipe.rules]
        fields = [self._field(made, not at) for at, made in enumerate(recipe.fields)]
        must = [self._at(place) for place in recipe.must]
        _lay(plan, (MUST, ID), must)
        plan[ID : PARENT + 1] = [self._at(place) for place in recipe.identity or ()] or NONE
        plan[[ALL_NODES, ALL_BEGINS, ALL_RULES, ALL_FIELDS, ALL_MUST]] = [
            len(part) for part in (nodes, begins, rules, fields, must)
        ]
        hashed = _hashed(keys, bytes(self._pool))
        plan[SLOT:KEY] = _slots([key[0] for key in hashed])
        _lay(plan, (KEY, BEGIN), [number for key in hashed for number in key])
        _lay(plan, (BEGIN, RULE), [number for begin in begins for number in begin])
        _lay(plan, (RULE, FIELD), [number for rule in rules for number in rule])
        _lay(plan, (FIELD, OPERAND), [number for made in fields for number in made])
        _lay(plan, (OPERAND, WORD_AT), self._operands)
        _lay(plan, (WORD_AT, PLAN_SIZE), [number for word in self._words for number in word])
        pool = np.frombuffer(bytes(self._pool) + PADDING, np.uint8)
        return plan, pool, traps_of(self._strangers)

    def _mark(self, plan: I64, nodes: list[_Node]) -> None:
        """Tables that have a row for each node."""
        recipe = self._recipe
        _lay(plan, (SHAPE, LAST), [node.shape for node in nodes])
        _lay(plan, (LAST, ELEMENT), [node.last for node in nodes])
        _lay(plan, (ELEMENT, ONLY_FIRST), [_element(node) for node in nodes])
        plan[BEFORE:ENDS_EVENT] = NONE
        for former, latter in recipe.first:
            plan[BEFORE + self._at(former)] = self._at(latter)
        group = () if recipe.group is None else (recipe.group,)
        for table, places in (
            (LOOSE, recipe.loose),
            (LISTS, recipe.lists),
            (ENDS_EVENT, (recipe.event,)),
            (ENDS_GROUP, group),
        ):
            for place in places:
                plan[table + self._at(place)] = 1
        for node in nodes:
            plan[ONLY_FIRST + node.number] = FIRST in node.children

    def _places(self) -> list[Place]:
        recipe = self._recipe
        found = [place for made in recipe.fields for entry in made.places for place in entry]
        found += [place for rule in recipe.rules for place in rule.places]
        found += [*recipe.must, *(recipe.identity or ()), *recipe.loose, *recipe.lists]
        return found + [place for pair in recipe.first for place in pair]

    def _grow(self, place: Place) -> None:
        node = self._root.children[EACH]
        for step in place:
            node.shape = {EACH: LIST_NODE, FIRST: LIST_NODE, PAIRS: PAIRS_NODE}.get(
                step, PAIRS_NODE if node.shape == PAIRS_NODE else OBJECT_NODE
            )
            if step != PAIRS:
                node = node.children.setdefault(step, _Node())
        if place and place[-1] in {EACH, FIRST}:
            node.shape = OBJECT_NODE

    def _numbered(self) -> list[_Node]:
        """All nodes, each before those below it."""
        nodes: list[_Node] = []

        def visit(node: _Node) -> None:
            node.number = len(nodes)
            nodes.append(node)
            for child in node.children.values():
                visit(child)
            node.last = len(nodes)

        visit(self._root)
        return nodes

    def _find(self, place: Place) -> _Node | None:
        node: _Node | None = self._root.children[EACH]
        for step in place:
            if step != PAIRS and node is not None:
                node = node.children.get(step)
        return node

    def _at(self, place: Place) -> int:
        node = self._find(place)
        return NONE if node is None else node.number

    def _keys(
        self, nodes: list[_Node]
    ) -> tuple[list[tuple[int, int, int, int]], list[tuple[int, int, int]]]:
        """Every key with its node and its text, and the beginnings of keys that are traps."""
        keys = [
            (node.number, child.number, *self._text(name))
            for node in nodes
            if node.shape in {OBJECT_NODE, PAIRS_NODE}
            for name, child in node.children.items()
        ]
        begins: list[tuple[int, int, int]] = []
        for place in self._recipe.traps:
            holder = self._find(place[:-1])
            if holder is None or place[-1] in holder.children:
                continue
            if place[-1].endswith("*"):
                begins.append((holder.number, *self._text(place[-1][:-1])))
            else:
                keys.append((holder.number, TRAPPED, *self._text(place[-1])))
        return keys, begins

    def _text(self, text: str) -> tuple[int, int]:
        begin = len(self._pool)
        self._pool += text.encode()
        return begin, len(self._pool)

    def _listed(self, entries: tuple[tuple[Place, ...], ...]) -> tuple[int, int]:
        begin = len(self._operands)
        for entry in entries:
            numbers = [self._at(place) for place in entry]
            self._operands += numbers[:1] + [~number for number in numbers[1:]]
        return begin, len(self._operands) - begin

    def _worded(self, pairs: tuple[tuple[str, str], ...]) -> tuple[int, int]:
        begin = len(self._words)
        self._words += [(*self._text(word), *self._text(meaning)) for word, meaning in pairs]
        return begin, len(self._words) - begin

    def _rule(self, rule: Rule) -> tuple[int, ...]:
        places = self._listed(tuple((place,) for place in rule.places))
        words = self._worded(tuple((word, "") for word in rule.words))
        said = rule.skip
        if rule.then == Then.PASS_OVER:
            said = self.reasons.index(rule.said)
        elif rule.then == Then.STATUS:
            said = STATUSES.index(rule.said)
        return (rule.when, *places, *words, rule.then, said)

    def _field(self, made: Made, is_first: bool) -> tuple[int, ...]:
        places = self._listed(made.places)
        pairs = made.words
        if made.how == As.STATUS:
            pairs = tuple((status, status) for status in STATUSES)
        elif made.how == As.WORD:
            pairs = ((made.otherwise, made.otherwise), *pairs)
        elif made.how == As.FLAG:
            pairs = (("false", "false"), ("true", "true"))
        elif made.how == As.TAGGED:
            pairs = ((made.tag, ""),)
        words = self._worded(pairs)
        start = "{" if is_first else ","
        name = self._text(start + msgspec.json.encode(made.field).decode() + ":")
        return (made.how, *places, *words, made.present, made.required, made.limit, *name)


def _element(node: _Node) -> int:
    child = node.children.get(EACH) or node.children.get(FIRST)
    return NONE if child is None else child.number


def _lay(plan: I64, table: tuple[int, int], numbers: list[int]) -> None:
    """Put numbers into the table that lies between these places."""
    begin, end = table
    if len(numbers) > end - begin:
        raise ValueError(f"a recipe of {len(numbers)} numbers where {end - begin} have room")
    plan[begin : begin + len(numbers)] = numbers


def _hashed(keys: list[tuple[int, int, int, int]], pool: bytes) -> list[tuple[int, ...]]:
    """Each key behind its hash, seeded with its node, as a signed number."""
    hashes = [xxh3_64_intdigest(pool[b:e], node) for node, _, b, e in keys]
    signed = np.array(hashes, np.uint64).astype(np.int64).tolist()
    return [(number, *key) for number, key in zip(signed, keys, strict=True)]


def _slots(hashes: list[int]) -> I64:
    """Number of the key in each slot: by the lowest bits of its hash, then the next free one."""
    slots = np.full(SLOTS, NONE)
    for number, found in enumerate(hashes):
        slot = found % SLOTS
        while slots[slot] != NONE:
            slot = (slot + 1) % SLOTS
        slots[slot] = number
    return slots
