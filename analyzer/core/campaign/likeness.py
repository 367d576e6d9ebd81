"""Are two groups of organisations one operation? Profiles of use, compared against a null.

A group's profile gives every object that its members use far more often than organisations
in no campaign would, at the same volume. Two groups are compared by how often a member of one
meets a member of the other there, against how often two members of the same group do: a
cosine in which no organisation meets itself, so that sparse use lowers nothing, while what
all operations do alike enters squared and vanishes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from analyzer.core.cohort.window import Usage, Window
from analyzer.core.contracts.columns import Kind
from analyzer.core.kernels.common_use import common, users_among
from analyzer.core.kernels.jit import compiled
from analyzer.core.kernels.matrix_sums import row_shares, row_totals
from analyzer.core.kernels.order_statistics import medians

F64 = NDArray[np.float64]
I32 = NDArray[np.int32]
I64 = NDArray[np.int64]
Bool = NDArray[np.bool_]

PROFILED = (Kind.TEMPLATE, Kind.BLOCK, Kind.PAYMENT)
HUB = 0.02
HUB_USERS = 20
"""Share and number of the innocent from which an object is popular: it joins nobody. Where few
organisations are active, the part of an operation that is not found yet is such a share."""
TIMES = math.log(5)
"""An object belongs to a profile from five times the null on."""
MOST_SAID = 9.0
"""No object says more, in nats."""


@dataclass(frozen=True)
class Background:
    """How organisations in no campaign use the objects of one kind in a window."""

    usage: Usage
    count: F64
    """Shape (objects,): innocent users."""
    users: F64
    """q, shape (objects,): share of the innocent that use the object, one half added."""
    share: F64
    """φ, shape (objects,): mean over the innocent of the share of their requests on it."""
    shares: sp.csr_matrix
    """Share of each organisation's requests, shape (organisations, objects)."""

    @classmethod
    def of(cls, window: Window, kind: Kind, innocent: Bool) -> Background:
        """The background of a window, given who is in no campaign; shape (organisations,)."""
        usage = window.usage(kind)
        matrix = usage.matrix
        totals = row_totals(matrix.indptr, matrix.data)
        shares = sp.csr_matrix(
            (row_shares(matrix.indptr, matrix.data, totals), matrix.indices, matrix.indptr),
            shape=matrix.shape,
        )
        cells = matrix.indptr, matrix.indices, shares.data
        count, weight = weigh_backgrounds(cells, innocent, matrix.shape[1])
        n = int(innocent.sum())
        return cls(usage, count, (count + 0.5) / (n + 1), weight / max(n, 1), shares)

    def null(self, objects: NDArray[np.integer], requests: F64) -> F64:
        """Chance that an innocent with so many requests uses the object.

        max(q, 1 − e^(−φ r)): the share that uses it at all, or what a Poisson of this volume
        would show, whichever is more.

        Reference: Karrer & Newman (2011), degree-corrected block models.
        """
        used = -np.expm1(-self.share[objects] * requests)
        return np.asarray(np.maximum(self.users[objects], used))


def weigh_backgrounds(cells: tuple[I32, I32, F64], counted: Bool, n: int) -> tuple[F64, F64]:
    """Users of each of ``n`` objects, and their shares added up, over the rows counted."""
    count, weight = np.zeros(n), np.zeros(n)
    _add_up(cells, counted, count, weight)
    return count, weight


@compiled
def _add_up(cells: tuple[I32, I32, F64], counted: Bool, count: F64, weight: F64) -> None:
    """Users of each object and their shares, over the rows that are counted."""
    starts, objects, shares = cells
    for org in range(len(starts) - 1):
        if counted[org]:
            for cell in range(starts[org], starts[org + 1]):
                count[objects[cell]] += 1.0
                weight[objects[cell]] += shares[cell]


@dataclass(frozen=True)
class Profile:
    """Profiles of several groups over the objects of one kind.

    Columns are the objects that tell something of at least one group.
    """

    background: Background
    column_of: I32
    """Shape (objects,): column of each object, −1 if it tells nothing."""
    users: F64
    """Shape (groups, columns): members that use the object."""
    value: F64
    """v, shape (groups, columns): nats beyond five times the null; 0 where it tells nothing."""
    null: F64
    """Shape (groups, columns)."""
    inside: Bool
    """Shape (groups, columns): objects that tell something and that no more innocent
    organisations outside of the group use than members."""
    told: Bool
    """Shape (groups, columns): objects by which a group may be recognised (S of kinship)."""
    mass: F64
    """Shape (groups,): share of the group's requests on objects of its profile."""
    rest: F64
    """Shape (groups,): the same without the defining object."""
    within: F64
    """Shape (groups,): how often two members meet there, weighted."""

    @cached_property
    def rooted(self) -> F64:
        """Users · √v, shape (groups, columns)."""
        return self.users * np.sqrt(self.value)


