"""Membership: who resembles the core of a campaign, beyond what its volume would show.

Findings bring in candidates; likeness admits them. Whoever is more like another campaign moves
there, and whoever is no longer like the core leaves. Look-alikes that no finding brought in
never shape what the campaign is like.
"""

from __future__ import annotations

from collections import Counter

import numpy as np
from numpy.typing import NDArray

from analyzer.core.campaign.campaign_state import Campaign
from analyzer.core.campaign.likeness import MOST_SAID, PROFILED
from analyzer.core.campaign.linker import NOBODY, Linker, Registry
from analyzer.core.campaign.profiles import LEAST, Cells, Profile, null
from analyzer.core.contracts.event_time import DAY_S
from analyzer.core.contracts.object_kind import Kind
from analyzer.core.kernels.jit import compiled
from analyzer.core.kernels.order_statistics import medians_of_rows

I32 = NDArray[np.int32]
I64 = NDArray[np.int64]
F64 = NDArray[np.float64]
U64 = NDArray[np.uint64]

TELLING = 1.5
"""Nats of the core's medians together, below which likeness says nothing."""
JOINS = 0.35
"""Likeness from which a candidate is a member."""
JOINS_UNASKED, REQUESTS = 0.6, 3
"""Likeness and requests from which anybody is."""
MOVES, TWICE = 0.5, 2.0
LEAVES, VIEWS, SEEN = 0.2, 2, 4
"""Below this likeness, in so many views of a day in a row with so many requests, a member goes."""
OWN_WORK, LITTLE_WORK = 0.8, 0.4
FULL = 1.2


def update_members(registry: Registry, linker: Linker, pane: int, barred: U64 = NOBODY) -> None:
    """Let candidates and look-alikes join, members move or leave, as the view shows them.

    Parameters
    ----------
    barred
        Organisations that no campaign may take in.
    """
    campaigns = [c for c in registry.open() if c.id in linker.group_of]
    if not campaigns:
        return
    view = linker.groups.window
    likeness, telling = _likeness(linker, campaigns)
    requests = view.totals[:, 0]
    keys = view.of_orgs("key")
    number = {id(c): n for n, c in enumerate(campaigns)}
    owner = np.full(len(keys), -1)
    for campaign in campaigns:
        owner[linker.groups.window.numbers_of(campaign.members.key)] = number[id(campaign)]
    asked = np.zeros(likeness.shape, np.bool_)
    for campaign in campaigns:
        wanted_keys = np.fromiter(campaign.candidates, np.uint64, len(campaign.candidates))
        asked[number[id(campaign)], linker.groups.window.numbers_of(wanted_keys)] = True
    unasked = (likeness >= JOINS_UNASKED) & (requests >= REQUESTS)
    wanted = (asked & (likeness >= JOINS)) | unasked
    wanted &= (telling[:, None] >= TELLING) & ~np.isin(keys, barred)
    best = np.argmax(np.where(wanted, likeness, -1.0), axis=0)
    at = np.arange(len(keys))
    sure = wanted[best, at]
    own = np.where(owner >= 0, likeness[np.maximum(owner, 0), at], 0.0)
    moves = sure & (owner >= 0) & (best != owner)
    moves &= (likeness[best, at] >= MOVES) & (likeness[best, at] >= TWICE * own)
    joins = sure & (owner < 0)
    for number_, campaign in enumerate(campaigns):
        leaving = keys[moves & (owner == number_)]
        if len(leaving):
            campaign.members.keep(~np.isin(campaign.members.key, leaving))
            registry.touched[campaign.id] = None
    for number_, campaign in enumerate(campaigns):
        coming = keys[(joins | moves) & (best == number_)]
        if len(coming):
            candidates = campaign.candidates
            found = np.array([key in candidates for key in coming.tolist()], np.bool_)
            campaign.members.add(coming[found], pane, hits=1)
            campaign.members.add(coming[~found], pane)
            registry.touched[campaign.id] = None
    if view.length_s == DAY_S:
        for number_, campaign in enumerate(campaigns):
            if telling[number_] >= TELLING:
                _release(registry, campaign, linker, likeness[number_], requests)


def unite_moved(registry: Registry) -> None:
    """An alerted campaign most of whose members are another's by now is part of that one."""
    owner: dict[int, Campaign] = {}
    for campaign in registry.open():
        owner |= dict.fromkeys(campaign.members.key.tolist(), campaign)
    for campaign in registry.open():
        told = [a.org for a in campaign.state.accounts.values() if a.membership > 0]
        held = Counter(owner[org].id for org in told if org in owner)
        heir, count = held.most_common(1)[0] if held else ("", 0)
        if campaign.state.revision and heir != campaign.id and 2 * count > len(told):
            registry.merge(registry.campaigns[heir], campaign)


