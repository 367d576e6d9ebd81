"""What chance would give: as many organisations picked at random, or placed by their degrees."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc

from analyzer.core.campaign.evidence.group import Group
from analyzer.core.contracts.object_kind import Kind

F64 = NDArray[np.float64]


def met_by_chance(group: Group, kind: Kind) -> float:
    """Objects of this kind that two members or more would use, were all uses placed at random.

    The sum over objects of P(X ≥ 2), X Poisson with mean K · d / D: K the members' uses, d the
    object's users, D all uses.

    Reference: Karrer & Newman (2011), degree-corrected block models.
    """
    usage = group.window.usage(kind)
    mean = _mean(group, kind, np.arange(len(usage.with_users), dtype=np.float64))
    several = -np.expm1(-mean) - mean * np.exp(-mean)  # most objects have one user, or two
    return float(several[usage.degree.astype(np.int64)].sum())


def on_each_by_chance(group: Group, kind: Kind) -> F64:
    """Members that would be on each object that they used, by the same rule."""
    return _mean(group, kind, group.degree(kind))


def _mean(group: Group, kind: Kind, degree: F64) -> F64:
    uses = group.window.usage(kind).pairs
    return np.asarray(float(group.shared(kind).members.sum()) * degree / uses)


def _users(group: Group, kind: Kind) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The different numbers of users that objects have, and how many objects have each."""
    count = group.window.usage(kind).with_users
    users = np.flatnonzero(count)
    return users, count[users]


def alone_by_chance(group: Group, kind: Kind) -> float:
    """Objects of two users or more whose users would all be among as many picked at random."""
    users, count = _users(group, kind)
    picked = np.arange(group.size)
    chance = np.cumprod((group.size - picked) / (group.window.n_active - picked))
    several = (users >= 2) & (users <= group.size)
    return float((count[several] * chance[users[several] - 1]).sum())


def mostly_by_chance(group: Group, kind: Kind) -> float:
    """Objects of three users or more, 60 % of them among as many picked at random.

    The binomial tail P(X ≥ k) of n users is the incomplete beta function I(k, n − k + 1).
    """
    users, count = _users(group, kind)
    several = users >= 3
    users, count = users[several], count[several]
    needed = np.ceil(0.6 * users - 1e-9)
    share = group.size / group.window.n_active
    return float((count * betainc(needed, users - needed + 1, share)).sum())
