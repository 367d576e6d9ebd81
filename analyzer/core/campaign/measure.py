"""The campaign itself, measured: all its members in one window, by all signals and by its shape.

What kind of group it is, how sure and how urgent, and every sentence of the alert rest on these
readings, never on what single cohorts looked like.
"""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from analyzer.core.cohort.catalog import NAMES, measure_all
from analyzer.core.cohort.population import PROMPTED, REPEATED, REQUESTS
from analyzer.core.cohort.selection import Cohorts, Shared
from analyzer.core.cohort.signals.scale import divide, row_max, row_sums
from analyzer.core.cohort.window import Usage, Window
from analyzer.core.contracts.columns import Kind

F64 = NDArray[np.float64]
Bool = NDArray[np.bool_]

FEWEST = 5
"""Active members from which a campaign is measured in a window."""
OWN_TIMES, OWN_SHARE = 5.0, 0.05
"""A template is the group's own if so many times more of its members use it than of the rest,
and such a share of the members, three at least."""
SILENT_S = 6 * 3_600
PEERS = 10
"""Users of the group's client outside of it, below which nothing is known about them."""
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
    usage, shared, n = groups.window.usage(Kind.BLOCK), groups.shared(Kind.BLOCK), len(groups)
    total = row_sums(shared, shared.requests, n)
    squares = row_sums(shared, shared.requests**2, n)
    others = usage.degree[shared.column] - shared.members
    blocks = np.diff(usage.matrix.indptr).astype(np.float64)
    requests = np.asarray(usage.matrix.sum(axis=1)).ravel()
    home = _row_max_of(usage.matrix) / np.maximum(requests, 1.0)
    known = requests > 0
    several = groups.window.totals[:, REQUESTS] >= 3
    hops = np.clip((blocks - 1) / np.maximum(requests - 1, 1.0), 0.0, 1.0)
    return {
        "hop_member": _mean_of(groups, hops, several & known),
        "home_member": _mean_of(groups, home, known),
        "top_block": divide(row_max(shared, shared.requests, n), total),
        "places_member": np.log(divide(total**2, squares * groups.size)),
        "private": divide(
            row_sums(shared, shared.requests * ((others == 0) & (shared.members > 1)), n), total
        ),
        "public_ln": divide(row_sums(shared, shared.requests * np.log1p(others), n), total),
        "alone_block": divide(
            row_sums(shared, shared.requests * ((others == 0) & (shared.members == 1)), n), total
        ),
    }


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
    size = groups.size[shared.row]
    rest = usage.degree[shared.column] - shared.members
    rate = (rest + 0.5) / np.maximum(window.n_active - size, 1.0)
    own = (shared.members >= np.maximum(3.0, OWN_SHARE * size)) & (
        shared.members / size >= OWN_TIMES * rate
    )
    total = row_sums(shared, shared.requests, n)
    mine = row_sums(shared, shared.requests * own, n)
    share = np.where(own, shared.requests, 0.0) / np.maximum(mine, 1.0)[shared.row]
    entropy = row_sums(shared, -share * np.log(np.maximum(share, 1e-12)), n)
    on_own = _on(groups, usage, shared, own)
    log_output = np.nan_to_num(window.template_log_output[usage.objects[shared.column]])
    prompts = window.prompts[usage.objects[shared.column]]
    part = np.where(own, shared.requests, 0.0) / np.maximum(
        np.asarray(usage.matrix.sum(axis=0)).ravel()[shared.column], 1.0
    )
    hashed = row_sums(shared, part * prompts[:, 0], n)
    totals = window.totals
    usual = float(totals[:, REPEATED].sum()) / max(1.0, float(totals[:, PROMPTED].sum()))
    some = hashed >= 10
    unknown = np.full(n, np.nan)
    return {
        "spec_mass": divide(mine, total),
        "spec_eff": np.where(mine > 0, np.log1p(np.exp(entropy)), np.nan),
        "spec_cover": on_own[1] / groups.size,
        "spec_long": np.where(
            mine > 0,
            window.deviation(
                divide(row_sums(shared, np.where(own, shared.requests, 0.0) * log_output, n), mine)
            ),
            np.nan,
        ),
        "all_long": window.deviation(groups.mean(window.log_output)),
        "spec_repeat": np.where(
            some, divide(row_sums(shared, part * prompts[:, 1], n), hashed) - usual, unknown
        ),
        "all_repeat": divide(groups.totals[:, REPEATED], groups.totals[:, PROMPTED]) - usual,
        "over_spec": np.where(mine > 0, on_own[0], np.nan),
        "alone_work": divide(
            row_sums(shared, shared.requests * (usage.degree[shared.column] == 1), n),
            groups.requests,
        ),
        "diversity": groups.mean(window.diversity),
    }