class Groups:
    """Groups of organisations in one window, and whether two of them are one operation.

    Parameters
    ----------
    members
        Shape (groups, organisations), 1 for each member; rows of at least one.
    own
        Row of the object that defines each group in the object table, −1 if none does: it is
        left out of the group's profile.
    innocent
        Shape (organisations,): who is in no campaign.
    """

    def __init__(
        self, window: Window, members: sp.csr_matrix, own: NDArray[np.int32], innocent: Bool
    ) -> None:
        self.window, self.members, self.own = window, members, own
        self.size = np.diff(members.indptr).astype(np.float64)
        self.volume = medians(members, window.totals[:, 0].astype(np.float64))
        self._innocent = innocent
        self._profiles: dict[Kind, Profile] = {}
        self._mass: dict[Kind, list[float]] = {}
        self._same: dict[tuple[int, int], float] = {}

    def profile(self, kind: Kind) -> Profile:
        """Profiles over the objects of one kind; made once."""
        if kind not in self._profiles:
            self._profiles[kind] = self._profile(kind)
        return self._profiles[kind]

    def _profile(self, kind: Kind) -> Profile:
        background = Background.of(self.window, kind, self._innocent)
        usage = background.usage
        starts, column, users, requests = common(self.members, usage.matrix, usage.alone)
        row = np.repeat(np.arange(len(self.size)), np.diff(starts))
        n = self.size[row]
        null = background.null(column, self.volume[row])
        popular = (background.users >= HUB) & (background.count >= HUB_USERS)
        rare = (users >= 2) & ~popular[column]
        value = np.where(rare, np.log(users / n / np.maximum(null, 1e-12)) - TIMES, 0.0)
        value = np.maximum(value, 0.0)
        groups = len(self.size)
        entries = starts, column
        free = users_among(self.members, usage.matrix, entries, self._innocent)
        outside = background.count[column] - free
        inside = users >= outside
        if kind == Kind.BLOCK:  # neighbours on a public block know nothing of one another
            value[~inside] = 0.0
        total = np.bincount(row, requests, groups)
        counted = (value > 0) & (users >= np.maximum(3.0, n / 50))
        mass = np.bincount(row, requests * counted, groups) / np.maximum(total, 1.0)
        own = usage.column_of(self.own)[row] == column
        value[own] = 0.0
        rest = np.bincount(row, requests * (counted & ~own), groups) / np.maximum(total, 1.0)
        pairs = np.maximum(self.size * (self.size - 1), 1.0)
        within = np.bincount(row, users * (users - 1) * value, groups) / pairs
        own_inside = inside & (value > 0)
        told = (value > 0) & (users >= np.maximum(2.0, n / 50))
        telling = np.unique(column[value > 0])
        column_of = np.full(usage.matrix.shape[1], -1, np.int32)
        column_of[telling] = np.arange(len(telling))
        kept = column_of[column] >= 0
        place = row[kept], column_of[column[kept]]
        dense = [np.zeros((groups, len(telling))) for _ in range(2)]
        dense[0][place], dense[1][place] = users[kept], value[kept]
        is_told, is_inside = np.zeros((2, groups, len(telling)), np.bool_)
        is_told[place], is_inside[place] = told[kept], own_inside[kept]
        return Profile(
            background=background,
            column_of=column_of,
            users=dense[0],
            value=dense[1],
            null=background.null(telling[None, :], self.volume[:, None]),
            told=is_told,
            inside=is_inside,
            mass=mass,
            rest=rest,
            within=within,
        )

    def mass(self, kind: Kind, group: int) -> float:
        """Share of the group's requests on what hardly anybody else uses."""
        if kind not in self._mass:
            self._mass[kind] = self.profile(kind).mass.tolist()
        return self._mass[kind][group]

    def differs(self, one: int, other: int) -> bool:
        """True if a group has work of its own that the other knows nothing of.

        What defines the group is left out, so that one fragment of an operation does not look
        like another operation.
        """
        if self.profile(Kind.TEMPLATE).rest[one] < WORK_MASS:
            return False
        both = _both(self.members, one, other)
        return self._likeness(Kind.TEMPLATE, one, other, both) < UNLIKE

    def same(self, one: int, other: int) -> float:
        """How surely two groups are one operation: 0 if not, or as far as nothing tells.

        Cards come before work and work before place; unknown is not "same". Two small
        fragments are one if each meets the other's rare objects far more often than chance.
        """
        key = (one, other) if one < other else (other, one)
        if key not in self._same:
            self._same[key] = self._compare(*key)
        return self._same[key]

    def _compare(self, one: int, other: int) -> float:
        both = _both(self.members, one, other)

        def like(kind: Kind) -> float:
            return self._likeness(kind, one, other, both)

        def least(kind: Kind) -> float:
            return min(self.mass(kind, one), self.mass(kind, other))

        if least(Kind.PAYMENT) >= CARD_MASS and (card := like(Kind.PAYMENT)) >= SAME_CARD:
            return card  # other cards say nothing: operators buy many
        place = like(Kind.BLOCK) if least(Kind.BLOCK) >= PLACE_MASS else 0.0
        against = self._apart(one, other, place)
        if least(Kind.TEMPLATE) >= WORK_MASS:
            work = like(Kind.TEMPLATE)
            return work if work >= (SURE_WORK if against else SAME_WORK) else 0.0
        large = min(self.size[one], self.size[other]) >= LARGE
        faint = not against and large and like(Kind.TEMPLATE) < FAINT
        if not against and not faint and self._kin(one, other, both):
            return SAME_WORK
        return place if place >= SAME_PLACE else 0.0

    def _apart(self, one: int, other: int, place: float) -> bool:
        """True if where the groups come from speaks against one operation."""
        less, more = sorted((self.mass(Kind.BLOCK, one), self.mass(Kind.BLOCK, other)))
        if less >= PLACE_MASS:
            return place < APART
        return more >= 2 * PLACE_MASS and less < APART

    def _likeness(self, kind: Kind, one: int, other: int, both: I32) -> float:
        """ρ of two groups, at least 0; 1 is as like as two halves of one group."""
        profile = self.profile(kind)
        within = float(profile.within[one] * profile.within[other])
        pairs = float(self.size[one] * self.size[other]) - len(both)
        if within <= 0 or pairs <= 0:
            return 0.0
        met = float(profile.rooted[one] @ profile.rooted[other])
        if len(both):
            weight = np.sqrt(profile.value[one] * profile.value[other])
            met -= weigh_common(both, _cells(profile), profile.column_of, weight)
        return max(0.0, met / pairs) / math.sqrt(within)

    def _kin(self, one: int, other: int, both: I32) -> bool:
        """True if each group's outsiders meet the other's rare objects far beyond chance."""
        return self._meets(one, other, both) and self._meets(other, one, both)

    def _meets(self, one: int, other: int, both: I32) -> bool:
        """True if members of ``other`` alone use what ``one`` is known by.

        x uses against a Poisson mean μ: E = x ln(x/μ) − x + μ nats, and the rate of meeting at
        least ``KIN_RATE`` of that within ``one``.
        """
        alone = float(self.size[other]) - len(both)
        if alone <= 0:
            return False
        met, mean, inside, objects = 0.0, 0.0, 0.0, 0
        for kind in PROFILED:
            profile = self.profile(kind)
            told = profile.told[one]
            users = profile.users[other] * told
            shared = users.sum()
            if len(both):
                shared -= weigh_common(
                    both, _cells(profile), profile.column_of, told.astype(np.float64)
                )
            met += shared
            mean += alone * float(profile.null[other][told].sum())
            own = profile.users[one][told]
            inside += float((own * (own - 1)).sum())
            objects += int((users > 0).sum())
        pairs = max(1.0, float(self.size[one] * (self.size[one] - 1)))
        if objects < KIN_OBJECTS or met <= mean or inside <= 0:
            return False
        nats = met * math.log(met / max(mean, 1e-12)) - met + mean
        return nats >= KIN_NATS and (met / alone) >= KIN_RATE * inside / pairs


