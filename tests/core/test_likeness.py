"""Likeness: parts of one operation are alike, however sparse; what is merely popular is not."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from analyzer.core.campaign.likeness import Groups, _both
from analyzer.core.contracts.columns import Kind
from analyzer.testing.made_operations import (
    FIRST,
    INNOCENT,
    SECOND,
    VIRAL,
    WORK,
    numbers,
    two_operations,
)

HALF_OF_FIRST, REST_OF_FIRST = range(1_001, 1_051), range(1_051, 1_101)


def groups(*orgs: range, templates: int = 40, seed: int = 1) -> Groups:
    """Groups of these organisations in a day with two operations."""
    window = two_operations(templates, seed)
    members = np.zeros((len(orgs), len(window.orgs)))
    for row, some in enumerate(orgs):
        members[row, numbers(window, some)] = 1
    innocent = np.isin(window.of_orgs("key"), np.array(INNOCENT, np.uint64))
    return Groups(window, sp.csr_matrix(members), np.full(len(orgs), -1, np.int32), innocent)


def likeness(found: Groups, kind: Kind = Kind.TEMPLATE) -> float:
    """Likeness of the first two groups."""
    return found._likeness(kind, 0, 1, _both(found.members, 0, 1))


@pytest.mark.parametrize("templates", [4, 40, 150])
def test_two_halves_of_one_operation_are_alike(templates: int) -> None:
    """Whether its members all do the same four things or each something else of many."""
    halves = groups(HALF_OF_FIRST, REST_OF_FIRST, templates=templates)
    assert likeness(halves) == pytest.approx(1, abs=0.15)
    assert halves.same(0, 1) >= 0.5


@pytest.mark.parametrize("templates", [4, 40, 150])
def test_two_operations_with_one_cover_are_not_alike(templates: int) -> None:
    """What both do to hide enters squared and vanishes."""
    both = groups(FIRST, SECOND, templates=templates)
    assert likeness(both) < 0.1
    assert both.same(0, 1) == 0


@settings(max_examples=15)
@given(st.integers(0, 3), st.lists(st.integers(0, 199), min_size=4, max_size=60, unique=True))
def test_order_and_overlap_change_nothing(seed: int, some: list[int]) -> None:
    """Any groups at all, members in common or not: the same both ways, never below 0."""
    both = [*FIRST, *SECOND]
    half = len(some) // 2
    mixed = [[both[i] for i in part] for part in (some[: half + 1], some[half:])]
    one, other = (sorted(part) for part in mixed)
    window = two_operations(40, seed)
    keys = window.of_orgs("key")
    members = sp.csr_matrix(
        np.array([np.isin(keys, np.array(p, np.uint64)) for p in (one, other)], np.float64)
    )
    innocent = np.isin(keys, np.array(INNOCENT, np.uint64))
    none = np.full(2, -1, np.int32)
    there = Groups(window, members, none, innocent)
    back = Groups(window, members[::-1].tocsr(), none, innocent)
    for kind in (Kind.TEMPLATE, Kind.BLOCK):
        assert likeness(there, kind) == pytest.approx(likeness(back, kind), abs=1e-12)
        assert likeness(there, kind) >= 0
    assert there.same(0, 1) == pytest.approx(back.same(0, 1), abs=1e-12)


def test_what_many_innocents_use_counts_for_nothing() -> None:
    """The same work, once more than two of a hundred innocents do it too, joins nobody."""
    rare = groups(HALF_OF_FIRST, templates=4)
    keys = rare.window.of_orgs("key")
    innocent = np.isin(keys, np.array([*INNOCENT, *REST_OF_FIRST], np.uint64))
    popular = Groups(rare.window, rare.members, rare.own, innocent)
    work = rare.window.population.objects["hash"][rare.window.usage(Kind.TEMPLATE).objects]
    own = np.isin(work, np.arange(WORK, WORK + 4, dtype=np.uint64))
    assert (_values(rare)[own] > 0).all()
    assert not _values(popular)[own].any()


def _values(found: Groups) -> NDArray[np.float64]:
    """What each template tells of the first group."""
    profile = found.profile(Kind.TEMPLATE)
    told = np.zeros(len(profile.column_of))
    told[profile.column_of >= 0] = profile.value[0]
    return told


def test_what_defines_a_group_does_not_make_it_alike() -> None:
    """Users of one template are no operation for having it in common."""
    window = two_operations()
    template = window.population.object_row(Kind.TEMPLATE, VIRAL)
    users = window.usage(Kind.TEMPLATE)
    column = int(users.column_of(np.array([template], np.int32))[0])
    mine = np.flatnonzero(users.matrix[:, [column]].toarray().ravel())
    members = sp.csr_matrix((np.ones(len(mine)), mine, [0, len(mine)]), (1, len(window.orgs)))
    innocent = np.isin(window.of_orgs("key"), np.array(INNOCENT, np.uint64))
    with_it, without = (
        Groups(window, members, np.array([own], np.int32), innocent).profile(Kind.TEMPLATE)
        for own in (-1, template)
    )
    assert with_it.within[0] > without.within[0]
    assert with_it.mass[0] >= without.rest[0]
