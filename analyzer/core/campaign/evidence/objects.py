"""Sentences about objects of one kind that members have in common, blocks or templates."""

from __future__ import annotations

import numpy as np

from analyzer.core.campaign.evidence.chance import (
    alone_by_chance,
    met_by_chance,
    mostly_by_chance,
    on_each_by_chance,
)
from analyzer.core.campaign.evidence.group import Group
from analyzer.core.campaign.evidence.wording import expected, name, percent
from analyzer.core.contracts.object_kind import Kind

FAR_MORE = 2.0
"""From so many times what chance gives the number of objects is told, else the object itself."""


def meeting(group: Group, kind: Kind, thing: str) -> str | None:
    """Objects that two members or more use, or the one that most do, and what chance would give."""
    shared = group.shared(kind)
    count, usual = int((shared.members >= 2).sum()), met_by_chance(group, kind)
    if count >= 2 and count >= FAR_MORE * usual:
        return (
            f"{count:,} {thing}s are used by two or more of the {group.size:,} {group.noun}; "
            f"{expected(usual)} expected by chance"
        )
    mean, used = on_each_by_chance(group, kind), shared.members
    surplus = used * np.log(np.maximum(used, 1) / np.maximum(mean, 1e-12)) - used + mean
    surplus[(used < 2) | (used <= mean)] = 0.0
    if not surplus.any():
        return None
    top = int(np.argmax(surplus))
    return (
        f"{int(used[top]):,} of {group.size:,} {group.noun} use the {thing} "
        f"{name(group.texts(kind, np.array([top]))[0])}; {expected(mean[top])} expected by chance"
    )


def keeping(group: Group, kind: Kind, thing: str) -> str | None:
    """Objects that live among the members, what they carry, and how many chance would give."""
    shared, degree = group.shared(kind), group.degree(kind)
    together = shared.members >= 2
    picked = together & (degree == shared.members)
    count = int(picked.sum())
    if 2 * count >= int(together.sum()) > 1:
        head = f"{count:,} of {int(together.sum()):,} {thing}s that members share are used by "
        head += "nobody else"
        usual = alone_by_chance(group, kind)
    else:
        picked = (degree >= 3) & (shared.members >= 0.6 * degree)
        count = int(picked.sum())
        head = f"{count:,} {thing}s are used mostly by members (60 % of the users or more)"
        usual = mostly_by_chance(group, kind)
    if count < 2 or count <= usual:
        return None
    carried = percent(shared.requests[picked].sum(), group.requests)
    return (
        f"{head}; {expected(usual)} expected by chance; they carry {carried} of the "
        "members' requests"
    )
