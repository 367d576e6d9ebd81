"""Sentences about where requests come from."""

from __future__ import annotations

import numpy as np

from analyzer.core.campaign.evidence.group import Group
from analyzer.core.campaign.evidence.objects import keeping, meeting
from analyzer.core.campaign.evidence.wording import length, percent
from analyzer.core.contracts.event_time import DAY_S
from analyzer.core.contracts.object_kind import Kind


def met(group: Group) -> str | None:
    """Address blocks on which two members or more meet."""
    return meeting(group, Kind.BLOCK, "address block")


def private(group: Group) -> str | None:
    """Address blocks that live among the members."""
    return keeping(group, Kind.BLOCK, "address block")


def fresh(group: Group) -> str | None:
    """Requests from address blocks that nobody had used before the window."""
    window, usage = group.window, group.window.usage(Kind.BLOCK)
    pane_s = window.config.pane_s
    if window.start_pane < window.population.first_pane + DAY_S // pane_s:
        return None
    new = window.population.objects["first_pane"][usage.objects] >= window.start_pane
    shared = group.shared(Kind.BLOCK)
    mine, on_new = shared.requests.sum(), shared.requests[new[shared.column]].sum()
    others, theirs = usage.volume.sum() - mine, usage.volume[new].sum() - on_new
    if on_new * others <= theirs * mine:
        return None
    blocks = int(new[shared.column].sum())
    return (
        f"{percent(on_new, mine)} of their requests came from {blocks:,} address blocks first seen "
        f"in these {length(window.length_s)}; of all others' requests, {percent(theirs, others)} "
        "came from new blocks"
    )


def one_place(group: Group) -> str | None:
    """The one block that most requests come from."""
    shared = group.shared(Kind.BLOCK)
    if not len(shared.column):
        return None
    top = int(np.argmax(shared.requests))
    share = percent(shared.requests[top], shared.requests.sum())
    block = group.texts(Kind.BLOCK, np.array([top]))[0]
    return (
        f"{share} of their requests came from one address block, {block}, as from a campus or an "
        "office"
    )
