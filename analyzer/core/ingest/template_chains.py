"""Template families from prompt text, in two halves.

The stateless half (:class:`Chains`, at ingest) turns the text into keyed hashes of its anchor
chains, after which the text is dropped. The half with memory (:class:`FamilyTable`, at the
account step) counts the chains and decides where a template ends and its slots begin::

    head    Translate → to → French: → <slot>         the first words
    tail    <slot> ← answer: ← Final                  the last words, read backwards
    line    Question: → <slot>                        the last two lines' first words
    colon   <slot> ← these: ← of ← one                back from the last line that ends in a colon
    second  Use → the → table: → <slot>               the second line's first words

Each step of a chain hashes one more word, so one number stands for a whole prefix. A template
ends where many prompts share a prefix and many different words follow it.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from xxhash import xxh3_64_intdigest as digest

from analyzer.core.contracts.hashing import domain_seed
from analyzer.core.kernels.jit import compiled

U16 = NDArray[np.uint16]
U64 = NDArray[np.uint64]


class Anchor(NamedTuple):
    """One chain of a prompt: where it lies in a row, and how much it is worth."""

    begin: int
    end: int
    weight: int
    """Of each fixed word, in tenths: the head before lines, lines before the tail."""
    line: bool
    """True: the chain may be a whole line."""


ANCHORS = (
    Anchor(0, 20, 13, line=False),
    Anchor(20, 32, 8, line=False),
    Anchor(32, 42, 10, line=True),
    Anchor(42, 52, 10, line=True),
    Anchor(52, 60, 10, line=False),
    Anchor(60, 70, 10, line=True),
)
"""Head, tail, last line, the line before, colon, second line."""
WIDTH = ANCHORS[-1].end
_HEAD, _TAIL, _LAST, _BEFORE, _COLON, _SECOND = range(len(ANCHORS))
_WORDS = tuple(anchor.end - anchor.begin for anchor in ANCHORS)
_BACK = frozenset((_TAIL, _COLON))
"""Anchors read backwards, letter by letter."""
_READ = tuple((i, words, 0 if i in _BACK else -1) for i, words in enumerate(_WORDS))

_NEAR, _TOP, _FAR, _REACH = 400, 1_200, 1_600, 200
"""Characters looked at: by head and tail, for the second line, for the last lines; of a line."""
_MARK = 1
"""Lowest bit of a chain's number: its last word ends with a colon or a quotation mark."""
_UNMARKED = (1 << 64) - 1 - _MARK
_MARKS = b':"'
_BULLETS = frozenset(b" -*\t\r")
"""A line that begins so belongs to a list, and its words to the slot."""
_UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]{1,2}")
"""Two letters of a script that puts no spaces between words: they count as one word."""
_UNSPACED_BYTES = bytes([0xE0, 0xE1, *range(0xE3, 0xEA)])
"""First bytes in UTF-8 of the letters of such scripts."""


class Chains:
    """Text → anchor chains; keeps nothing. The cost does not grow with the length of the text.

    Examples
    --------
    >>> a, b = Chains("key").of(["Translate to French: cat", "Translate to French: dog"])
    >>> bool((a[:3] == b[:3]).all()), bool(a[3] == b[3])
    (True, False)
    """

    def __init__(self, key: str) -> None:
        self._seeds = [domain_seed(key, f"anchor {i}") for i in range(len(ANCHORS))]

    def of(self, texts: Sequence[str | None]) -> U64:
        """Chains of each text, shape (n, ``WIDTH``); 0 where there is no (further) word."""
        rows, none = array("Q"), [0] * WIDTH
        for text in texts:
            rows.extend(self._row(text) if text else none)
        return np.array(rows, np.uint64).reshape(len(texts), WIDTH)

    def _row(self, text: str) -> list[int]:
        row: list[int] = []
        anchors = _anchors(text)
        for anchor, most, last in _READ:
            chain, words = self._seeds[anchor], anchors[anchor]
            row += [
                chain := digest(word, chain) & _UNMARKED | (word[last] in _MARKS) for word in words
            ]
            row += [0] * (most - len(words))
        return row


def _anchors(text: str) -> list[list[bytes]]:
    """The words of each anchor, from its fixed end on."""
    far = _plain(text[-_FAR:])
    top = far if len(text) <= _TOP else _plain(text[:_TOP])
    spaced = text.isascii() or not _unspaced(far)
    back = far[::-1] if spaced else _plain(text[: -_FAR - 1 : -1])
    lines = [line for line in far.split(b"\n") if line and line[0] not in _BULLETS]
    firsts = lines
    if top is not far:
        firsts = [line for line in top.split(b"\n", 8)[:8] if line and line[0] not in _BULLETS]
    colon = back.find(b"\n:", 1)
    return [
        _first(top, _HEAD),
        _first(back, _TAIL),
        _first(lines[-1], _LAST) if len(lines) > 1 else [],
        _first(lines[-2], _BEFORE) if len(lines) > 2 else [],
        _first(back[colon + 1 : colon + _REACH], _COLON) if colon >= 0 else [],
        _first(firsts[1], _SECOND) if len(firsts) > 1 else [],
    ]


def _first(text: bytes, anchor: int) -> list[bytes]:
    return text[:_NEAR].split(None, _WORDS[anchor])[: _WORDS[anchor]]


def _plain(text: str) -> bytes:
    """The text with quotation marks as words, and so the pairs of unspaced letters."""
    if text.isascii():
        return text.strip().replace('"', ' " ').encode()
    text = text.strip().replace("“", '"').replace("”", '"')
    plain = text.replace('"', ' " ').encode()
    if _unspaced(plain):
        text = text.replace("：", ":").replace("「", '"').replace("」", '"').replace('"', ' " ')
        plain = _UNSPACED.sub(r" \g<0> ", text).encode()
    return plain


