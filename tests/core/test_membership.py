"""Membership: who resembles the core joins, who does not leaves, and nobody else shapes it."""

from __future__ import annotations

import numpy as np

from analyzer.core.campaign.campaign_state import Campaign, Members
from analyzer.core.campaign.findings import Finding
from analyzer.core.campaign.linker import Linker, Registry
from analyzer.core.campaign.membership import update_members
from analyzer.core.cohort.catalog import NAMES
from analyzer.core.config import CoreConfig
from analyzer.core.contracts.event_time import DAY_S
from analyzer.core.contracts.object_kind import Kind
from analyzer.testing.made_operations import FIRST, INNOCENT, SECOND, WORK, two_operations
from analyzer.testing.made_windows import Request, day

HALF, REST = range(1_001, 1_051), range(1_051, 1_101)


def campaign(registry: Registry, orgs: range, hits: int = 3) -> Campaign:
    """An open campaign of these organisations, each found so often before."""
    keys = np.array(orgs, np.uint64)
    nothing = np.zeros(len(NAMES))
    founded = Finding(0, Kind.TEMPLATE, WORK, DAY_S, 0, 0.9, None, nothing, keys, 1.0)
    made = registry.found("group", founded.pane, founded.about, keys)
    made.members.add(keys, 0, hits=hits)
    return made


def updated(registry: Registry, times: int = 1) -> None:
    """After so many views of the day with two operations."""
    for number in range(times):
        linker = Linker(registry, two_operations(), [])
        update_members(registry, linker, 10 + number)


def members(one: Campaign) -> set[int]:
    """Organisations in it."""
    return set(one.members.key.tolist())


def test_candidates_that_resemble_the_core_join() -> None:
    """The rest of the operation does, innocents found beside it do not."""
    registry = Registry(CoreConfig())
    one = campaign(registry, HALF)
    one.candidates = dict.fromkeys([*REST, *INNOCENT[:30]], 5)
    updated(registry)
    assert len(members(one) & set(REST)) >= 40
    assert not members(one) & {*INNOCENT, *SECOND}


def test_whoever_is_very_much_alike_joins_unasked() -> None:
    """With no finding to its name, so that it never shapes what the campaign is like."""
    registry = Registry(CoreConfig())
    one = campaign(registry, HALF)
    updated(registry)
    joined = members(one) & set(REST)
    assert len(joined) >= 30
    keys = np.array(sorted(joined), np.uint64)
    assert not one.members.hits[np.isin(one.members.key, keys)].any()
    assert not np.isin(keys, one.members.core).any()
    assert not members(one) & {*INNOCENT, *SECOND}


def test_neighbours_at_a_provider_of_servers_do_not_join() -> None:
    """An operation whose work is popular, on servers that others rent too, tells little."""
    rng = np.random.default_rng(3)
    requests = []
    for org in (*FIRST, *INNOCENT):
        rents = org in FIRST or org in INNOCENT[:80]
        for _ in range(8):
            block = 2 * rng.integers(0, 40) if rents and rng.random() < 0.4 else 1_000 + 2 * org
            objects = ((Kind.TEMPLATE, int(2 * rng.integers(0, 25))), (Kind.BLOCK, int(block)))
            requests.append(Request(org, objects, int(rng.integers(0, 144))))
    registry = Registry(CoreConfig())
    one = campaign(registry, FIRST)
    one.candidates = dict.fromkeys(INNOCENT[:80], 5)
    update_members(registry, Linker(registry, day(requests), []), 10)
    assert members(one) == set(FIRST)


def test_a_member_moves_where_it_is_more_alike() -> None:
    """Some of the second operation in the first one's campaign go home, in one view."""
    registry = Registry(CoreConfig())
    one, other = campaign(registry, FIRST), campaign(registry, SECOND[20:])
    one.members.add(np.array(SECOND[:20], np.uint64), 0, hits=1)
    updated(registry)
    assert len(members(other) & set(SECOND[:20])) >= 18
    assert len(members(one) & set(SECOND[:20])) <= 2
    assert members(one) >= set(FIRST)


def test_a_member_unlike_the_core_leaves_after_two_days_views() -> None:
    """Not after one, and nobody else does; the campaign is to be told."""
    registry = Registry(CoreConfig())
    one = campaign(registry, FIRST)
    one.members.add(np.array(INNOCENT[:10], np.uint64), 0, hits=1)
    updated(registry)
    assert set(INNOCENT[:10]) <= members(one)
    registry.touched.clear()
    updated(registry)
    assert members(one) == set(FIRST)
    assert one.id in registry.touched


def test_a_member_that_is_silent_stays() -> None:
    """Nothing is known of it."""
    registry = Registry(CoreConfig())
    one = campaign(registry, FIRST)
    one.members.add(np.array([999_999], np.uint64), 0, hits=1)
    updated(registry, 3)
    assert 999_999 in members(one)


def test_the_core_is_who_was_found() -> None:
    """While hardly anybody was found, all are; then those found twice and often enough."""
    some = Members()
    some.add(np.arange(1, 31, dtype=np.uint64), 0)
    assert len(some.core) == 30
    some.hit(np.arange(1, 11, dtype=np.uint64))
    assert some.core.tolist() == list(range(1, 11))
    for _ in range(9):
        some.hit(np.arange(1, 9, dtype=np.uint64))
    assert some.core.tolist() == list(range(1, 9))


def test_members_come_back_as_they_were_saved() -> None:
    """Keys, hits, views and panes."""
    some = Members()
    some.add(np.array([9, 4, 2**64 - 1], np.uint64), 3, hits=2)
    assert Members.of(some.state()).state() == some.state()