CARD_MASS, WORK_MASS, PLACE_MASS = 0.3, 0.2, 0.3
"""Share of requests from which a profile of each kind can tell."""
SAME_CARD, SAME_WORK, SURE_WORK, SAME_PLACE = 0.3, 0.5, 0.8, 0.5
UNLIKE = 0.2
"""Below this likeness of work, groups that have their own are different operations."""
APART = 0.1
"""Below this likeness of places, place speaks against one operation."""
KIN_NATS, KIN_RATE, KIN_OBJECTS = 10.0, 0.4, 3
LARGE, FAINT = 30, 0.15
"""Groups from this size on must have some work in common to be kin."""


def _cells(profile: Profile) -> tuple[I32, I32]:
    matrix = profile.background.usage.matrix
    return matrix.indptr, matrix.indices


def _both(members: sp.csr_matrix, one: int, other: int) -> I32:
    starts, orgs = members.indptr, members.indices
    return in_both(orgs[starts[one] : starts[one + 1]], orgs[starts[other] : starts[other + 1]])


@compiled
def in_both(first: I32, second: I32) -> I32:
    """Numbers that are in both, rising as they do in each.

    Examples
    --------
    >>> in_both(np.array([1, 4, 6], np.int32), np.array([4, 5, 6], np.int32)).tolist()
    [4, 6]
    """
    found = np.empty(min(len(first), len(second)), np.int32)
    i, j, count = 0, 0, 0
    while i < len(first) and j < len(second):
        if first[i] == second[j]:
            found[count] = first[i]
            count += 1
        step = first[i] <= second[j]
        j += first[i] >= second[j]
        i += step
    return found[:count]


@compiled
def weigh_common(orgs: I32, cells: tuple[I32, I32], column_of: I32, weight: F64) -> float:
    """Sum of the weights of all telling objects that these organisations use."""
    starts, objects = cells
    total = 0.0
    for org in orgs:
        for cell in range(starts[org], starts[org + 1]):
            column = column_of[objects[cell]]
            if column >= 0:
                total += weight[column]
    return total