def _unspaced(plain: bytes) -> bool:
    return len(plain.translate(None, _UNSPACED_BYTES)) < len(plain)


BITS = 20
GROW = 4
"""New prefixes a chain may add at a time: free text fills the tables slowly, templates fast."""
SHARED = 4
"""Prompts that must share a prefix before it can be a template."""
MANY, ALONE = 4, 6
"""Fixed words that make a template without a mark; in a prompt of one line."""
WEAK = 2
"""Fixed words up to which one anchor alone does not tell templates apart."""
HALVE_EVERY = 10_000
_FULL = (1 << 16) - 4
_BEGIN, _END, _WEIGHT, _LINE = (np.array(column, np.int64) for column in zip(*ANCHORS, strict=True))


class FamilyTable:
    """Counts chains in one pass and names the family of each prompt.

    Two hashed tables of fixed size: how often a prefix came, and how many different words
    followed it. Both are halved every ``HALVE_EVERY`` prompts, so that old templates fade; a
    following word counts once between two halvings, so both fade alike.

    Notes
    -----
    A prefix shared by n prompts ends a template if at least 4 and 0.2·√n different words follow,
    or if it is a whole chain. Among these the score (fixed words · weight)² · n decides, within
    and between chains: a longer prefix wins over the shorter one it refines, but not a stretch
    of text that fills a slot now and then.
    """

    def __init__(self) -> None:
        self._came = np.zeros(1 << BITS, np.uint16)
        """Twice the count; odd if it came since the last halving."""
        self._follow = np.zeros(1 << BITS, np.uint16)
        self._prompts = 0

    def assign(self, rows: U64) -> U64:
        """Family of each prompt, shape (n,); 0 if it belongs to none (yet).

        Parameters
        ----------
        rows
            Chains, shape (n, ``WIDTH``), in the order in which the prompts came.
        """
        families = np.zeros(len(rows), np.uint64)
        _assign(np.ascontiguousarray(rows), self._prompts, self._came, self._follow, families)
        self._prompts += len(rows)
        return families

    def state(self) -> dict[str, Any]:
        """Both tables."""
        return {"came": self._came, "follow": self._follow, "prompts": self._prompts}

    def restore(self, state: dict[str, Any]) -> None:
        """Put back what :meth:`state` gave."""
        self._came, self._follow = state["came"].copy(), state["follow"].copy()
        self._prompts = state["prompts"]


@compiled
def _assign(rows: U64, prompts: int, came: U16, follow: U16, families: U64) -> None:
    """Count each prompt and name its family."""
    numbers = np.zeros(len(_BEGIN), np.uint64)
    for at in range(len(rows)):
        row = rows[at]
        if (prompts + at + 1) % HALVE_EVERY == 0:
            _halve(came, follow)
        alone = row[_BEGIN[_LAST]] == 0 and row[_BEGIN[_COLON]] == 0
        most, words, best = 0, 0, 0
        for anchor in range(len(_BEGIN)):
            chain = row[_BEGIN[anchor] : _END[anchor]]
            _count(chain, came, follow)
            score, depth = _end(chain, anchor, ALONE if alone else MANY, came, follow)
            numbers[anchor] = chain[depth - 1] if depth else 0
            if score > most:
                most, words, best = score, depth, anchor
        if words > WEAK:
            families[at] = numbers[best]
        elif words:
            families[at] = numbers[_HEAD] ^ numbers[_TAIL] ^ numbers[_COLON]


@compiled
def _halve(came: U16, follow: U16) -> None:
    for slot in range(len(came)):
        came[slot] = came[slot] >> 1 & 0xFFFE
        follow[slot] >>= 1


@compiled
def _slot(number: np.uint64) -> np.int64:
    return np.int64(number >> np.uint64(8) & np.uint64((1 << BITS) - 1))


@compiled
def _count(chain: U64, came: U16, follow: U16) -> None:
    """Count the prefixes of a chain, ``GROW`` new ones at most."""
    parent, fresh = np.int64(-1), 0
    for number in chain:
        if number == 0:
            break
        slot = _slot(number)
        twice = np.int64(came[slot])
        if twice & 1 == 0:
            if parent >= 0 and follow[parent] < _FULL:
                follow[parent] += 1
            fresh += twice == 0
            if twice == 0 and fresh > GROW:
                break
            twice += 1
        if twice < _FULL:
            came[slot] = twice + 2
        parent = slot


@compiled
def _end(chain: U64, anchor: int, least: int, came: U16, follow: U16) -> tuple[int, int]:
    """Where in its chain the template most likely ends: score and fixed words, 0 if nowhere."""
    whole = 0
    while whole < len(chain) and chain[whole] != 0:
        whole += 1
    if _LINE[anchor] and WEAK <= whole < least:
        least = whole
    best, fixed = 0, 0
    for depth in range(1, whole + 1):
        slot, mark = _slot(chain[depth - 1]), np.int64(chain[depth - 1] & np.uint64(_MARK))
        count, words = np.int64(came[slot] >> 1), np.int64(follow[slot])
        if count < SHARED:
            break
        if depth < least and not mark:
            continue
        if depth == whole or (words >= SHARED and 25 * words * words >= count):
            score = (_WEIGHT[anchor] * (depth + mark)) ** 2 * count
            if score >= best:
                best, fixed = score, depth
    return best, fixed
