"""The campaign itself, measured: all its members in one window, by all signals and by its shape.

What kind of group it is, how sure and how urgent, and every sentence of the alert rest on these
readings, never on what single cohorts looked like.
"""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from analyzer.core.campaign.peers import beyond_peers
from analyzer.core.campaign.thinning import FEWEST, thinning
from analyzer.core.cohort.catalog import NAMES, measure_all
from analyzer.core.cohort.population import PROMPTED, REPEATED, REQUESTS
from analyzer.core.cohort.selection import Cohorts, Shared
from analyzer.core.cohort.signals.scale import divide, row_max, row_sums
from analyzer.core.cohort.window import Usage, Window
from analyzer.core.contracts.object_kind import Kind
from analyzer.core.kernels.jit import compiled
from analyzer.core.kernels.order_statistics import total

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]
I32 = NDArray[np.int32]
Bool = NDArray[np.bool_]
Entries = tuple[I64, I32, F64, F64]
"""Starts, objects, members and requests of what the members of each group share."""

OWN_TIMES, OWN_SHARE = 5.0, 0.05
"""A template is the group's own if so many times more of its members use it than of the rest,
and such a share of the members, three at least."""
SILENT_S = 6 * 3_600
SHAPE = (
    "hop_member", "home_member", "top_block", "places_member", "private", "public_ln",
    "alone_block", "spec_mass", "spec_eff", "spec_cover", "spec_long", "all_long", "spec_repeat",
    "all_repeat", "over_spec", "over_all", "front", "silent", "thinning", "thinning_others",
    "params_member", "top_client", "client_exclusive", "client_long", "client_over", "pay_any",
    "pay_top", "pay_spread", "alone_work", "diversity",
)  # fmt: skip
"""Features beside the signals; each is told where it is computed."""
FEATURES = (*NAMES, *SHAPE)


def cohorts_of(window: Window, members: list[NDArray[np.int64]]) -> Cohorts:
    """Groups of organisations, given by their numbers in the window, as cohorts to be measured."""
    lengths = [len(row) for row in members]
    indices = np.concatenate([*members, np.zeros(0, np.int64)]).astype(np.int32)
    indptr = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
    data = window.totals[indices, REQUESTS].astype(np.float64)
    n = len(members)
    return Cohorts(
        window=window,
        key=np.zeros(n, np.uint64),
        object=np.full(n, -1, np.int32),
        kind=np.full(n, int(Kind.GRAPH)),
        newcomers=np.zeros(n, np.int64),
        matrix=sp.csr_matrix((data, indices, indptr), shape=(n, len(window.orgs))),
    )


def measure(groups: Cohorts) -> F64:
    """All features of all groups, shape (groups, features); NaN is "unknown"."""
    found = {**_places(groups), **_work(groups), **_effort(groups), **_means(groups)}
    shape = np.stack([found[name] for name in SHAPE], axis=1)
    return np.concatenate([measure_all(groups), shape], axis=1)


def _places(groups: Cohorts) -> dict[str, F64]:
    """Where requests come from.

    ``hop_member`` mean over members with three requests of (blocks − 1)/(requests − 1);
    ``home_member`` mean share of a member's requests on its commonest block; ``top_block`` share
    of all on the top block; ``places_member`` ln of blocks a member, an effective number;
    ``private`` share on blocks that nobody else uses and several members do; ``public_ln`` mean
    of ln(1 + others on the block); ``alone_block`` share on blocks of one organisation.
    """
    usage, shared = groups.window.usage(Kind.BLOCK), groups.shared(Kind.BLOCK)
    found = np.zeros((6, len(groups)))
    log_others = np.log1p(np.arange(usage.degree.max(initial=0.0) + 1.0))
    _add_up_places(_entries(shared), (usage.degree, log_others), found)
    total, squares, top, private, public, alone = found
    blocks, requests, known = usage.degree_of_org, usage.requests, usage.has
    several = groups.window.totals[:, REQUESTS] >= 3
    hops = np.clip((blocks - 1) / np.maximum(requests - 1, 1.0), 0.0, 1.0)
    return {
        "hop_member": _mean_of(groups, hops, several & known),
        "home_member": _mean_of(groups, usage.focus, known),
        "top_block": divide(top, total),
        "places_member": np.log(divide(total**2, squares * groups.size)),
        "private": divide(private, total),
        "public_ln": divide(public, total),
        "alone_block": divide(alone, total),
    }


