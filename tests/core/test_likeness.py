"""Likeness: parts of one operation are alike, however sparse; what is merely popular is not."""

from __future__ import annotations

import functools

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from analyzer.core.campaign.likeness import Groups, apart
from analyzer.core.contracts.object_kind import Kind
from analyzer.testing.made_operations import (
    COVER,
    FIRST,
    INNOCENT,
    SECOND,
    VIRAL,
    WORK,
    numbers,
    two_operations,
)
from analyzer.testing.made_windows import Request, day

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
    return found.likeness(kind, 0, 1)


@pytest.mark.parametrize("templates", [4, 40, 150])
def test_two_halves_of_one_operation_are_alike(templates: int) -> None:
    """Whether its members all do the same four things or each something else of many."""
    halves = groups(HALF_OF_FIRST, REST_OF_FIRST, templates=templates)
    assert likeness(halves) == pytest.approx(1, abs=0.25)
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


@pytest.mark.parametrize(("found", "popular"), [(20, True), (80, False)])
def test_what_more_innocents_use_than_members_counts_for_nothing(
    found: int, *, popular: bool
) -> None:
    """The same work, once more than two of a hundred innocents do it too, joins nobody.

    What is left of an operation most of which was found makes nothing popular.
    """
    rare = groups(FIRST[:found], templates=4)
    keys = rare.window.of_orgs("key")
    innocent = np.isin(keys, np.array([*INNOCENT, *FIRST[found:]], np.uint64))
    common = Groups(rare.window, rare.members, rare.own, innocent)
    work = rare.window.population.objects["hash"][rare.window.usage(Kind.TEMPLATE).objects]
    own = np.isin(work, np.arange(WORK, WORK + 8, 2, dtype=np.uint64))
    assert (_values(rare)[own] > 0).all()
    assert (_values(common)[own] > 0).all() != popular


BURSTS, LEFT = (range(101, 141), range(201, 241)), range(241, 266)


@functools.cache
def two_bursts() -> Groups:
    """Two operations of hundreds of requests an hour that hide behind the same hundred prompts.

    Each has four templates of its own, nobody else uses the cover, and of the second a part is
    not found yet.
    """
    rng = np.random.default_rng(5)
    requests = [
        Request(org, ((Kind.TEMPLATE, 2 * org),), int(rng.integers(144)))
        for org in range(1_001, 1_601)
        for _ in range(4)
    ]
    for burst, orgs in enumerate((BURSTS[0], [*BURSTS[1], *LEFT])):
        work = WORK + 100 * burst + 2 * np.repeat(np.arange(4), 60)
        for org in orgs:
            asked = [*work.tolist(), *(COVER + 2 * rng.integers(0, 100, 25)).tolist()]
            requests += [
                Request(org, ((Kind.TEMPLATE, int(template)),), int(rng.integers(144)))
                for template in asked
            ]
    made = day(requests)
    keys = made.of_orgs("key")
    members = sp.csr_matrix([np.isin(keys, list(burst)).astype(float) for burst in BURSTS])
    innocent = ~np.isin(keys, [*BURSTS[0], *BURSTS[1]])
    return Groups(made, members, np.full(2, -1, np.int32), innocent)


def test_bursts_are_no_operation_for_what_thousands_of_requests_come_by() -> None:
    """Each member meets most of the cover, though little of what it sends goes there."""
    bursts = two_bursts()
    assert min(bursts.mass(Kind.TEMPLATE, burst) for burst in range(2)) >= 0.8
    assert likeness(bursts) < 0.1
    assert bursts.same(0, 1) == 0


