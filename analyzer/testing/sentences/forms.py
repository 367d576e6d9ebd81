"""Every form that a sentence may have, and who counts it again."""

from __future__ import annotations

import re
from collections.abc import Callable

from analyzer.core.cohort.catalog import SIGNALS
from analyzer.testing.sentences.counted import (
    alone,
    answers,
    appeared,
    balance,
    cards,
    client,
    created,
    followed,
    fresh,
    meeting,
    mostly,
    moved,
    on_one,
    one_place,
    parameters,
    popular,
    repeats,
    together,
    works,
)
from analyzer.testing.sentences.truth import Truth

PLAIN = {signal.NAME: signal.MEANING for signal in SIGNALS}
"""What a signal means, without figures: said where the counts don't bear figures out."""

X, N, E, P, Q = (
    r"(?P<x>[\d,]+)",
    r"(?P<n>[\d,]+)",
    r"(?P<e>[\d,.]+|fewer than 0.1)",
    r"(?P<p>(?:under |over )?[\d.]+ %)",
    r"(?P<q>(?:under |over )?[\d.]+ %)",
)
WHO = "(?:accounts|organisations)"
KIND = "(?P<kind>address block|prompt template)"
CARRY = f"; {E} expected by chance; they carry {P} of the members' requests"
MEETING = (f"{X} {KIND}s are used by two or more of the {N} {WHO}; {E} expected by chance", meeting)
ON_ONE = (f"{X} of {N} {WHO} use the {KIND} (?P<name>.+); {E} expected by chance", on_one)
ALONE = (f"{X} of {N} {KIND}s that members share are used by nobody else{CARRY}", alone)
MOSTLY = (rf"{X} {KIND}s are used mostly by members \(60 % of the users or more\){CARRY}", mostly)
REPEATS = (
    (
        rf"(?:{P} of )?{N} prompts(?: were|, none) recognised as sent before; "
        rf"{Q} of all others' prompts were"
    ),
    repeats,
)
VOLUMES = (
    r"(?P<a>[\d,]+)(?: to (?P<b>[\d,]+))? requests? each, of all others "
    r"(?P<c>[\d,]+)(?: to (?P<d>[\d,]+))?"
)
FORMS: dict[str, list[tuple[str, Callable[[Truth, re.Match[str]], bool]]]] = {
    "balance": [(f"members send more evenly: the middle half of the {N} {WHO} {VOLUMES}", balance)],
    "entanglement": [MEETING, ON_ONE],
    "co_templates": [MEETING, ON_ONE],
    "private_blocks": [ALONE, MOSTLY],
    "narrowness": [ALONE, MOSTLY],
    "rotation": [
        (
            (
                f"{P} of their requests came from {X} address blocks first seen in these "
                f"(?P<h>.+); of "
                f"all others' requests, {Q} came from new blocks"
            ),
            fresh,
        )
    ],
    "client_homogeneity": [
        (
            (
                f"{X} of {N} {WHO} use the (?P<kind>client|TLS fingerprint) (?P<name>.+); "
                f"{Q} of all "
                "others do"
            ),
            client,
        )
    ],
    "params_homogeneity": [
        (
            (
                f"{X} of {N} {WHO} ask with one and the same set of sampling parameters; "
                f"{Q} of all "
                "others do"
            ),
            parameters,
        )
    ],
    "payment_sharing": [
        (
            (
                f"{X} of {N} {WHO} pay by means that serve several organisations"
                f"(?:, (?P<y>[\\d,]+) of them by (?P<name>\\S+))?; {Q} of all others do"
            ),
            cards,
        )
    ],
    "creation_scan": [
        (
            (
                f"{X} of {N} {WHO}(?: whose age is known)? (?:were created|opened their "
                f"first account) "
                f"(?P<when>.+); {E} expected by chance"
            ),
            created,
        )
    ],
    "first_seen": [
        (f"{X} of {N} {WHO} were first seen (?P<when>.+); {E} expected by chance", appeared)
    ],
    "hand_over": [
        (
            (
                f"{X} of {N} members that fell silent were followed by a new one within "
                f"the next hour; "
                f"{E} expected by chance"
            ),
            followed,
        )
    ],
    "synchrony": [
        (
            (
                f"{P} of their requests fell into the same (?P<h>.+) of .+; of all "
                f"others' requests, "
                f"{Q} did"
            ),
            together,
        )
    ],
    "pivot": [
        (
            (
                f"{P} of their requests went to (?P<names>.+), first seen in the last 7 "
                f"days; of all "
                f"others' requests, {Q} went to new models"
            ),
            moved,
        )
    ],
    "work_queue": [REPEATS],
    "repeated_items": [REPEATS],
    "output_length": [
        (
            (
                r"an answer to them has (?P<p>[\d,]+) output tokens on average; to all others, "
                r"(?P<q>[\d,]+)"
            ),
            answers,
        )
    ],
    "one_block": [
        (
            (
                f"{P} of their requests came from one address block, (?P<name>.+), as "
                f"from a campus or "
                "an office"
            ),
            one_place,
        )
    ],
    "many_templates": [
        (
            (
                f"the {N} {WHO} use {X} prompt templates, (?P<y>[\\d,]+) of them by one "
                f"member alone, "
                "as unrelated developers would"
            ),
            works,
        )
    ],
    "popular": [(f"{X} of {N} active organisations are members, {P}", popular)],
}
"""Every form of every sentence, and who counts it again."""


def holds(truth: Truth, name: str, evidence: str, window_s: int) -> bool:
    """True if what is said in figures is so, or nothing is said in figures.

    Raises
    ------
    LookupError
        If the sentence has a form that nobody counts again.
    """
    if evidence == PLAIN[name]:
        return True
    found = [
        (match, check) for form, check in FORMS[name] if (match := re.fullmatch(form, evidence))
    ]
    if not found:
        raise LookupError(f"a form that nobody counts again: {evidence}")
    return found[0][1](truth.over(window_s * 1_000), found[0][0])