def _entries(shared: Shared) -> Entries:
    return shared.starts, shared.column, shared.members, shared.requests


@compiled
def _add_up_places(entries: Entries, of_blocks: tuple[F64, F64], found: F64) -> None:
    """Fill the requests of each group: all, squares of a block's, and those of its top block.

    Then those on blocks that nobody else uses and several members do; times ln(1 + others on the
    block); and on blocks of one organisation.

    Parameters
    ----------
    of_blocks
        Users of each block, and ln(1 + n) of any number of them.
    """
    (starts, column, members, requests), (degree, log_others) = entries, of_blocks
    for group in range(found.shape[1]):
        for i in range(starts[group], starts[group + 1]):
            others = degree[column[i]] - members[i]
            found[0, group] += requests[i]
            found[1, group] += requests[i] ** 2
            found[2, group] = max(found[2, group], requests[i])
            if others == 0.0:
                found[3 if members[i] > 1.0 else 5, group] += requests[i]
            found[4, group] += requests[i] * log_others[int(others)]


def _work(groups: Cohorts) -> dict[str, F64]:
    """What requests are about: the templates that are the group's own, and the rest.

    ``spec_mass``, ``spec_eff``, ``spec_cover``: share of requests on own templates, ln(1 + their
    effective number), share of members that use one; ``spec_long`` mean ln(output + 1) on them
    and ``all_long`` of the members, in deviations; ``spec_repeat``, ``all_repeat`` repeated
    prompts less the population's share; ``over_spec`` overdispersion of the members' requests on
    them; ``alone_work`` share of requests on templates of one organisation; ``diversity`` kinds of
    work of a member beyond others of its volume, in nats.
    """
    window = groups.window
    usage, shared, n = window.usage(Kind.TEMPLATE), groups.shared(Kind.TEMPLATE), len(groups)
    own, found = np.empty(len(shared.column), np.bool_), np.zeros((6, n))
    objects = usage.degree, usage.volume, window.template_log_output, window.prompts
    others = groups.size, np.maximum(window.n_active - groups.size, 1.0)
    _add_up_work(_entries(shared), others, objects, own, found)
    total, mine, alone, log_output, hashed, repeated = found
    on_own, entropy = _on(groups, usage, shared, own), _entropy(shared, own, mine)
    usual = window.usual_repeats
    some = hashed >= 10
    unknown = np.full(n, np.nan)
    return {
        "spec_mass": divide(mine, total),
        "spec_eff": np.where(mine > 0, np.log1p(np.exp(entropy)), np.nan),
        "spec_cover": on_own[1] / groups.size,
        "spec_long": np.where(
            mine > 0,
            window.deviation(divide(log_output, mine)),
            np.nan,
        ),
        "all_long": window.deviation(groups.mean(window.log_output)),
        "spec_repeat": np.where(some, divide(repeated, hashed) - usual, unknown),
        "all_repeat": divide(groups.totals[:, REPEATED], groups.totals[:, PROMPTED]) - usual,
        "over_spec": np.where(mine > 0, on_own[0], np.nan),
        "alone_work": divide(alone, groups.requests),
        "diversity": groups.mean(window.diversity),
    }


@compiled
def _add_up_work(
    entries: Entries,
    of_groups: tuple[F64, F64],
    of_objects: tuple[F64, F64, F64, F64],
    own: Bool,
    found: F64,
) -> None:
    """Fill which templates are a group's own, and its requests: all, and those on its own ones.

    Then those on templates of one organisation; of those on its own ones, the sum of
    ln(output + 1), and prompts and repeated prompts, a template's by the share of its requests.

    Parameters
    ----------
    of_groups
        Organisations in each group, and outside of it.
    of_objects
        Users, requests, mean ln(output + 1) and prompts of each template.
    """
    (starts, column, members, requests), (size, rest) = entries, of_groups
    degree, volume, log_output, prompts = of_objects
    for group in range(found.shape[1]):
        least = max(3.0, OWN_SHARE * size[group])
        for i in range(starts[group], starts[group + 1]):
            thing = column[i]
            rate = (degree[thing] - members[i] + 0.5) / rest[group]
            common = members[i] >= least
            own[i] = common and members[i] / size[group] >= OWN_TIMES * rate
            found[0, group] += requests[i]
            if degree[thing] == 1.0:
                found[2, group] += requests[i]
            if own[i]:
                part = requests[i] / max(volume[thing], 1.0)
                found[1, group] += requests[i]
                found[3, group] += requests[i] * log_output[thing]
                found[4, group] += part * prompts[thing, 0]
                found[5, group] += part * prompts[thing, 1]