def _on(groups: Cohorts, usage: Usage, shared: Shared, own: Bool) -> tuple[F64, F64]:
    """Overdispersion of the members' requests on the own objects, and how many use any."""
    n = len(groups)
    picked = sp.csr_matrix(
        (np.ones(int(own.sum())), (shared.row[own], shared.column[own])),
        shape=(n, usage.matrix.shape[1]),
    )
    amount = (usage.matrix @ picked.T.tocsr()).T.tocsr().multiply(groups.members).tocsr()
    users = np.diff(amount.indptr).astype(np.float64)
    mean = np.asarray(amount.sum(axis=1)).ravel() / groups.size
    squares = np.asarray(amount.multiply(amount).sum(axis=1)).ravel() / groups.size
    return _overdispersion(mean, squares), users


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
    window, n = groups.window, len(groups)
    requests = window.totals[:, REQUESTS].astype(np.float64)
    mean = groups.requests / groups.size
    counts = window.parts
    first = np.maximum(
        0, (window.of_orgs("first_pane") - window.start_pane) // window.part_panes
    ).astype(np.int64)
    parts = counts.shape[1]
    at = np.arange(parts)
    left = np.maximum(parts - first, 1)
    position = np.clip((at[None, :] + 0.5 - first[:, None]) / left[:, None], 0.0, 1.0)
    front = (counts * position).sum(axis=1) / np.maximum(requests, 1.0)
    silent = (window.pane - window.of_orgs("last_pane")) * window.config.pane_s >= SILENT_S
    thin = _thinning(groups, counts, first, requests)
    return {
        "over_all": _overdispersion(mean, groups.total(requests**2) / groups.size),
        "front": groups.mean(front),
        "silent": groups.mean(silent) if window.length_s > SILENT_S else np.full(n, np.nan),
        "thinning": thin[0],
        "thinning_others": thin[1],
    }


def _thinning(
    groups: Cohorts, counts: F64, first: NDArray[np.int64], requests: F64
) -> tuple[F64, F64]:
    n, parts = len(groups), counts.shape[1]
    found = np.full((2, n), np.nan)
    if parts < 3:
        return found[0], found[1]
    enough = (requests >= 3) & (requests <= 2_000) & (first < parts - 2)
    everyone = np.flatnonzero(enough)
    all_chi, all_dof = _dispersion(counts[everyone], first[everyone])
    volume = np.zeros(len(requests), np.int64)
    volume[everyone] = np.log2(requests[everyone]).astype(np.int64)
    chi_at = np.bincount(volume[everyone], all_chi, 12)
    dof_at = np.bincount(volume[everyone], all_dof, 12)
    for group in range(n):
        members = groups.matrix.indices[slice(*groups.matrix.indptr[group : group + 2])]
        members = members[enough[members]]
        if len(members) < FEWEST:
            continue
        chi, dof = _dispersion(counts[members], first[members])
        if dof.sum() < 1:
            continue
        found[0, group] = np.log(max(chi.sum(), 1e-3) / dof.sum())
        like = np.bincount(volume[members], dof, 12)
        usual = (like * chi_at / np.maximum(dof_at, 1e-9)).sum() / dof.sum()
        found[1, group] = found[0, group] - np.log(max(float(usual), 1e-3))
    return found[0], found[1]


def _dispersion(counts: F64, first: NDArray[np.int64]) -> tuple[F64, F64]:
    """χ² of each row against the rows' common profile since its start, and its freedom."""
    parts = counts.shape[1]
    on = np.arange(parts)[None, :] >= first[:, None]
    kept = counts * on
    total = kept.sum(axis=1)
    # Rate a part, weighing rows alike: each against what it sends while it is there.
    weight = total / np.maximum(on.sum(axis=1), 1)
    profile = kept.sum(axis=0) / np.maximum((weight[:, None] * on).sum(axis=0), 1e-9)
    expected = profile[None, :] * on
    expected *= (total / np.maximum(expected.sum(axis=1), 1e-9))[:, None]
    safe = np.maximum(expected, 1e-9)
    chi = np.where(expected > 1e-9, (kept - expected) ** 2 / safe, 0.0).sum(axis=1)
    return chi, np.maximum((expected > 1e-9).sum(axis=1) - 1.0, 0.0)


