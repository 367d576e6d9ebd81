"""Extraction inside a pool: one work that many accounts of a reseller do beside everybody else's.

An operator who buys a reseller's accounts, or hides among them, shares the pool's network and
client with the honest customers, so the pool as a whole is no operation. What shows is the work::

    accounts of the pool   ███████████████████████   the pool: diverse work, kind reseller_pool
    … that do one work       ████████ ██████         the campaign: members with requests on it

That work is on templates that a large part of the pool's accounts use and nobody else does, is
asked for longer answers than the rest, and sends hardly any prompt twice. The campaign found so
stands beside the pool; the pool keeps its members, and each is named once, as the campaign's.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analyzer.core.campaign.campaign_state import Campaign
from analyzer.core.campaign.findings import named
from analyzer.core.campaign.kind import EXTRACTION
from analyzer.core.campaign.linker import Registry
from analyzer.core.campaign.measure import cohorts_of
from analyzer.core.cohort.population import REQUESTS
from analyzer.core.cohort.selection import Cohorts
from analyzer.core.cohort.signals.scale import divide, row_sums
from analyzer.core.cohort.window import Window
from analyzer.core.contracts.event_time import DAY_S
from analyzer.core.contracts.object_kind import Kind
from analyzer.core.contracts.records import AlertKind

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]
U64 = NDArray[np.uint64]
Bool = NDArray[np.bool_]

POOL: AlertKind = "reseller_pool"
LARGE = 40
"""Active members from which a pool is looked into …"""
SHORTEST_S, LONGEST_S = 6 * 3_600, DAY_S
"""… in windows of these lengths."""
COMMON, TIMES, STRANGERS = 0.3, 5.0, 0.02
"""A template of one work: share of the members on it, times the rate of all others, and share of
the others, who hardly use it."""
MUCH, LONGER, MORE_REPEATS = 0.12, 0.3, 0.02
"""That work: share of the pool's requests, deviations of mean ln(output + 1) beyond the members'
other requests, and the most by which its share of repeated prompts may exceed everybody's."""
RUNNING = 2
"""Readings in a row in which it must show."""
REQUESTS_EACH = 2
"""Requests on it that make an account a member."""
SURE = 0.9
"""Probability that is said of it: the pool explains the means, and nothing explains the work."""


@dataclass(frozen=True)
class Work:
    """One work inside each of several pools."""

    shows: Bool
    """Shape (pools,): whether it is there."""
    members: list[I64]
    """Per pool, numbers in the window of the organisations that do it; none where it is not."""
    about: list[int]
    """Per pool, row of its commonest template in the object table, -1 where it is not."""


def look_inside(registry: Registry, due: list[Window]) -> None:
    """Open or go on with a campaign for the work inside each pool that shows some."""
    for window in due:
        if not SHORTEST_S <= window.length_s <= LONGEST_S:
            continue
        pools = [c for c in registry.open() if c.state.kind == POOL]
        members = [window.numbers_of(pool.members.key) for pool in pools]
        large = [i for i, numbers in enumerate(members) if len(numbers) >= LARGE]
        if large:
            work = one_work(cohorts_of(window, [members[i] for i in large]))
            for row, i in enumerate(large):
                _follow(registry, window, pools[i], work, row)


def one_work(pools: Cohorts) -> Work:
    """The work on templates that the members of a pool have in common and nobody else uses."""
    window, usage, n = pools.window, pools.window.usage(Kind.TEMPLATE), len(pools)
    shared = pools.shared(Kind.TEMPLATE)
    size, others = pools.size[shared.row], usage.degree[shared.column] - shared.members
    rest = np.maximum(window.n_active - size, 1.0)
    own = (shared.members >= COMMON * size) & (others < STRANGERS * rest)
    own &= shared.members / size >= TIMES * (others + 0.5) / rest
    requests = np.where(own, shared.requests, 0.0)
    mine = row_sums(shared, requests)
    objects = usage.objects[shared.column]
    prompts = window.prompts[shared.column] * own[:, None]
    prompted, repeated = (row_sums(shared, prompts[:, which]) for which in (0, 1))
    log_output = window.template_log_output[shared.column]
    usual = window.usual_repeats
    longer = _longer(pools, mine, row_sums(shared, requests * log_output))
    shows = (mine >= MUCH * pools.requests) & (longer >= LONGER)
    shows &= (prompted > 0) & (repeated < (usual + MORE_REPEATS) * prompted)
    members, about = [], []
    for row in range(n):
        doing, commonest = np.zeros(0, np.int64), -1
        if shows[row]:
            columns = shared.column[own & (shared.row == row)]
            numbers = pools.matrix.indices[pools.matrix.indptr[row] : pools.matrix.indptr[row + 1]]
            each = np.asarray(usage.matrix[numbers][:, columns].sum(axis=1)).ravel()
            doing = numbers[each >= REQUESTS_EACH].astype(np.int64)
            commonest = int(objects[np.argmax(requests * (shared.row == row))])
        members.append(doing)
        about.append(commonest)
    shows &= np.array([len(doing) > 0 for doing in members], np.bool_)
    return Work(shows, members, about)


def _longer(pools: Cohorts, mine: F64, log_output: F64) -> F64:
    """Mean ln(output + 1) of the work less that of the members' other requests, in deviations."""
    other = pools.requests - mine
    window = pools.window
    everything = pools.total(window.log_output * window.totals[:, REQUESTS])
    rest = divide(everything - log_output, other)
    deviation = max(1e-6, window.usual_output[1])
    return np.where((mine > 0) & (other > 0), (divide(log_output, mine) - rest) / deviation, 0.0)


def _follow(registry: Registry, window: Window, pool: Campaign, work: Work, row: int) -> None:
    """Count how often it has shown, and take in who does it."""
    inside, pane = pool.state.inside, window.pane - 1
    inside[window.length_s] = inside.get(window.length_s, 0) + 1 if work.shows[row] else 0
    if inside[window.length_s] < RUNNING:
        return
    orgs = window.of_orgs("key")[work.members[row]]
    campaign = _inside(registry, pool)
    if campaign is None:
        campaign = registry.found("inside", pane, _about(window, work.about[row]), orgs)
        campaign.state.parent, campaign.state.kind = pool.id, EXTRACTION
        campaign.state.extraction = SURE
    campaign.members.add(orgs, pane)
    campaign.members.hit(orgs)
    campaign.state.last_pane = pane
    campaign.state.findings += 1
    registry.touched[campaign.id] = None


def _inside(registry: Registry, pool: Campaign) -> Campaign | None:
    """The open campaign that was found inside this pool before."""
    for campaign in registry.open("inside"):
        if registry.current(campaign.state.parent or "") == pool.id:
            return campaign
    return None


def told_inside(registry: Registry, pool: Campaign) -> U64:
    """Members of a pool that are named as the campaign's inside it, since each is named once."""
    found = _inside(registry, pool)
    if found is None or not found.state.revision:
        return np.zeros(0, np.uint64)
    return found.confirmed()


def _about(window: Window, row: int) -> str:
    hash_ = int(window.population.objects["hash"][row])
    return named(Kind.TEMPLATE, window.population.object_name(Kind.TEMPLATE, hash_))
