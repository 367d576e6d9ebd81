"""Sentences about who the members are: birth, first sight, cards, clients, parameters."""

from __future__ import annotations

import numpy as np

from analyzer.core.campaign.evidence.group import Common, Group
from analyzer.core.campaign.evidence.wording import days, expected, name, percent, times
from analyzer.core.cohort.signals.creation import STEP_MS
from analyzer.core.contracts.event_time import DAY_S
from analyzer.core.contracts.object_kind import Kind

SIX_HOURS_S = 6 * 3_600


def created(group: Group) -> str | None:
    """The span of at most four days in which most of the members were created."""
    at = group.window.of_orgs("created_ms")
    mine, theirs = np.sort(at[group.inside & (at >= 0)]), at[~group.inside & (at >= 0)]
    span = _densest(mine, 2 * STEP_MS)
    if span is None or not len(theirs):
        return None
    first, last, count = span
    usual = len(mine) * float(((theirs >= first) & (theirs <= last)).mean())
    if count <= usual:
        return None
    what = "were created" if group.noun == "accounts" else "opened their first account"
    known = "" if len(mine) == group.size else " whose age is known"
    return (
        f"{count:,} of {len(mine):,} {group.noun}{known} {what} {days(first, last)}; "
        f"{expected(usual)} expected by chance"
    )


def appeared(group: Group) -> str | None:
    """The span of at most six hours in which most of the members were first seen."""
    window, pane_ms = group.window, group.window.config.pane_ms
    begin = window.population.first_pane + DAY_S // window.config.pane_s
    first = window.of_orgs("first_pane")
    mine, theirs = np.sort(first[group.inside & (first >= begin)]), first[~group.inside]
    span = _densest(mine, SIX_HOURS_S // window.config.pane_s - 1)
    if span is None or not len(theirs):
        return None
    start, last, count = span
    usual = group.size * float(((theirs >= start) & (theirs <= last)).mean())
    if count <= usual:
        return None
    return (
        f"{count:,} of {group.size:,} {group.noun} were first seen "
        f"{times(start * pane_ms, (last + 1) * pane_ms)}; {expected(usual)} expected by chance"
    )


def _densest(at: np.ndarray, most: int) -> tuple[int, int, int] | None:
    """First and last of the greatest number of these times that lie within so much, the earliest.

    Parameters
    ----------
    at
        Shape (n,), rising.
    """
    if len(at) < 2:
        return None
    within = np.searchsorted(at, at + most, side="right") - np.arange(len(at))
    begin = int(np.argmax(within))
    count = int(within[begin])
    return (int(at[begin]), int(at[begin + count - 1]), count) if count >= 2 else None


def cards(group: Group) -> str | None:
    """Members whose means of payment serves several organisations."""
    usage, shared = group.window.usage(Kind.PAYMENT), group.shared(Kind.PAYMENT)
    known, others = group.having(Kind.PAYMENT)
    mine = int(usage.sharing[group.numbers].sum())
    theirs = int(usage.sharing.sum()) - mine
    if not others or mine * others <= theirs * known:
        return None
    several = np.where(group.degree(Kind.PAYMENT) >= 2, shared.members, 0)
    top = int(np.argmax(several))
    most = ""
    if several[top] >= 2:
        text = group.texts(Kind.PAYMENT, np.array([top]))[0]
        most = f", {int(several[top]):,} of them by {name(text)}"
    return (
        f"{mine:,} of {known:,} {group.noun} pay by means that serve several organisations{most}; "
        f"{percent(theirs, others)} of all others do"
    )


def clients(group: Group) -> str | None:
    """The client that most sets the members apart."""
    tls, agent = group.commonest(Kind.TLS), group.commonest(Kind.AGENT)
    found = max((c for c in (tls, agent) if c and c.stands_out), key=_surplus, default=None)
    if found is None:
        return None
    called = "the TLS fingerprint" if found is tls else "the client"
    return _common(group, found, f"use {called} {name(found.text)}")


def parameters(group: Group) -> str | None:
    """The sampling parameters that most set the members apart."""
    found = group.commonest(Kind.PARAMS)
    if found is None or not found.stands_out:
        return None
    return _common(group, found, "ask with one and the same set of sampling parameters")


def _surplus(common: Common) -> float:
    return common.mine / common.known - common.theirs / common.others


def _common(group: Group, found: Common, what: str) -> str:
    return (
        f"{found.mine:,} of {found.known:,} {group.noun} {what}; "
        f"{percent(found.theirs, found.others)} of all others do"
    )
