"""Groups that a graph of pairs joins: organisations that share several rare objects.

A campaign whose templates, blocks and cards are each used by a few of its accounts has no
single object that defines a cohort. Two organisations are joined where what they share is
worth enough; groups are what holds together through common neighbours.
"""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.sparse.csgraph import connected_components

from analyzer.core.cohort.window import Window
from analyzer.core.contracts.object_kind import Kind
from analyzer.core.kernels.jit import compiled
from analyzer.core.kernels.sparse import incidence, transposed

I32 = NDArray[np.int32]
I64 = NDArray[np.int64]
F64 = NDArray[np.float64]
Bool = NDArray[np.bool_]

SHARED_KINDS = (Kind.TEMPLATE, Kind.PAYMENT, Kind.BLOCK)
MOST_USERS = 60
"""An object with more users than this joins nobody: hubs chain what has nothing in common."""
MOST_PAIRS = 4_000_000
"""Pairs looked at in one window; objects beyond that, the most used first, are left out."""
EDGE_NATS = 10.0
MOST_NATS = (np.inf, np.inf, 5.0)
"""Most that the objects of each kind add; of blocks, neighbours share several without knowing
each other."""
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
    n = len(window.orgs)
    one, other = _joined(window)
    joined = _both_ways(one, other, n)
    held = np.empty(len(one), np.bool_)
    _hold((one, other), (joined.indptr, joined.indices), np.full(n, -1), held)
    return _groups(_both_ways(one[held], other[held], n), least, largest)


def _joined(window: Window) -> tuple[I32, I32]:
    """Pairs of organisations that share enough, each once, by the first of them."""
    usage = [window.usage(kind) for kind in SHARED_KINDS]
    rare = [_rare(of_kind.degree) for of_kind in usage]
    number_of, kind = [], np.repeat(np.arange(len(rare)), [len(columns) for columns in rare])
    for number, columns in enumerate(rare):
        number_of.append(np.full(len(usage[number].objects), -1, np.int32))
        number_of[-1][columns] = np.flatnonzero(kind == number)
    cells = tuple((of_kind.matrix.indptr, of_kind.matrix.indices) for of_kind in usage)
    starts, things, degree = _rare_use(cells, tuple(number_of))
    use, users = (starts, things), transposed(starts, things, len(kind))
    most = int((np.diff(users[0]).astype(np.int64) ** 2).sum()) // 2
    one, other = np.empty(most, np.int32), np.empty(most, np.int32)
    worth = np.log(max(2, window.n_active) / np.diff(users[0]))
    count = _edges(use, users, (kind, worth, np.array(MOST_NATS)), _penalty(degree), (one, other))
    return one[:count], other[:count]


def _both_ways(one: I32, other: I32, n: int) -> sp.csr_matrix:
    """1 for each of the pairs, shape (n, n), symmetric."""
    starts, ends = np.concatenate([one, other]), np.concatenate([other, one])
    return incidence(starts, ends, np.ones(len(starts)), (n, n))


@compiled
def _hold(pairs: tuple[I32, I32], joined: tuple[I32, I32], near: I64, held: Bool) -> None:
    """Whether each pair has enough neighbours in common.

    Parameters
    ----------
    joined
        Starts and neighbours of each organisation.
    near
        Shape (organisations,), all −1.
    """
    (one, other), (starts, neighbours) = pairs, joined
    for pair in range(len(held)):
        if pair == 0 or one[pair] != one[pair - 1]:
            for cell in range(starts[one[pair]], starts[one[pair] + 1]):
                near[neighbours[cell]] = one[pair]
        count = 0
        for cell in range(starts[other[pair]], starts[other[pair] + 1]):
            count += near[neighbours[cell]] == one[pair]
        held[pair] = count >= COMMON_NEIGHBOURS


@compiled
def _rare_use(
    cells: tuple[tuple[I32, I32], ...], number_of: tuple[I32, ...]
) -> tuple[I32, I32, I64]:
    """Rare objects of each organisation, of all kinds: their starts, and their numbers.

    Also how many of them are of each kind, shape (kinds, organisations).

    Parameters
    ----------
    cells
        For each kind, starts and objects of each organisation.
    number_of
        For each kind, the number of each object, below 0 if it is not rare.
    """
    orgs = len(cells[0][0]) - 1
    starts, degree, room = np.zeros(orgs + 1, np.int32), np.zeros((len(cells), orgs), np.int64), 0
    for of_kind in cells:
        room += len(of_kind[1])
    things, count = np.empty(room, np.int32), 0
    for org in range(orgs):
        for kind in range(len(cells)):
            first, objects = cells[kind]
            for cell in range(first[org], first[org + 1]):
                number = number_of[kind][objects[cell]]
                if number >= 0:
                    things[count] = number
                    degree[kind, org] += 1
                    count += 1
        starts[org + 1] = count
    return starts, things[:count], degree


def _penalty(degree: I64) -> F64:
    """What a use counts less where an organisation uses many, in nats; shape as of ``degree``."""
    used = np.maximum((degree > 0).sum(axis=1), 1)
    usual = np.maximum(degree.sum(axis=1) / used, 1.0)
    return np.asarray(0.5 * np.log(np.maximum(degree / usual[:, None], 1.0)))


@compiled
def _edges(
    use: tuple[I32, I32],
    users: tuple[I32, I32],
    objects: tuple[I64, F64, F64],
    penalty: F64,
    found: tuple[I32, I32],
) -> int:
    """Fill the pairs that are joined, each once; how many there are.

    Parameters
    ----------
    use, users
        Starts and objects of each organisation; starts and organisations of each object.
    objects
        Kind and worth of each object; most nats of each kind.
    penalty
        Shape (kinds, organisations).
    """
    kind, worth, limit = objects
    shape = penalty.shape
    nats, shared = np.zeros(shape), np.zeros(shape[1], np.int64)
    touched = np.empty(shape[1], np.int64)
    after = users[0].copy()
    """Where the users of each object begin that come after the organisation at hand."""
    count = 0
    for one in range(shape[1]):
        n = 0
        for cell in range(use[0][one], use[0][one + 1]):
            thing = use[1][cell]
            k = kind[thing]
            after[thing] += 1
            for user in range(after[thing], users[0][thing + 1]):
                other = users[1][user]
                if not shared[other]:
                    touched[n] = other
                    n += 1
                shared[other] += 1
                nats[k, other] += worth[thing] - penalty[k, one] - penalty[k, other]
        for other in touched[:n]:
            total = 0.0
            for k in range(shape[0]):
                total += min(max(nats[k, other], 0.0), limit[k])
                nats[k, other] = 0.0
            if shared[other] >= SHARED_OBJECTS and total >= EDGE_NATS:
                found[0][count], found[1][count] = one, other
                count += 1
            shared[other] = 0
    return count


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
