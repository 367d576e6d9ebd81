"""Sentences about how much the members send, and when."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from analyzer.core.campaign.evidence.group import Group
from analyzer.core.campaign.evidence.wording import expected, length, name, percent
from analyzer.core.cohort.population import REQUESTS
from analyzer.core.cohort.signals.hand_over import NEEDED, SOON_S, appeared, fell_silent
from analyzer.core.cohort.signals.pivot import NEW_FOR_S
from analyzer.core.contracts.event_time import DAY_S
from analyzer.core.contracts.object_kind import Kind

I64 = NDArray[np.int64]
Bool = NDArray[np.bool_]


def equal_volumes(group: Group) -> str | None:
    """The middle half of the members' requests, beside that of all others."""
    requests = group.window.totals[:, REQUESTS]
    if group.size < 2 or group.size == group.window.n_active:
        return None
    low, high = _middle(requests[group.inside])
    least, most = _middle(requests[~group.inside])
    if high * least >= most * low:
        return None
    return (
        f"members send more evenly: the middle half of the {group.size:,} {group.noun} "
        f"{_span(low, high)} request{'s' * (high > 1)} each, of all others {_span(least, most)}"
    )


def _span(low: int, high: int) -> str:
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def _middle(values: I64) -> tuple[int, int]:
    """Two values that at least half of all lie between."""
    low = np.quantile(values, 0.25, method="lower")
    return int(low), int(np.quantile(values, 0.75, method="higher"))


def together(group: Group) -> str | None:
    """The quarter of the window that the members prefer most."""
    window = group.window
    parts = window.parts
    mine = parts[group.numbers].sum(axis=0)
    theirs = parts.sum(axis=0) - mine
    if parts.shape[1] < 4 or not mine.sum() or not theirs.sum():
        return None
    surplus = mine / mine.sum() - theirs / theirs.sum()
    picked = np.argsort(-surplus, kind="stable")[: parts.shape[1] // 4]
    hours = length(len(picked) * window.part_panes * window.config.pane_s)
    return (
        f"{percent(mine[picked].sum(), mine.sum())} of their requests fell into the same {hours} "
        f"of {length(window.length_s)}; of all others' requests, "
        f"{percent(theirs[picked].sum(), theirs.sum())} did"
    )


def moved(group: Group) -> str | None:
    """Requests on models that nobody had used a week before."""
    window, usage = group.window, group.window.usage(Kind.MODEL)
    day, since = (s // window.config.pane_s for s in (DAY_S, NEW_FOR_S))
    first = window.population.objects["first_pane"][usage.objects]
    new = (first >= window.pane - since) & (first >= window.population.first_pane + day)
    shared = group.shared(Kind.MODEL)
    mine, on_new = shared.requests.sum(), np.where(new[shared.column], shared.requests, 0.0)
    others, theirs = usage.volume.sum() - mine, usage.volume[new].sum() - on_new.sum()
    if on_new.sum() * others <= theirs * mine:
        return None
    named = [name(text) for text in group.texts(Kind.MODEL, np.flatnonzero(on_new))]
    return (
        f"{percent(on_new.sum(), mine)} of their requests went to {_list(named)}, first seen in "
        f"the last 7 days; of all others' requests, {percent(theirs, others)} went to new models"
    )


def _list(names: list[str]) -> str:
    shown = ", ".join(names[:2])
    return f"{shown} and {len(names) - 2} more" if len(names) > 2 else shown


def followed(group: Group) -> str | None:
    """Members that fell silent and were followed by a new one within an hour."""
    window = group.window
    soon = max(1, SOON_S // window.config.pane_s)
    first, last = window.of_orgs("first_pane"), window.of_orgs("last_pane")
    new, gone = appeared(window, first), fell_silent(window, first, last)
    starts, stops = first[group.inside & new], last[group.inside & gone]
    if min(len(starts), len(stops)) < NEEDED:
        return None
    count = int(_near(stops, starts, soon).sum())
    turned = int(_near(-stops, -starts, soon).sum())
    other_starts, other_stops = first[~group.inside & new], last[~group.inside & gone]
    pairs = float(_near_count(other_stops, other_starts, soon).sum())
    usual = -np.expm1(-len(starts) * pairs / max(1, len(other_starts) * len(other_stops)))
    chance = max(float(turned), len(stops) * float(usual))
    if count <= chance:
        return None
    return (
        f"{count:,} of {len(stops):,} members that fell silent were followed by a new one within "
        f"the next hour; {expected(chance)} expected by chance"
    )


def _near(at: I64, others: I64, soon: int) -> Bool:
    """True where any other follows within so many panes."""
    return _near_count(at, others, soon) > 0


def _near_count(at: I64, others: I64, soon: int) -> I64:
    others = np.sort(others)
    until = np.searchsorted(others, at + soon, side="right")
    return np.asarray(until - np.searchsorted(others, at, side="right"))