def test_a_few_members_of_a_pool_are_not_apart_for_having_no_block_in_common() -> None:
    """They come from where the others live; the same few from elsewhere do not."""
    few, others = FIRST[:6], FIRST[10:]
    for place, is_apart in ((0, False), (1, True)):
        rng = np.random.default_rng(3)
        requests = [Request(org, ((Kind.BLOCK, 2 * org),)) for org in INNOCENT[:300]]
        for org in (*few, *others):
            begin = 50_000 + 1_000 * place * (org in few)
            blocks = begin + 2 * rng.integers(0, 40, 1 if org in few else 12)
            requests += [Request(org, ((Kind.BLOCK, block),)) for block in blocks.tolist()]
        made = day(requests)
        keys = made.of_orgs("key")
        members = sp.csr_matrix([np.isin(keys, list(some)).astype(float) for some in (few, others)])
        found = Groups(made, members, np.full(2, -1, np.int32), ~np.isin(keys, FIRST))
        assert found.mass(Kind.BLOCK, 0) < 0.3
        assert found.mass(Kind.BLOCK, 1) > 0.8
        assert apart(found.sides, found.profile(Kind.BLOCK), 0, 1, 0.0) == is_apart


@pytest.mark.parametrize(("other", "same"), [(0, True), (100, False)])
def test_whoever_rents_at_one_provider_is_one_by_its_work(other: int, *, same: bool) -> None:
    """Two groups of forty on the same hosting blocks, half of whose templates are popular ones.

    They are one operation if they have work in common, and two if each has its own.
    """
    rng = np.random.default_rng(4)
    requests = [Request(org, ((Kind.TEMPLATE, VIRAL + 2 * (org % 5)),)) for org in INNOCENT[:900]]
    tenants = (range(101, 141), range(201, 241))
    for number, orgs in enumerate(tenants):
        for org in orgs:
            for seen in range(12):
                own = seen < 2 or (number == 0 and seen < 8)
                work = WORK + other * number + 2 * int(rng.integers(0, 30))
                template = work if own else VIRAL + 2 * (seen % 5)
                block = 70_000 + 2 * int(rng.integers(0, 12))
                part = int(rng.integers(144))
                requests.append(
                    Request(org, ((Kind.TEMPLATE, template), (Kind.BLOCK, block)), part)
                )
    made = day(requests)
    keys = made.of_orgs("key")
    members = sp.csr_matrix([np.isin(keys, list(some)).astype(float) for some in tenants])
    innocent = ~np.isin(keys, [*tenants[0], *tenants[1]])
    found = Groups(made, members, np.full(2, -1, np.int32), innocent)
    assert found.mass(Kind.TEMPLATE, 1) < 0.2
    assert likeness(found, Kind.BLOCK) > 0.5
    assert (found.same(0, 1) > 0) == same


@pytest.mark.parametrize(("other", "same"), [(0, True), (100, False)])
def test_fragments_that_were_each_found_on_one_work_are_one(other: int, *, same: bool) -> None:
    """Everybody in one does the first work, in the other the second, by selection.

    What else they do tells whether it is one operation.
    """
    rng = np.random.default_rng(2)
    requests = [
        Request(org, ((Kind.TEMPLATE, 2 * org),), part) for org in INNOCENT[:900] for part in (1, 2)
    ]
    fragments = (range(101, 121), range(201, 221))
    for number, orgs in enumerate(fragments):
        for org in orgs:
            more = rng.integers(0, 16, 3)
            for template in [number, number, *more.tolist()]:
                hash_ = WORK + other * number + 2 * template
                requests.append(Request(org, ((Kind.TEMPLATE, hash_),), int(rng.integers(144))))
    made = day(requests)
    keys = made.of_orgs("key")
    members = sp.csr_matrix([np.isin(keys, list(some)).astype(float) for some in fragments])
    innocent = ~np.isin(keys, [*fragments[0], *fragments[1]])
    found = Groups(made, members, np.full(2, -1, np.int32), innocent)
    assert likeness(found) < 0.5
    assert (found.same(0, 1) > 0) == same


def _values(found: Groups) -> NDArray[np.float64]:
    """What each template tells of the first group."""
    profile = found.profile(Kind.TEMPLATE)
    objects, first = np.flatnonzero(profile.column_of >= 0), slice(profile.starts[1])
    told = np.zeros(len(profile.column_of))
    told[objects[profile.column[first]]] = profile.value[first]
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
