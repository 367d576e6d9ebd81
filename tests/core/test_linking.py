"""Linking: what a finding does, by whose members it holds."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pytest

from analyzer.core.campaign.campaign_state import Campaign
from analyzer.core.campaign.findings import Finding
from analyzer.core.campaign.linker import Linker, Registry
from analyzer.core.campaign.membership import update_members
from analyzer.core.cohort.catalog import NAMES
from analyzer.core.config import CoreConfig
from analyzer.core.contracts.event_time import DAY_S
from analyzer.core.contracts.object_kind import Kind
from analyzer.testing.made_operations import (
    FIRST,
    INNOCENT,
    PLACE,
    SECOND,
    VIRAL,
    WORK,
    two_operations,
)

HALF, REST = range(1_001, 1_051), range(1_051, 1_101)


def finding(
    orgs: Iterable[int],
    *,
    template: int = WORK,
    kind: Kind = Kind.TEMPLATE,
    newcomers: int = 0,
    pane: int = 9,
    score: float = 0.9,
) -> Finding:
    """These organisations were found on one object."""
    return Finding(
        pane=pane,
        cohort_kind=kind,
        object=template,
        window_s=DAY_S,
        newcomers=newcomers,
        score=score,
        anomaly=None,
        features=np.zeros(len(NAMES)),
        orgs=np.array(sorted(orgs), np.uint64),
        times_usual=1.0,
    )


def linked(registry: Registry, *found: Finding) -> Registry:
    """The registry after these findings in the day with two operations."""
    Linker(registry, two_operations(), found).link()
    return registry


def campaign(registry: Registry, orgs: range, hits: int = 3) -> Campaign:
    """An open campaign of these organisations, each found so often before."""
    founded = finding(orgs, pane=0)
    made = registry.found("group", founded.pane, founded.about, founded.orgs)
    made.members.add(founded.orgs, 0, hits=hits)
    return made


def members(one: Campaign) -> set[int]:
    """Organisations in it."""
    return set(one.members.key.tolist())


def hits(one: Campaign, org: int) -> int:
    """How often a member was found."""
    return int(one.members.hits[one.members.key == org][0])


def test_whoever_belongs_to_no_campaign_founds_one() -> None:
    """With every member found once."""
    registry = linked(Registry(CoreConfig()), finding(HALF))
    [one] = registry.open()
    assert members(one) == set(HALF)
    assert set(one.members.hits.tolist()) == {1}


@pytest.mark.parametrize(
    "found",
    [
        finding(range(1_001, 1_006)),  # five are too few
        finding(HALF, newcomers=1),  # newcomers found nothing
        finding(INNOCENT[:40], kind=Kind.TLS),  # no work and no place of their own
    ],
)
def test_what_founds_nothing(found: Finding) -> None:
    """Few, newcomers of a popular object, and users of a client without work of their own."""
    assert not linked(Registry(CoreConfig()), found).campaigns


def test_more_of_the_same_operation_supports_its_campaign() -> None:
    """They become candidates, for likeness to confirm, and found nothing of their own."""
    registry = Registry(CoreConfig())
    one = campaign(registry, HALF)
    linked(registry, finding(REST))
    assert registry.open() == [one]
    assert members(one) == set(HALF)
    assert set(one.candidates) == set(REST)


def test_another_operation_founds_another_campaign() -> None:
    """Though both hide behind the same prompts."""
    registry = Registry(CoreConfig())
    one = campaign(registry, FIRST)
    linked(registry, finding(SECOND, template=WORK + 10_000))
    assert sorted(map(members, registry.open()), key=min) == [set(FIRST), set(SECOND)]
    assert not one.candidates


def test_a_place_that_two_operations_share_founds_nothing_of_both() -> None:
    """However sure it is: what each of them does is linked first."""
    found = [
        finding([*FIRST[:50], *SECOND[:50]], template=PLACE, kind=Kind.BLOCK, score=0.99),
        finding(FIRST[20:]),
        finding(SECOND[20:], template=WORK + 10_000),
    ]
    registry = linked(Registry(CoreConfig()), *found)
    assert all(not members(c) & set(FIRST) or not members(c) & set(SECOND) for c in registry.open())
    assert len(registry.open()) == 2


def test_a_mixture_confirms_members_and_brings_nobody_in() -> None:
    """Two operations and strangers on one viral template: everything stays as it was."""
    registry = Registry(CoreConfig())
    one, other = campaign(registry, FIRST), campaign(registry, SECOND)
    linked(registry, finding([*FIRST[3::4], *SECOND[3::4], *INNOCENT[:20]], template=VIRAL))
    assert registry.open() == [one, other]
    assert (members(one), members(other)) == (set(FIRST), set(SECOND))
    assert (hits(one, FIRST[3]), hits(one, FIRST[0])) == (4, 3)
    assert not one.candidates
    assert not other.candidates


def test_nothing_chains_through_a_viral_template() -> None:
    """Strangers found beside some of a campaign may be candidates; likeness keeps them out."""
    registry = Registry(CoreConfig())
    one = campaign(registry, FIRST)
    for pane in range(9, 90, 20):
        found = finding([*FIRST[3::4], *INNOCENT[:80]], template=VIRAL, pane=pane)
        linker = Linker(registry, two_operations(), [found])
        linker.link()
        update_members(registry, linker, pane)
    assert members(one) == set(FIRST)
    assert not any(members(c) & set(FIRST) for c in registry.open() if c is not one)


def test_fragments_of_one_operation_become_one_campaign() -> None:
    """The older keeps its name, the younger is told as part of it, and hits are kept."""
    registry = Registry(CoreConfig())
    one, other = campaign(registry, HALF), campaign(registry, REST, hits=5)
    other.state.opened_pane = one.state.opened_pane + 1
    linked(registry, finding([*HALF[:30], *REST[:20]]))
    assert registry.open() == [one]
    assert members(one) == set(FIRST)
    assert (other.state.state, other.state.merged_into) == ("merged", one.id)
    assert one.state.merged_from == [other.id]
    assert (hits(one, HALF[49]), hits(one, REST[49])) == (3, 5)
    assert registry.current(other.id) == one.id
    assert other.id in registry.touched


def test_what_was_told_keeps_its_name() -> None:
    """Though it is the younger and the smaller: who was told of it reads on under that name."""
    registry = Registry(CoreConfig())
    one, told = campaign(registry, HALF), campaign(registry, REST[:20])
    told.state.opened_pane, told.state.severity = one.state.opened_pane + 1, "high"
    linked(registry, finding([*HALF[:30], *REST[:20]]))
    assert registry.open() == [told]
    assert members(told) == {*HALF, *REST[:20]}
    assert registry.current(one.id) == told.id


def test_what_is_founded_at_once_is_compared_once_more() -> None:
    """Two parts of an operation whose work looks popular as long as nobody of it was found."""
    view = two_operations(templates=4)
    found = [finding(HALF), finding(REST, template=WORK + 2)]
    registry = Registry(CoreConfig())
    linker = Linker(registry, view, found)
    founded = linker.link()
    assert sorted(map(members, founded), key=min) == [set(HALF), set(REST)]
    Linker(registry, view, []).unite(founded)
    [one] = registry.open()
    assert members(one) == set(FIRST)


def test_an_operation_among_another_campaigns_members_is_told_apart() -> None:
    """It has work of its own that the campaign's core knows nothing of."""
    registry = Registry(CoreConfig())
    one = campaign(registry, FIRST)
    strangers = range(2_001, 2_031)
    one.members.add(np.array(strangers, np.uint64), 0)
    registry.touched.clear()
    linked(registry, finding(strangers, template=WORK + 10_000))
    [same, apart] = registry.open()
    assert same is one
    assert (members(one), members(apart)) == (set(FIRST), set(strangers))
    assert {one.id, apart.id} <= set(registry.touched)


