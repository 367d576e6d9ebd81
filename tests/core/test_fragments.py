"""Small groups that work with the program of what was told wait before they are told too."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np

from analyzer.core.campaign.campaign_state import Campaign
from analyzer.core.campaign.findings import Finding
from analyzer.core.campaign.fragments import RARE, SETTLED, fragments
from analyzer.core.campaign.linker import MERGE_S, Registry
from analyzer.core.cohort.catalog import NAMES
from analyzer.core.cohort.window import Window
from analyzer.core.config import CoreConfig
from analyzer.core.contracts.event_time import DAY_S
from analyzer.core.contracts.object_kind import Kind
from analyzer.testing.made_windows import Request, day

CONFIG = CoreConfig()
PIECE, OTHER, LARGE, STRANGE, COMMON = (
    range(first, first + size)
    for first, size in ((1_000, 8), (2_000, 8), (3_000, SETTLED), (4_000, 8), (5_000, 8))
)
RARE_PARAMS, OTHER_PARAMS, USUAL_PARAMS, USUAL_AGENT = 10, 20, 30, 40


@functools.cache
def view() -> Window:
    """A day in which three groups use the same rare parameters, and others do not."""
    params = {org: RARE_PARAMS for group in (PIECE, OTHER, LARGE) for org in group}
    params |= dict.fromkeys(STRANGE, OTHER_PARAMS)
    orgs = [*params, *COMMON, *range(9_000, 9_300)]
    return day(
        [
            Request(
                org,
                (
                    (Kind.PARAMS, params.get(org, USUAL_PARAMS)),
                    (Kind.AGENT, USUAL_AGENT),
                    (Kind.TEMPLATE, 1_000 + 2 * org),
                ),
                1,
            )
            for org in orgs
        ]
    )


def found(registry: Registry, orgs: Sequence[int], pane: int, *, told: bool = False) -> Campaign:
    """Extraction by these organisations, found twice, first at the end of this pane."""
    keys = np.array(orgs, np.uint64)
    finding = Finding(pane, Kind.TEMPLATE, 7, DAY_S, 0, 0.9, None, np.zeros(len(NAMES)), keys, 1.0)
    campaign = registry.found("group", pane, finding.about, keys)
    campaign.members.add(keys, pane, hits=2)
    campaign.state.kind, campaign.state.revision = "extraction_campaign", int(told)
    return campaign


def waiting(registry: Registry, *new: Campaign) -> set[str]:
    """Which of these wait at the end of the day."""
    return fragments(new, registry.open(), view(), CONFIG)


def test_a_piece_that_works_with_the_same_rare_program_waits() -> None:
    """Not one with other parameters, nor with those that everybody uses."""
    registry, now = Registry(CONFIG), view().pane - 2
    found(registry, PIECE, now, told=True)
    found(registry, COMMON, now, told=True)
    new = [found(registry, orgs, now) for orgs in (OTHER, STRANGE, range(9_000, 9_008))]
    assert waiting(registry, *new) == {new[0].id}


def test_it_waits_for_six_hours_and_only_for_what_was_found_in_them() -> None:
    """An operation that goes on for days holds nothing up."""
    panes = MERGE_S // CONFIG.pane_s
    for told, own, waits in ((1, 1, True), (panes, panes, False), (panes + 1, 1, False)):
        registry = Registry(CONFIG)
        found(registry, PIECE, view().pane - told, told=True)
        one = found(registry, OTHER, view().pane - own)
        assert bool(waiting(registry, one)) == waits


def test_who_has_enough_in_common_to_be_compared_does_not_wait() -> None:
    """A day's view merges what is one; a large group that is left is told."""
    registry, now = Registry(CONFIG), view().pane - 2
    found(registry, PIECE, now, told=True)
    assert not waiting(registry, found(registry, LARGE, now))


def test_of_two_that_are_new_the_senior_is_told() -> None:
    """Someone must be: the older one, then in the order of ids, however they come."""
    registry, now = Registry(CONFIG), view().pane - 2
    old, young = found(registry, PIECE, now - 1), found(registry, OTHER, now)
    assert waiting(registry, old, young) == waiting(registry, young, old) == {young.id}


def test_nothing_waits_for_what_is_no_extraction() -> None:
    """Users of one product that were told hold no extraction up."""
    registry, now = Registry(CONFIG), view().pane - 2
    found(registry, PIECE, now, told=True).state.kind = "shared_tool"
    assert not waiting(registry, found(registry, OTHER, now))


def test_chances_of_independent_things_multiply() -> None:
    """Parameters that two in five use say nothing, nor does such a client; both together do."""
    share = 0.4
    assert share > RARE > share * share
    orgs = range(1_000, 1_250)
    params = {org: RARE_PARAMS if org % 5 < 2 else USUAL_PARAMS for org in orgs}
    agent = {org: USUAL_AGENT if org // 5 % 5 < 2 else 50 for org in orgs}
    window = day(
        Request(org, ((Kind.PARAMS, params[org]), (Kind.AGENT, agent[org])), 1) for org in orgs
    )
    rare = [org for org in orgs if params[org] == RARE_PARAMS]
    same = [org for org in rare if agent[org] == USUAL_AGENT]
    other = [org for org in rare if agent[org] != USUAL_AGENT]
    for second, waits in ((same[8:16], True), (other[:8], False)):
        registry = Registry(CONFIG)
        found(registry, same[:8], window.pane - 2, told=True)
        one = found(registry, second, window.pane - 2)
        assert bool(fragments([one], registry.open(), window, CONFIG)) == waits
