"""Groups that a graph of pairs joins: organisations that share several rare objects.

A campaign whose templates, blocks and cards are each used by a few of its accounts has no
single object that defines a cohort. Two organisations are joined where what they share is
worth enough; groups are what holds together through common neighbours.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.sparse.csgraph import connected_components

from analyzer.core.tables import Kind

if TYPE_CHECKING:
    from analyzer.core.cohorts import Usage, Window

F64 = NDArray[np.float64]

SHARED_KINDS = (Kind.TEMPLATE, Kind.PAYMENT, Kind.BLOCK)
MOST_USERS = 60
"""An object with more users than this joins nobody: hubs chain what has nothing in common."""
MOST_PAIRS = 4_000_000
"""Pairs looked at in one window; objects beyond that, the most used first, are left out."""
EDGE_NATS = 10.0
BLOCK_NATS = 5.0
"""Most that common address blocks add: neighbours share several without knowing each other."""
COMMON_NEIGHBOURS = 2
SHARED_OBJECTS = 2


def linked_groups(window: Window, least: int, largest: float) -> sp.csr_matrix:
    """Groups of organisations, shape (groups, organisations), 1 where one belongs to the group.

    Two organisations i, j are joined if they share at least two objects that are together
    worth 10 nats: each ln(N / users) − ½ ln⁺(kᵢ/k̄) − ½ ln⁺(kⱼ/k̄), with k the organisation's
    number of such objects and k̄ its mean (whoever uses many shares some by chance), and if they
    have two joined neighbours in common, so that one chance pair chains nothing.

    Reference: Pacheco et al. (2021), Uncovering coordinated networks on social media;
    Robertson (2004), Understanding inverse document frequency.
    """
    n = len(window.totals)
    worth = sp.csr_matrix((n, n))
    shared = sp.csr_matrix((n, n))
    for kind in SHARED_KINDS:
        nats, objects = _pairs(window.usage(kind), max(2, window.n_active))
        if kind == Kind.BLOCK:
            nats.data = np.minimum(nats.data, BLOCK_NATS)
        worth, shared = worth + nats, shared + objects
    joined = (worth >= EDGE_NATS).multiply(shared >= SHARED_OBJECTS).astype(np.float64).tocsr()
    joined.setdiag(0)
    joined.eliminate_zeros()
    held = (joined @ joined).multiply(joined) >= COMMON_NEIGHBOURS
    return _groups(held, least, largest)


def _pairs(usage: Usage, n_active: int) -> tuple[sp.csr_matrix, sp.csr_matrix]:
    """Worth in nats and number of the objects of one kind that each pair shares."""
    used = usage.binary[:, _rare(usage.degree)]
    users = np.asarray(used.sum(axis=0)).ravel()
    degree = np.asarray(used.sum(axis=1)).ravel()
    usual = degree[degree > 0].mean() if used.nnz else 1.0
    penalty = 0.5 * np.log(np.maximum(degree / usual, 1.0))
    objects = (used @ used.T).tocsr()
    nats = (used @ sp.diags(np.log(n_active / np.maximum(users, 1.0))) @ used.T).tocsr()
    nats = nats - (sp.diags(penalty) @ objects + objects @ sp.diags(penalty))
    nats.data = np.maximum(nats.data, 0.0)
    return nats.tocsr(), objects


def _rare(users: F64) -> NDArray[np.intp]:
    """Objects shared by few, rarest first, as far as the budget of pairs goes."""
    rare = np.flatnonzero((users >= 2) & (users <= MOST_USERS))
    rare = rare[np.argsort(users[rare], kind="stable")]
    return np.sort(rare[: np.searchsorted(np.cumsum(users[rare] ** 2), MOST_PAIRS, side="right")])


def _groups(held: sp.csr_matrix, least: int, largest: float) -> sp.csr_matrix:
    _, label = connected_components(held, directed=False)
    size = np.bincount(label)
    wanted = np.flatnonzero((size >= least) & (size <= largest))
    row = np.full(len(size), -1)
    row[wanted] = np.arange(len(wanted))
    member = np.flatnonzero(row[label] >= 0)
    cells = (np.ones(len(member)), (row[label[member]], member))
    return sp.csr_matrix(cells, shape=(len(wanted), len(label)))
