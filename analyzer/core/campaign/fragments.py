"""Fragments: what may be one more piece of an operation that people have been told of.

An operation of many templates is found piece by piece, each on one template, hours before its
members have used enough in common for :mod:`.likeness` to tell that the pieces are one. What they
have in common from the first request on is the program: its client and its sampling parameters.
That is no proof of one operation, so it unites nothing; it is reason to wait, for as long as
windows merge, before people are woken once more.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from analyzer.core.campaign.campaign_state import Campaign
from analyzer.core.campaign.kind import EXTRACTION
from analyzer.core.campaign.linker import MERGE_S
from analyzer.core.campaign.measure import cohorts_of
from analyzer.core.cohort.window import Window
from analyzer.core.config import CoreConfig
from analyzer.core.contracts.object_kind import Kind

PROGRAM = ((Kind.PARAMS,), (Kind.AGENT, Kind.TLS))
"""What a program is known by, independently: its parameters, and its client."""
MOSTLY = 0.5
"""Share of a group's requests from which an object is what its program is known by."""
SETTLED = 20
"""Members found twice, in organisations, from which a group has enough in common with others."""
RARE = 0.25
"""Chance that any two organisations have as much in common, beyond which it says nothing."""

Program = dict[tuple[Kind, int], float]
"""Kind and row of an object → share of the organisations that use it."""


def fragments(
    new: Sequence[Campaign], campaigns: Sequence[Campaign], view: Window, config: CoreConfig
) -> set[str]:
    """Which new campaigns may be fragments of an operation that is known, or of a senior one.

    Parameters
    ----------
    new
        Extraction to be told of now, of which nothing was said before.
    campaigns
        All that are open.

    Returns
    -------
    Ids of those that wait: less than six hours old, they work with the same rare program as
    extraction that was found within six hours of them and is told already, or is to be told now.
    Groups of twenty and more wait only for the next view in which they are compared.
    """
    panes = MERGE_S // config.pane_s
    young = [c for c in new if view.pane - c.state.opened_pane < panes and _may_wait(c, view)]
    if not young:
        return set()
    young.sort(key=lambda c: c.seniority)
    at_once = {c.id for c in new} - {c.id for c in young}
    oldest = min(c.state.opened_pane for c in young) - panes
    told = [
        c
        for c in campaigns
        if c.state.kind == EXTRACTION
        and c.state.opened_pane > oldest
        and (c.state.revision or c.id in at_once)
    ]
    programs = _programs([*told, *young], view)
    known = list(zip(told, programs, strict=False))
    waiting = set()
    for one, program in zip(young, programs[len(told) :], strict=True):
        if any(
            abs(one.state.opened_pane - other.state.opened_pane) < panes
            and _chance(program, known_by) <= RARE
            for other, known_by in known
        ):
            waiting.add(one.id)
        else:
            known.append((one, program))
    return waiting


def _may_wait(campaign: Campaign, view: Window) -> bool:
    """True for small groups, and for others until a view that merges has compared them."""
    return campaign.found_twice < SETTLED or view.length_s < MERGE_S


def _programs(campaigns: Sequence[Campaign], view: Window) -> list[Program]:
    """What the program of each campaign's members is known by."""
    groups = cohorts_of(view, [view.numbers_of(c.members.key) for c in campaigns])
    found: list[Program] = [{} for _ in campaigns]
    for kind in (kind for kinds in PROGRAM for kind in kinds):
        usage, shared = view.usage(kind), groups.shared(kind)
        group = np.repeat(np.arange(len(campaigns)), np.diff(shared.starts))
        requests = np.bincount(group, weights=shared.requests, minlength=len(campaigns))
        for i in np.flatnonzero(shared.requests >= MOSTLY * requests[group]).tolist():
            column = shared.column[i]
            found[group[i]][kind, int(usage.objects[column])] = float(usage.rate[column])
    return found


def _chance(one: Program, other: Program) -> float:
    """Share of the organisations that have in common what these two have."""
    common = one.keys() & other.keys()
    return math.prod(
        min((one[thing] for thing in common if thing[0] in kinds), default=1.0) for kinds in PROGRAM
    )
