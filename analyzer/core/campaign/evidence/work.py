"""Sentences about what the members ask for."""

from __future__ import annotations

from analyzer.core.campaign.evidence.group import Group
from analyzer.core.campaign.evidence.objects import keeping, meeting
from analyzer.core.campaign.evidence.wording import percent
from analyzer.core.cohort.population import OUTPUT_TOKENS, PROMPTED, REPEATED, REQUESTS
from analyzer.core.contracts.object_kind import Kind


def narrow(group: Group) -> str | None:
    """Templates that live among the members."""
    return keeping(group, Kind.TEMPLATE, "prompt template")


def common(group: Group) -> str | None:
    """Templates that two members or more use."""
    return meeting(group, Kind.TEMPLATE, "prompt template")


def unrepeated(group: Group) -> str | None:
    """Prompts that are hardly ever repeats."""
    return _repeats(group, more=False)


def repeated(group: Group) -> str | None:
    """Prompts that are often repeats."""
    return _repeats(group, more=True)


def _repeats(group: Group, *, more: bool) -> str | None:
    """Repeats as the memory of prompts recognises them; it may err by some percent."""
    (mine, others), (again, usual) = group.totals(PROMPTED), group.totals(REPEATED)
    if not mine or not others or (again * others > usual * mine) != more:
        return None
    if again:
        head = f"{percent(again, mine)} of {mine:,} prompts were recognised as sent before"
    else:
        head = f"{mine:,} prompts, none recognised as sent before"
    return f"{head}; {percent(usual, others)} of all others' prompts were"


def long_answers(group: Group) -> str | None:
    """Output tokens of a request."""
    (mine, others), (tokens, theirs) = group.totals(REQUESTS), group.totals(OUTPUT_TOKENS)
    if not others or tokens * others <= theirs * mine:
        return None
    return (
        f"an answer to them has {tokens / mine:,.0f} output tokens on average; to all others, "
        f"{theirs / others:,.0f}"
    )


def many_works(group: Group) -> str | None:
    """How many templates the members use."""
    shared = group.shared(Kind.TEMPLATE)
    if not len(shared.column):
        return None
    alone = int((shared.members == 1).sum())
    return (
        f"the {group.size:,} {group.noun} use {len(shared.column):,} prompt templates, "
        f"{alone:,} of them by one member alone, as unrelated developers would"
    )


def popular(group: Group) -> str:
    """What part of everybody the members are."""
    everyone = group.window.n_active
    return (
        f"{group.size:,} of {everyone:,} active organisations are members, "
        f"{percent(group.size, everyone)}"
    )