def _means(groups: Cohorts) -> dict[str, F64]:
    """By what means: parameters, clients, cards.

    ``params_member`` mean share of a member's commonest parameters; ``top_client`` share of
    members on the commonest fingerprint, ``client_exclusive`` share of that client's users that
    are members; ``client_long`` and ``client_over`` length of answers and unequal volumes of
    members beyond the client's other users; ``pay_any`` share of members whose card serves
    several, ``pay_top`` share on the commonest card, ``pay_spread`` ln of cards a member, an
    effective number, of those known.
    """
    window, n = groups.window, len(groups)
    params = window.usage(Kind.PARAMS).matrix
    asked = np.asarray(params.sum(axis=1)).ravel()
    cards, held = window.usage(Kind.PAYMENT), groups.shared(Kind.PAYMENT)
    has = np.diff(cards.matrix.indptr) > 0
    paying = groups.total(has)
    sharing = np.asarray(cards.binary @ (cards.degree >= 2)).ravel() > 0
    squares = row_sums(held, held.members**2, n)
    known = paying >= FEWEST
    return {
        "params_member": _mean_of(groups, _row_max_of(params) / np.maximum(asked, 1.0), asked > 0),
        **_client(groups),
        "pay_any": np.where(known, groups.total(sharing) / np.maximum(paying, 1.0), np.nan),
        "pay_top": np.where(known, row_max(held, held.members, n) / np.maximum(paying, 1), np.nan),
        "pay_spread": np.where(
            known, np.log(np.maximum(paying, 1.0) / np.maximum(squares, 1.0)), np.nan
        ),
    }


def _client(groups: Cohorts) -> dict[str, F64]:
    window, n = groups.window, len(groups)
    found = np.full((4, n), np.nan)
    kind = Kind.TLS if window.usage(Kind.TLS).matrix.nnz else Kind.AGENT
    usage, shared = window.usage(kind), groups.shared(kind)
    requests = window.totals[:, REQUESTS].astype(np.float64)
    users = usage.matrix.tocsc()
    stops = np.searchsorted(shared.row, np.arange(n + 1))
    for group in range(n):
        mine = slice(int(stops[group]), int(stops[group + 1]))
        if stops[group] == stops[group + 1]:
            continue
        top = mine.start + int(np.lexsort((shared.column[mine], -shared.members[mine]))[0])
        column, on_it = int(shared.column[top]), shared.members[top]
        found[0, group] = on_it / groups.size[group]
        found[1, group] = on_it / usage.degree[column]
        members = groups.matrix.indices[slice(*groups.matrix.indptr[group : group + 2])]
        peers = np.setdiff1d(users.indices[slice(*users.indptr[column : column + 2])], members)
        if len(peers) >= PEERS:
            longer = window.log_output[members].mean() - window.log_output[peers].mean()
            found[2, group] = longer / max(1e-6, float(window.log_output.std()))
            found[3, group] = _spread(requests[members]) - _spread(requests[peers])
    names = ("top_client", "client_exclusive", "client_long", "client_over")
    return dict(zip(names, found, strict=True))


def _spread(requests: F64) -> float:
    """Deviation of ln(requests), robust: half the distance of the 16th and 84th percentile."""
    low, high = np.percentile(np.log(np.maximum(requests, 1.0)), [16, 84])
    return float(high - low) / 2


def _mean_of(groups: Cohorts, values: F64, known: Bool) -> F64:
    """Mean over the members of whom the value is known; NaN where it is known of too few."""
    count = groups.total(known)
    mean = groups.total(np.where(known, values, 0.0)) / np.maximum(count, 1.0)
    return np.where(count >= FEWEST, mean, np.nan)


def _row_max_of(matrix: sp.csr_matrix) -> F64:
    """Greatest value of each row, 0 where there is none."""
    found = np.zeros(matrix.shape[0])
    rows = np.flatnonzero(np.diff(matrix.indptr))
    if len(rows):
        found[rows] = np.maximum.reduceat(matrix.data, matrix.indptr[:-1][rows])
    return found