def _release(
    registry: Registry,
    campaign: Campaign,
    linker: Linker,
    likeness: F64,
    requests: NDArray[np.int64],
) -> None:
    """Members that are unlike the core in two views of a day in a row leave."""
    members = campaign.members
    keys = linker.groups.window.of_orgs("key")
    numbers = linker.groups.window.numbers_of(members.key)
    rows = np.searchsorted(members.key, keys[numbers])
    seen = requests[numbers] >= SEEN
    unlike = likeness[numbers] < LEAVES
    members.unlike[rows] = np.where(
        seen & unlike, members.unlike[rows] + 1, np.where(seen, 0, members.unlike[rows])
    )
    stays = members.unlike < VIEWS
    if not stays.all() and stays.any():
        members.keep(stays)
        registry.touched[campaign.id] = None


def _likeness(linker: Linker, campaigns: list[Campaign]) -> tuple[F64, F64]:
    """L of each organisation to each campaign, and the nats that the core shows.

    For each kind of object x is the mean over an organisation's requests of the weight
    ln(((a − 1)/(n − 1)) / null), clipped to [0, 9], of objects in the core's profile; m is its
    median over the core; L = Σ min(x, 1.2 m) / Σ m, halved for those who do hardly any of the
    core's own work.

    Returns
    -------
    Shape (campaigns, organisations) and (campaigns,).
    """
    groups = linker.groups
    rows = np.array([linker.group_of[c.id] for c in campaigns])
    cores = groups.members[rows]
    shape = (len(campaigns), groups.members.shape[1])
    total, medians = np.zeros(shape), np.zeros(len(campaigns))
    lazy = np.zeros(shape, np.bool_)
    for kind in PROFILED:
        profile = groups.profile(kind)
        weight = weights(profile, rows, groups.size[rows])
        x = mean_weight(profile.cells, profile.column_of, weight)
        middle = medians_of_rows(cores, x)
        total += np.minimum(x, FULL * middle[:, None])
        medians += middle
        if kind == Kind.TEMPLATE:
            lazy = (middle[:, None] >= OWN_WORK) & (x < LITTLE_WORK * middle[:, None])
    likeness = total / np.maximum(medians, 1e-9)[:, None]
    return np.where(lazy, likeness / 2, likeness), medians


def weights(profile: Profile, rows: I64, size: F64) -> F64:
    """Weight of each telling object for each campaign, shape (campaigns, columns).

    What more innocent organisations use than members draws nobody in.

    Parameters
    ----------
    rows, size
        Shape (campaigns,), row of each among the groups, and members of it.
    """
    found = np.zeros((len(rows), len(profile.usual)))
    _weights(profile, rows, size, found)
    return found


@compiled
def _weights(profile: Profile, rows: I64, size: F64, found: F64) -> None:
    for campaign in range(len(rows)):
        for at in range(profile.starts[rows[campaign]], profile.starts[rows[campaign] + 1]):
            if profile.inside[at]:
                column, users = profile.column[at], profile.users[at]
                others = max(users - 1, 0) / max(size[campaign] - 1, 1)
                dose = profile.share[at] / users
                chance = null(profile.innocent[column], profile.usual[column], dose)
                nats = np.log(max(others, LEAST) / max(chance, LEAST))
                found[campaign, column] = min(max(nats, 0.0), MOST_SAID)


def mean_weight(shares: Cells, column_of: I32, weight: F64) -> F64:
    """Mean weight over each organisation's requests, shape (campaigns, organisations).

    Parameters
    ----------
    shares
        Share of each organisation's requests, shape (organisations, objects).
    column_of
        Shape (objects,), column of each, −1 if it tells nothing.
    weight
        Shape (campaigns, columns).
    """
    found = np.zeros((len(shares[0]) - 1, len(weight)))
    _add_weights(shares, column_of, np.ascontiguousarray(weight.T), found)
    return np.ascontiguousarray(found.T)


@compiled
def _add_weights(cells: Cells, column_of: I32, weight: F64, found: F64) -> None:
    """Add up share times weight, of telling objects; ``weight`` of shape (columns, campaigns)."""
    starts, objects, shares = cells
    for org in range(len(found)):
        for cell in range(starts[org], starts[org + 1]):
            column = column_of[objects[cell]]
            if column >= 0:
                for campaign in range(weight.shape[1]):
                    found[org, campaign] += shares[cell] * weight[column, campaign]
