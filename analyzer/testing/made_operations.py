"""A day with two operations among innocents, by hand, for tests of linking and membership."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from analyzer.core.cohort.window import Window
from analyzer.core.contracts.object_kind import Kind
from analyzer.testing.made_windows import Request, day

INNOCENT = range(3_001, 4_501)
FIRST, SECOND = range(1_001, 1_101), range(2_001, 2_101)
"""Organisations of the two operations."""
VIRAL = 76
"""A template that some of both operations and a few innocents use."""
POOL, COVER, WORK, PLACE = 100, 10_000, 20_000, 50_000
"""First template that innocents use, that both operations hide behind, and of the first
operation's own work; first address block. The second operation's are 10,000 above, and all are
even, since tables of objects pass over the last bit of a hash."""


@functools.cache
def two_operations(templates: int = 40, seed: int = 1) -> Window:
    """A day of fifteen hundred innocents and two operations that have only their cover in common.

    Parameters
    ----------
    templates
        Of each operation's own work.
    """
    rng = np.random.default_rng(seed)
    return day(
        [
            *_innocents(rng),
            *_operation(rng, FIRST, 0, templates),
            *_operation(rng, SECOND, 10_000, templates),
        ]
    )


def _innocents(rng: np.random.Generator) -> Iterator[Request]:
    for org in INNOCENT:
        own = POOL + 2 * rng.integers(0, 900, 3)
        for template in rng.choice(own, 8).tolist():
            yield _request(rng, org, template, PLACE - 2 * org)
        if org % 100 == 0:
            yield _request(rng, org, VIRAL, PLACE - 2 * org)


def _operation(
    rng: np.random.Generator, orgs: range, more: int, templates: int
) -> Iterator[Request]:
    for org in orgs:
        for template in rng.integers(0, templates, 9).tolist():
            yield _request(rng, org, WORK + more + 2 * template, _place(rng, more))
        for template in rng.integers(0, 300, 4).tolist():
            yield _request(rng, org, COVER + 2 * template, _place(rng, more))
        if org % 4 == 0:
            yield _request(rng, org, VIRAL, _place(rng, more))


def _place(rng: np.random.Generator, more: int) -> int:
    return PLACE + more + 2 * int(rng.integers(0, 20))


def _request(rng: np.random.Generator, org: int, template: int, block: int) -> Request:
    objects = ((Kind.TEMPLATE, int(template)), (Kind.BLOCK, int(block)))
    return Request(org, objects, int(rng.integers(0, 144)))


def numbers(window: Window, orgs: Sequence[int]) -> NDArray[np.int64]:
    """Numbers of these organisations in the window, rising."""
    return np.flatnonzero(np.isin(window.of_orgs("key"), np.array(orgs, np.uint64)))
