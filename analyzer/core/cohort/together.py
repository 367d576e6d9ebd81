"""What the members of each cohort do together on the objects of one kind, in one pass.

The long window has a million entries (cohort, object), and a dozen signals ask for a figure of
each. So the entries of one cohort at a time are gathered into a room
that stays in the processor's cache, and all figures are taken there; nothing else is written.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from analyzer.core.cohort.window import Usage
from analyzer.core.kernels.common_use import gather
from analyzer.core.kernels.divergence import nats_over
from analyzer.core.kernels.jit import compiled

I32 = NDArray[np.int32]
I64 = NDArray[np.int64]
F64 = NDArray[np.float64]
Bool = NDArray[np.bool_]

FEW = 64
"""Requests on an object below which their share of the entropy is worked out once a cohort: most
objects get as few."""
INSIDE_USERS, INSIDE_SHARE = 3, 0.6
"""An object lives inside a cohort if so many organisations use it and such a share are members."""


@dataclass(frozen=True, slots=True)
class Together:
    """Figures of each cohort on the objects of one kind; arrays of shape (cohorts,)."""

    requests: F64
    """Of the members on all objects."""
    top: F64
    """Those on the object with most."""
    excess: F64
    """Nats by which members meet beyond chance, see :func:`together`."""
    inside: F64
    """Requests on objects that live inside the cohort, but the defining one."""
    inside_besides_top: F64
    """The same without the object with most requests: one common place, such as a campus, must
    not look like private infrastructure."""
    fresh: F64
    """Requests on fresh objects that neither define the cohort nor have most requests."""
    effective: F64
    """eᴴ, H the entropy of the requests over objects (Hill, 1973); NaN where there are none."""


def together(members: sp.csr_matrix, usage: Usage, own: I64, fresh: Bool) -> Together:
    """All figures of all cohorts.

    The excess is a log-likelihood ratio over a degree-corrected Poisson null. For each object: x
    members on it against μ = K · df / D, K the members' degrees together, df the object's degree,
    D all degrees; the sum of x ln(x/μ) − x + μ over objects with x ≥ 2 and x > μ. The defining
    object is left out; where it is of another kind, the one that says most is.

    Reference: Karrer & Newman (2011), degree-corrected block models.

    Parameters
    ----------
    members
        Shape (cohorts, organisations), a cell for each member.
    own
        Shape (cohorts,), the object that defines each; below 0 if it is of another kind.
    fresh
        Shape (objects,).
    """
    matrix = usage.matrix
    found = np.zeros((7, members.shape[0]))
    cells = (members.indptr, members.indices), (matrix.indptr, matrix.indices, matrix.data)
    _together(*cells, (own, usage.degree, fresh), _room(len(usage.objects)), found)
    return Together(*found)


def divergence(members: sp.csr_matrix, usage: Usage, base: F64) -> tuple[F64, F64]:
    """Greatest divergence of one object's share of members from ``base``, and who counts.

    The divergence is that of Kullback and Leibler, in nats, of a share against the object's
    ``base``; only members that have an object of the kind count.

    Returns
    -------
    Two arrays of shape (cohorts,).
    """
    matrix = usage.matrix
    found = np.zeros((2, members.shape[0]))
    cells = (members.indptr, members.indices), (matrix.indptr, matrix.indices, matrix.data)
    _divergence(*cells, base, _room(len(usage.objects)), found)
    return found[0], found[1]


def _room(n: int) -> tuple[F64, I32]:
    """Room for the users and requests of each object, and for the objects of one cohort."""
    return np.zeros((n, 2)), np.empty(n + 1, np.int32)


@compiled
def _together(
    members: tuple[I32, I32],
    usage: tuple[I32, I32, F64],
    objects: tuple[I64, F64, Bool],
    room: tuple[F64, I32],
    found: F64,
) -> None:
    (starts, orgs), (first, _, _) = members, usage
    (own, degree, fresh), (so_far, column) = objects, room
    pairs = max(1.0, float(first[-1]))
    nats_of, told_in = np.zeros(FEW), np.full(FEW, -1)
    for cohort in range(len(own)):
        begin, end = starts[cohort], starts[cohort + 1]
        count = gather((orgs, begin, end), usage, so_far, column, 0)
        degrees, total, top = 0.0, 0.0, 0.0
        for member in range(begin, end):
            degrees += first[orgs[member] + 1] - first[orgs[member]]
        for i in range(count):
            amount = so_far[column[i], 1]
            total += amount
            top = max(top, amount)
        gain, most, has_own = 0.0, 0.0, False
        inside, besides_top, new, entropy = 0.0, 0.0, 0.0, 0.0
        for i in range(count):
            thing = column[i]
            users, amount = so_far[thing, 0], so_far[thing, 1]
            so_far[thing, 0], so_far[thing, 1] = 0.0, 0.0
            at = min(int(amount), FEW - 1)
            if at == FEW - 1 or told_in[at] != cohort:
                share = amount / max(total, 1.0)
                nats_of[at], told_in[at] = -share * np.log(max(share, 1e-12)), cohort
            entropy += nats_of[at]
            if thing == own[cohort]:
                has_own = True
                continue
            if fresh[thing] and amount < top:
                new += amount
            if users < 2:  # nobody meets there, and one of three users or more is no majority
                continue
            mu = degrees * degree[thing] / pairs
            if users > mu:
                more = users * np.log(users / max(mu, 1e-12)) - users + mu
                gain += more
                most = max(most, more)
            if degree[thing] >= INSIDE_USERS and users >= INSIDE_SHARE * degree[thing]:
                inside += amount
                if amount < top:
                    besides_top += amount
        found[0, cohort], found[1, cohort] = total, top
        found[2, cohort] = gain if has_own else gain - most
        found[3, cohort], found[4, cohort], found[5, cohort] = inside, besides_top, new
        found[6, cohort] = np.exp(entropy) if total > 0 else np.nan


@compiled
def _divergence(
    members: tuple[I32, I32],
    usage: tuple[I32, I32, F64],
    base: F64,
    room: tuple[F64, I32],
    found: F64,
) -> None:
    (starts, orgs), (first, _, _), (so_far, column) = members, usage, room
    for cohort in range(found.shape[1]):
        begin, end = starts[cohort], starts[cohort + 1]
        count = gather((orgs, begin, end), usage, so_far, column, 0)
        n, greatest = 0.0, 0.0
        for member in range(begin, end):
            n += first[orgs[member] + 1] > first[orgs[member]]
        for i in range(count):
            thing = column[i]
            nats = nats_over(so_far[thing, 0] / max(n, 1.0), base[thing])
            so_far[thing, 0], so_far[thing, 1] = 0.0, 0.0
            greatest = max(greatest, nats)
        found[0, cohort], found[1, cohort] = greatest, n