def test_what_was_merged_is_as_young_as_its_parts() -> None:
    """A campaign does not expire while a part of it was found a short while ago."""
    registry = Registry(CoreConfig())
    one, other = campaign(registry, HALF), campaign(registry, REST)
    other.state.last_pane = 7
    registry.merge(one, other)
    assert one.state.last_pane == 7


@pytest.mark.parametrize("seed", range(8))
def test_a_campaign_keeps_its_name_when_its_founders_change_a_little(seed: int) -> None:
    """Names differ in at most as many cases as the sets of founders do."""
    rng = np.random.default_rng(seed)
    same = 0
    for _ in range(50):
        orgs = np.unique(rng.integers(1, 2**63, 60).astype(np.uint64))
        names = set()
        for kept in (orgs, orgs[rng.permutation(len(orgs))[: int(0.9 * len(orgs))]]):
            found = finding(kept.tolist())
            names.add(Registry(CoreConfig()).found("group", found.pane, found.about, found.orgs).id)
        same += len(names) == 1
    assert same >= 35


def test_a_name_is_never_given_twice() -> None:
    """Whoever founds again after a campaign was closed founds another."""
    registry = Registry(CoreConfig())
    ids = []
    for _ in range(3):
        one = campaign(registry, FIRST)
        registry.close(one)
        ids.append(one.id)
    assert len(set(ids)) == 3


def test_a_registry_saved_goes_on_as_if_nothing_had_happened() -> None:
    """Members, candidates, what counted a short while ago, and what is to be told."""
    first = Registry(CoreConfig())
    campaign(first, HALF)
    linked(first, finding(REST))
    second = Registry(CoreConfig())
    second.restore(first.state())
    assert second.state() == first.state()
    assert second.is_old(finding(REST).key, DAY_S, 10)
    linked(first, finding(SECOND, template=WORK + 10_000, pane=30))
    linked(second, finding(SECOND, template=WORK + 10_000, pane=30))
    assert second.state() == first.state()
