"""Template families from prompt text, in two halves.

The stateless half (:class:`Chains`, at ingest) turns the text into keyed hashes of its anchor
chains, after which the text is dropped. The half with memory (:class:`FamilyTable`, at the
account step) counts the chains and decides where a template ends and its slots begin::

    head   Translate → to → French: → <slot>          chain of the first words
    tail   <slot> → answer: → Final                   chain of the last words, read backwards
    lines  Question: → <slot>                         chains of the last lines' first words

Each step of a chain hashes one more word, so one number stands for a whole prefix. A template
ends at the deepest prefix that many prompts share and that many different words follow.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from xxhash import xxh3_64_intdigest

from analyzer.core.keys import domain_seed

HEAD, TAIL, LINE, LINES = 20, 12, 8, 2
SPANS = (
    (0, HEAD),
    (HEAD, HEAD + TAIL),
    *((HEAD + TAIL + i * LINE, HEAD + TAIL + (i + 1) * LINE) for i in range(LINES)),
)
"""Where each anchor's chain lies in a row: head, tail, then lines."""
WIDTH = HEAD + TAIL + LINES * LINE
_NEAR = 400
"""Characters looked at from each end of the text."""
_COLON = 1
"""Lowest bit of a chain's number: its last word ends with a colon."""


class Chains:
    """Text → anchor chains; keeps nothing.

    Examples
    --------
    >>> a, b = Chains("key").of(["Translate to French: cat", "Translate to French: dog"])
    >>> bool((a[:3] == b[:3]).all()), bool(a[3] == b[3])
    (True, False)
    """

    def __init__(self, key: str) -> None:
        self._seeds = [domain_seed(key, f"anchor {i}") for i in range(len(SPANS))]

    def of(self, texts: Sequence[str | None]) -> NDArray[np.uint64]:
        """Chains of each text, shape (n, ``WIDTH``); 0 where there is no (further) word."""
        rows = np.zeros((len(texts), WIDTH), np.uint64)
        for row, text in enumerate(texts):
            if text:
                rows[row] = self._row(text)
        return rows

    def _row(self, text: str) -> list[int]:
        start, end = text[:_NEAR].split(None, HEAD)[:HEAD], text[-_NEAR:].split()
        lines = text[-4 * _NEAR :].strip().split("\n")[1:][-LINES:]
        anchors = [start, end[::-1][:TAIL]]
        anchors += [line[:_NEAR].split(None, LINE)[:LINE] for line in reversed(lines)]
        row = [0] * WIDTH
        for seed, (begin, _), words in zip(self._seeds, SPANS, anchors, strict=False):
            chain = seed
            for at, word in enumerate(words, begin):
                chain = xxh3_64_intdigest(word.encode(), chain) & ~_COLON
                if word[-1] == ":":
                    chain |= _COLON
                row[at] = chain
        return row


BITS = 17
SHARED = 4
"""Prompts that must share a prefix before it can be a template."""
HALVE_EVERY = 10_000


class FamilyTable:
    """Counts chains in one pass and names the family of each prompt.

    Two hashed tables of fixed size: how often a prefix came, and how many different words
    followed it. Both are halved every ``HALVE_EVERY`` prompts, so that old templates fade.
    """

    def __init__(self) -> None:
        self._came = [0] * (1 << BITS)
        self._follow = [0] * (1 << BITS)
        self._prompts = 0

    def assign(self, row: list[int]) -> int:
        """Family of the prompt with these chains; 0 if it belongs to none (yet).

        The family is the number of the anchor with most fixed words: the head before the
        tail before a line.
        """
        self._prompts += 1
        if self._prompts % HALVE_EVERY == 0:
            self._came = [count >> 1 for count in self._came]
            self._follow = [count >> 1 for count in self._follow]
        best, most = 0, 0
        for begin, end in SPANS:
            chain = [number for number in row[begin:end] if number]
            self._count(chain)
            fixed = self._fixed(chain, full=len(chain) == end - begin)
            if fixed > most:
                best, most = chain[fixed - 1], fixed
        return best

    def state(self) -> dict[str, Any]:
        """Both tables."""
        return {
            "came": np.array(self._came, np.int32),
            "follow": np.array(self._follow, np.int32),
            "prompts": self._prompts,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Put back what :meth:`state` gave."""
        self._came, self._follow = state["came"].tolist(), state["follow"].tolist()
        self._prompts = state["prompts"]

    def _count(self, chain: list[int]) -> None:
        came, follow, mask = self._came, self._follow, (1 << BITS) - 1
        parent = -1
        for number in chain:
            slot = number >> 8 & mask
            if came[slot] == 0 and parent >= 0:
                follow[parent] += 1
            came[slot] += 1
            parent = slot

    def _fixed(self, chain: list[int], *, full: bool) -> int:
        """How many words from the start of the chain are the template's; 0 if none are."""
        came, follow, mask = self._came, self._follow, (1 << BITS) - 1
        run, fixed, before = 0, 0, 0
        for depth, number in enumerate(chain, 1):
            slot = number >> 8 & mask
            count = came[slot]
            if count < SHARED:
                break
            run = run + 1 if 2 * count >= before else 0
            before = count
            words = follow[slot]
            slotted = words >= SHARED and words * words >= 0.04 * count
            ends = full and depth == len(chain)
            if (slotted or ends) and (run >= 2 or number & _COLON):
                fixed = depth
        return fixed