def _entropy(shared: Shared, own: Bool, mine: F64) -> F64:
    """Entropy of the requests of each group over its own templates, in nats."""
    entry = np.flatnonzero(own)
    group = np.searchsorted(shared.starts, entry, side="right") - 1
    share = shared.requests[entry] / np.maximum(mine, 1.0)[group]
    nats = -share * np.log(np.maximum(share, 1e-12))
    return np.asarray(np.bincount(group, nats, len(mine)), np.float64)


def _on(groups: Cohorts, usage: Usage, shared: Shared, own: Bool) -> tuple[F64, F64]:
    """Overdispersion of the members' requests on the own objects, and how many use any."""
    amount = np.zeros((3, len(groups)))
    members = groups.matrix.indptr, groups.matrix.indices
    cells = usage.matrix.indptr, usage.matrix.indices, usage.matrix.data
    entries = shared.starts, shared.column, own
    _amounts(members, cells, entries, np.zeros(usage.matrix.shape[1], np.bool_), amount)
    users, total, squares = amount
    return _overdispersion(total / groups.size, squares / groups.size), users


@compiled
def _amounts(
    members: tuple[I32, I32],
    cells: tuple[I32, I32, F64],
    entries: tuple[I64, I32, Bool],
    marked: Bool,
    amount: F64,
) -> None:
    """Members that use any of the group's own objects, their requests there, and the squares.

    ``marked`` is false before and after each group.
    """
    (starts, orgs), (first, objects, requests), (begins, column, own) = members, cells, entries
    for group in range(amount.shape[1]):
        for i in range(begins[group], begins[group + 1]):
            marked[column[i]] = own[i]
        for member in range(starts[group], starts[group + 1]):
            org, on_own, uses = orgs[member], 0.0, 0.0
            for cell in range(first[org], first[org + 1]):
                if marked[objects[cell]]:
                    on_own += requests[cell]
                    uses = 1.0
            amount[0, group] += uses
            amount[1, group] += on_own
            amount[2, group] += on_own**2
        for i in range(begins[group], begins[group + 1]):
            marked[column[i]] = False


def _overdispersion(mean: F64, squares: F64) -> F64:
    """ln(1 + (variance − mean)/mean²), at least 0: the squared variation beyond a Poisson's."""
    variance = squares - mean**2
    return np.log1p(np.maximum(variance - mean, 0.0) / np.maximum(mean**2, 1e-9))


def _effort(groups: Cohorts) -> dict[str, F64]:
    """How the work is spread over members and time.

    ``over_all`` overdispersion of the members' requests; ``front`` mean position in [0, 1] of
    requests since a member's start; ``silent`` share of members silent for six hours;
    ``thinning`` ln of the dispersion of members' requests over the parts of the window, given
    the group's common profile: 0 where each account is a random part of one stream, above for
    independent people, below where they take turns; ``thinning_others`` the same of all
    organisations of like volume, subtracted.

    Reference: Lewis & Shedler (1979), thinning of a Poisson process; Cox & Lewis (1966),
    index of dispersion.
    """
    window = groups.window
    requests = window.totals[:, REQUESTS].astype(np.float64)
    seen = (window.of_orgs("first_pane") - window.start_pane) // window.part_panes
    first = np.maximum(0, seen)
    idle_s = (window.pane - window.of_orgs("last_pane")) * window.config.pane_s
    found = np.zeros((3, len(groups)))
    members = groups.matrix.indptr, groups.matrix.indices
    _add_up_effort(members, (window.parts, first, requests, idle_s), found)
    squares, front, silent = found / groups.size
    thin = thinning(groups, window.parts, first, requests)
    return {
        "over_all": _overdispersion(groups.requests / groups.size, squares),
        "front": front,
        "silent": silent if window.length_s > SILENT_S else np.full(len(groups), np.nan),
        "thinning": thin[0],
        "thinning_others": thin[1],
    }


