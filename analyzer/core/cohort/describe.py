"""Judged cohorts as they travel to the campaign step: vectors, figures and members."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from analyzer.core.cohort.affinity import affinity
from analyzer.core.cohort.catalog import NAMES
from analyzer.core.cohort.population import OUTPUT_TOKENS
from analyzer.core.cohort.selection import Cohorts
from analyzer.core.cohort.signals.scale import divide, row_sums
from analyzer.core.contracts.columns import FACTS, CohortColumns, Kind
from analyzer.core.contracts.hashing import in_turn
from analyzer.core.kernels.sparse import common

F64 = NDArray[np.float64]

SHOWN = 0.2
"""Cohorts that score less travel without members: nothing will be said about them."""
MOST = {Kind.TEMPLATE: 12, Kind.MODEL: 12, Kind.BLOCK: 12, Kind.PAYMENT: 100}
"""Objects of a kind that a note lists."""
MOST_NAMED = 2_048
"""Members that a cohort names at most; in a larger one others each time, by hash."""
LARGEST_ORG = 5
"""Accounts from which an organisation is a fleet."""


class CohortNote(msgspec.Struct, frozen=True):
    """What the cohort is about, as text."""

    name: str
    """The defining object."""
    templates: list[str]
    models: list[str]
    blocks: list[str]
    payments: list[str]
    """Payment references that several organisations share; they link campaigns, no alert
    shows them."""


def describe(cohorts: Cohorts, features: F64, score: F64) -> CohortColumns:
    """Columns of these cohorts; members and notes only where the score is worth it."""
    window = cohorts.window
    n = len(cohorts)
    shown = np.flatnonzero(score >= SHOWN)
    blocks = cohorts.shared(Kind.BLOCK)
    billed = np.diff(window.usage(Kind.PAYMENT).matrix.indptr) > 0
    billed |= window.of_orgs("created_ms") >= 0
    facts = np.stack(
        [
            cohorts.size,
            cohorts.requests,
            cohorts.requests_on_object,
            cohorts.totals[:, OUTPUT_TOKENS],
            row_sums(blocks, np.ones_like(blocks.members), n),
            np.full(n, float(window.n_active)),
            cohorts.mean(billed),
            np.full(n, float(billed.mean())),
            cohorts.mean(window.diversity),
            cohorts.requests / cohorts.size / window.usual_requests,
            np.full(n, np.nan),
            divide(
                row_sums(blocks, blocks.requests, n) ** 2, row_sums(blocks, blocks.requests**2, n)
            ),
            window.deviation(
                np.where(cohorts.object >= 0, window.template_log_output[cohorts.object], np.nan)
            ),
        ],
        axis=1,
    )
    return CohortColumns(
        pane=np.full(n, window.pane - 1),
        kind=cohorts.kind,
        object=cohorts.key,
        window_s=np.full(n, window.length_s),
        newcomers=cohorts.newcomers,
        features=features,
        facts=facts,
        note=_notes(cohorts, shown),
        **_members(cohorts, shown),
    )


def describe_accounts(accounts: Cohorts, strangeness: F64) -> CohortColumns:
    """Columns of cohorts of one; no signal is known of these."""
    unknown = np.full((len(accounts), len(NAMES)), np.nan)
    columns = describe(accounts, unknown, np.ones(len(accounts)))
    columns.facts[:, FACTS.index("strangeness")] = strangeness
    return columns


def _members(cohorts: Cohorts, shown: NDArray[np.intp]) -> dict[str, Any]:
    """Accounts of the members' organisations that were active in the window.

    An organisation with many accounts is one customer, known as one: it counts in the
    cohort, but its accounts are never named.
    """
    window, named = cohorts.window, _named(cohorts, shown)
    accounts = window.population.accounts
    asked = np.zeros(len(window.orgs), np.bool_)
    asked[named.indices] = True
    active = np.flatnonzero(accounts["last_pane"] >= window.start_pane)
    owner = window.number_of[accounts["org"][active]]
    active, owner = active[asked[owner]], owner[asked[owner]]
    few = np.bincount(owner, minlength=len(window.orgs))[owner] <= LARGEST_ORG
    active, owner = active[few], owner[few]
    shape = (len(window.orgs), len(accounts))
    owns = sp.csr_matrix((np.ones(len(active)), (owner, active)), shape=shape)
    held = (named @ owns).tocsr()
    held.sort_indices()
    row = np.repeat(shown, np.diff(held.indptr))
    account = held.indices
    org = window.number_of[accounts["org"][account]]
    among = np.repeat(np.arange(len(shown)), np.diff(held.indptr))
    keys = accounts["key"][account]
    return {
        "member_row": row.astype(np.int64),
        "member_org": window.of_orgs("key")[org],
        "member": keys,
        "member_requests": accounts["requests"][account],
        "member_first_ms": accounts["first_ms"][account],
        "member_last_ms": accounts["last_ms"][account],
        "member_affinity": affinity(cohorts, shown, among, org),
        "names": window.population.names_of(np.unique(keys)),
    }


def _named(cohorts: Cohorts, shown: NDArray[np.intp]) -> sp.csr_matrix:
    """The members that are named of each shown cohort, shape (shown, organisations)."""
    members = cohorts.members[shown]
    if len(shown) and np.diff(members.indptr).max() > MOST_NAMED:
        keys = cohorts.window.of_orgs("key")[members.indices]
        row = np.repeat(np.arange(len(shown)), np.diff(members.indptr))
        order = np.lexsort((in_turn(keys, cohorts.window.pane), row))
        rank = np.empty(len(order), np.int64)
        rank[order] = np.arange(len(order)) - members.indptr[row[order]]
        members.data[rank >= MOST_NAMED] = 0.0
        members.eliminate_zeros()
    return members


def _notes(cohorts: Cohorts, shown: NDArray[np.intp]) -> list[str]:
    notes = [""] * len(cohorts)
    listed = (Kind.TEMPLATE, Kind.MODEL, Kind.BLOCK, Kind.PAYMENT)
    tops = {kind: _top_objects(cohorts, kind, shown) for kind in listed}
    told = {o for top in tops.values() for objects in top.values() for o in objects}
    objects = np.array(sorted(told | set(cohorts.object[shown].tolist()) - {-1}), np.int64)
    texts = cohorts.window.population.object_texts(objects)
    name = {-1: "", **dict(zip(objects.tolist(), texts, strict=True))}
    for i in shown.tolist():
        note = CohortNote(
            name=name[int(cohorts.object[i])],
            templates=[name[o] for o in tops[Kind.TEMPLATE][i]],
            models=[name[o] for o in tops[Kind.MODEL][i]],
            blocks=[name[o] for o in tops[Kind.BLOCK][i]],
            payments=[name[o] for o in tops[Kind.PAYMENT][i]],
        )
        notes[i] = msgspec.json.encode(note).decode()
    return notes


def _top_objects(cohorts: Cohorts, kind: Kind, shown: NDArray[np.intp]) -> dict[int, list[int]]:
    """Per shown cohort the objects with most requests of its members, most first."""
    usage = cohorts.window.usage(kind)
    hashes = cohorts.window.population.objects["hash"]
    row, column, _, amounts = common(cohorts.members[shown], usage.matrix)
    tops: dict[int, list[int]] = {}
    starts = np.searchsorted(row, np.arange(len(shown) + 1))
    for number, i in enumerate(shown.tolist()):
        used = column[starts[number] : starts[number + 1]]
        objects, requests = usage.objects[used], amounts[starts[number] : starts[number + 1]]
        if kind == Kind.MODEL:
            worth = requests >= 0.02 * requests.sum()
            objects, requests = objects[worth], requests[worth]
        if kind == Kind.PAYMENT:
            several = usage.degree[used] >= 2
            objects, requests = objects[several], requests[several]
        order = np.lexsort((hashes[objects], -requests))[: MOST[kind]]
        tops[i] = objects[order].tolist()
    return tops