@compiled
def _add_up_effort(
    members: tuple[I32, I32], of_orgs: tuple[F64, I64, F64, I64], found: F64
) -> None:
    """Add up the members' squared requests, their positions in [0, 1], and who is silent.

    Parameters
    ----------
    of_orgs
        Requests of each organisation in each part, the first part that it is there, its requests
        in all of them, and for how long it has been silent.
    """
    (starts, orgs), (counts, first, requests, idle_s) = members, of_orgs
    parts = counts.shape[1]
    at = np.empty(parts)
    for group in range(found.shape[1]):
        for member in range(starts[group], starts[group + 1]):
            org = orgs[member]
            left = max(parts - first[org], 1)
            for part in range(parts):
                place = (part + 0.5 - first[org]) / left
                at[part] = counts[org, part] * min(max(place, 0.0), 1.0)
            found[0, group] += requests[org] ** 2
            found[1, group] += total(at) / max(requests[org], 1.0)
            found[2, group] += idle_s[org] >= SILENT_S


def _means(groups: Cohorts) -> dict[str, F64]:
    """By what means: parameters, clients, cards.

    ``params_member`` mean share of a member's commonest parameters; ``top_client`` share of
    members on the commonest fingerprint, ``client_exclusive`` share of that client's users that
    are members; ``client_long`` and ``client_over`` length of answers and unequal volumes of
    members beyond the client's other users; ``pay_any`` share of members whose card serves
    several, ``pay_top`` share on the commonest card, ``pay_spread`` ln of cards a member, an
    effective number, of those known.
    """
    window = groups.window
    params = window.usage(Kind.PARAMS)
    cards, held = window.usage(Kind.PAYMENT), groups.shared(Kind.PAYMENT)
    paying = groups.total(cards.has)
    squares = row_sums(held, held.members**2)
    known = paying >= FEWEST
    return {
        "params_member": _mean_of(groups, params.focus, params.has),
        **_client(groups),
        "pay_any": np.where(known, groups.total(cards.sharing) / np.maximum(paying, 1.0), np.nan),
        "pay_top": np.where(known, row_max(held, held.members) / np.maximum(paying, 1), np.nan),
        "pay_spread": np.where(
            known, np.log(np.maximum(paying, 1.0) / np.maximum(squares, 1.0)), np.nan
        ),
    }


def _client(groups: Cohorts) -> dict[str, F64]:
    window = groups.window
    kind = Kind.TLS if window.usage(Kind.TLS).matrix.nnz else Kind.AGENT
    usage, shared = window.usage(kind), groups.shared(kind)
    top = commonest(shared.starts, shared.column, shared.members)
    known = np.flatnonzero(top >= 0)
    column, users, degree = np.full(len(groups), -1), *np.full((2, len(groups)), np.nan)
    column[known] = shared.column[top[known]]
    users[known] = shared.members[top[known]]
    degree[known] = usage.degree[column[known]]
    longer, wider = beyond_peers(groups, usage, column)
    return {
        "top_client": users / groups.size,
        "client_exclusive": users / degree,
        "client_long": longer,
        "client_over": wider,
    }


def commonest(starts: I64, column: I32, members: F64) -> I64:
    """Entry of each group that most members share, of the least column; −1 if it has none.

    Examples
    --------
    >>> column, members = np.array([7, 4, 2], np.int32), np.array([3.0, 3.0, 1.0])
    >>> commonest(np.array([0, 3, 3]), column, members).tolist()
    [1, -1]
    """
    found = np.full(len(starts) - 1, -1)
    _commonest((starts, column, members), found)
    return found


@compiled
def _commonest(entries: tuple[I64, I32, F64], found: I64) -> None:
    starts, column, members = entries
    for group in range(len(found)):
        for i in range(starts[group], starts[group + 1]):
            top = found[group]
            more = top < 0 or members[i] > members[top]
            if more or (members[i] == members[top] and column[i] < column[top]):
                found[group] = i


def _mean_of(groups: Cohorts, values: F64, known: Bool) -> F64:
    """Mean over the members of whom the value is known; NaN where it is known of too few."""
    count = groups.total(known)
    mean = groups.total(np.where(known, values, 0.0)) / np.maximum(count, 1.0)
    return np.where(count >= FEWEST, mean, np.nan)
