"""Profiles of groups: the objects that their members use far more often than chance would.

A group's profile gives every object that its members use far more often than organisations
in no campaign would, at the same volume. All groups are weighed in one pass over what their
members use, kind by kind; compared they are in :mod:`.likeness`.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from analyzer.core.cohort.window import Window
from analyzer.core.contracts.object_kind import Kind
from analyzer.core.kernels.common_use import most_entries
from analyzer.core.kernels.jit import borrowing, compiled
from analyzer.core.kernels.matrix_sums import row_shares, row_totals

F64 = NDArray[np.float64]
I32 = NDArray[np.int32]
I64 = NDArray[np.int64]
Bool = NDArray[np.bool_]
Cells = tuple[I32, I32, F64]
"""Starts of rows, columns and values of a sparse matrix."""

HUB = 0.02
HUB_USERS = 20
"""Share and number of the innocent from which an object is popular: it joins nobody. Where few
organisations are active, the part of an operation that is not found yet is such a share."""
TIMES = math.log(5)
"""An object belongs to a profile from five times the null on."""
LEAST = 1e-12


class Profile(NamedTuple):
    """Profiles of several groups over the objects of one kind.

    Columns are the objects that tell something of at least one group; there is one entry per
    (group, column used by members), those of one group after the other.
    """

    cells: Cells
    """Share of each organisation's requests, shape (organisations, objects)."""
    column_of: I32
    """Shape (objects,): column of each object, −1 if it tells nothing."""
    innocent: F64
    """q, shape (columns,): share of the innocent that use the object, one half added."""
    usual: F64
    """φ, shape (columns,): mean over the innocent of the share of their requests on it."""
    starts: I64
    """Shape (groups + 1,), where the entries of each group start, and the last of them stop."""
    column: I32
    """Shape (entries,)."""
    users: F64
    """Shape (entries,): members that use the object."""
    share: F64
    """Shape (entries,): members' shares of requests on it, added up."""
    value: F64
    """v, shape (entries,): nats beyond five times the null; 0 where it tells nothing."""
    told: Bool
    """Shape (entries,): objects by which the group may be recognised (S of kinship)."""
    inside: Bool
    """Shape (entries,): objects that tell something and that no more innocent organisations
    outside of the group use than members."""
    mass: F64
    """Shape (groups,): mean share of a member's requests on objects of the group's profile."""
    rest: F64
    """Shape (groups,): the same without the defining object."""
    within: F64
    """Shape (groups,): how often requests of two members meet there, weighted."""
    room: I32
    """Shape (2, columns): room for the entries of two groups, each in its column; else −1."""


class Background(NamedTuple):
    """How organisations in no campaign use the objects of one kind in a window."""

    cells: Cells
    """Share of each organisation's requests, shape (organisations, objects)."""
    users: F64
    """Shape (objects,): innocent users."""
    innocent: F64
    """q, shape (objects,): share of the innocent that use the object, one half added."""
    usual: F64
    """φ, shape (objects,): mean over the innocent of the share of their requests on it."""

    @classmethod
    def of(cls, window: Window, kind: Kind, innocent: Bool) -> Background:
        """The background of a window, given who is in no campaign; shape (organisations,)."""
        matrix = window.usage(kind).matrix
        totals = row_totals(matrix.indptr, matrix.data)
        shares = row_shares(matrix.indptr, matrix.data, totals)
        cells = matrix.indptr, matrix.indices, shares
        count, weight = np.zeros((2, matrix.shape[1]))
        _add_up(cells, innocent, count, weight)
        n = int(innocent.sum())
        return cls(cells, count, (count + 0.5) / (n + 1), weight / max(n, 1))


@compiled
def _add_up(cells: Cells, counted: Bool, count: F64, weight: F64) -> None:
    """Users of each object and their shares, over the rows that are counted."""
    starts, objects, shares = cells
    for org in range(len(starts) - 1):
        if counted[org]:
            for cell in range(starts[org], starts[org + 1]):
                count[objects[cell]] += 1.0
                weight[objects[cell]] += shares[cell]


@borrowing
def null(innocent: float, usual: float, intensity: float) -> float:
    """Chance that an innocent uses an object as the members of a group do.

    max(q, 1 − e^(−φ/σ)), with σ the share of a using member's requests that goes there: the
    share of the innocent that use it at all, or that would if what they send there came in
    doses like the members', whichever is more. Whoever sends much comes by everything once,
    and that says nothing; a few who live on it as the members do are few.

    Reference: Karrer & Newman (2011), degree-corrected block models.
    """
    return float(max(innocent, -np.expm1(-usual / intensity)))


def profiles(
    window: Window, kind: Kind, innocent: Bool, of_groups: tuple[sp.csr_matrix, I32]
) -> Profile:
    """Profiles of groups over the objects of one kind.

    Parameters
    ----------
    innocent
        Shape (organisations,): who is in no campaign.
    of_groups
        Their members, shape (groups, organisations), rows of at least one; and row of the object
        that defines each in the object table, −1 if none does: it is left out of its profile.
    """
    members, own = of_groups
    usage, background = window.usage(kind), Background.of(window, kind, innocent)
    groups, objects = members.shape[0], usage.matrix.shape[1]
    room = most_entries(members, usage.matrix)
    entries = Entries(
        np.zeros(groups + 1, np.int64),
        np.empty(room, np.int32),
        np.empty((3, room)),
        np.empty((2, room), np.bool_),
    )
    masses, tells = np.zeros((3, groups)), np.zeros(objects, np.bool_)
    of_members = members.indptr, members.indices, innocent
    of_kind = usage.column_of(own), kind == Kind.BLOCK
    _weigh(of_members, background, of_kind, np.zeros((objects, 4)), (entries, masses, tells))
    column_of = np.full(objects, -1, np.int32)
    telling = np.flatnonzero(tells)
    column_of[telling] = np.arange(len(telling))
    count = _keep(entries, column_of)
    return Profile(
        cells=background.cells,
        column_of=column_of,
        innocent=background.innocent[telling],
        usual=background.usual[telling],
        starts=entries.starts,
        column=entries.column[:count],
        users=entries.numbers[0, :count],
        share=entries.numbers[1, :count],
        value=entries.numbers[2, :count],
        told=entries.flags[0, :count],
        inside=entries.flags[1, :count],
        mass=masses[0],
        rest=masses[1],
        within=masses[2],
        room=np.full((2, len(telling)), -1, np.int32),
    )


class Entries(NamedTuple):
    """What the members of each group use, one entry per (group, object used by members)."""

    starts: I64
    """Shape (groups + 1,), where the entries of each group start, and the last of them stop."""
    column: I32
    numbers: F64
    """Members that use the object, their shares of requests on it, and what it tells in nats."""
    flags: Bool
    """Whether the group may be recognised by it, and whether it tells something and lives inside
    of the group."""


@compiled
def _weigh(
    members: tuple[I32, I32, Bool],
    background: Background,
    of_kind: tuple[I64, bool],
    so_far: F64,
    found: tuple[Entries, F64, Bool],
) -> None:
    """Fill the entries; mass, rest and within of each group; and which objects tell something.

    Parameters
    ----------
    members
        Starts and members of the groups; which organisations are innocent.
    of_kind
        Object that defines each group, below 0 for none; and whether only what lives inside of a
        group tells something: neighbours on a public block know nothing of one another.
    so_far
        Shape (objects, 4): users, their shares, the squares of these, and innocent users; all 0
        before and after.
    """
    (begins, orgs, innocent), (entries, masses, tells) = members, found
    (own, inside_only), (first, objects, shares) = of_kind, background.cells
    starts, column, numbers, flags = entries
    end = 0
    for group in range(len(own)):
        begin = end
        for member in range(begins[group], begins[group + 1]):
            org = orgs[member]
            for cell in range(first[org], first[org + 1]):
                thing = objects[cell]
                if so_far[thing, 0] == 0.0:
                    column[end] = thing
                    end += 1
                so_far[thing, 0] += 1.0
                so_far[thing, 1] += shares[cell]
                so_far[thing, 2] += shares[cell] ** 2
                so_far[thing, 3] += innocent[org]
        starts[group + 1] = end
        n = float(begins[group + 1] - begins[group])
        total = 0.0
        for at in range(begin, end):
            thing = column[at]
            users, share = so_far[thing, 0], so_far[thing, 1]
            squares, free = so_far[thing, 2], so_far[thing, 3]
            so_far[thing, :] = 0.0
            total += share
            is_own = thing == own[group]
            others = background.users[thing] - free
            popular = background.innocent[thing] >= HUB and background.users[thing] >= HUB_USERS
            inside, value = users >= others, 0.0
            if users >= 2 and (inside or not (popular or inside_only)):
                chance = null(background.innocent[thing], background.usual[thing], share / users)
                value = max(np.log(users / n / max(chance, LEAST)) - TIMES, 0.0)
            if value > 0 and users >= max(3.0, n / 50):
                masses[0, group] += share
                if not is_own:
                    masses[1, group] += share
            if is_own:
                value = 0.0
            masses[2, group] += max(share**2 - squares, 0.0) * value
            numbers[0, at], numbers[1, at], numbers[2, at] = users, share, value
            flags[0, at] = value > 0 and users >= max(2.0, n / 50)
            flags[1, at] = value > 0 and inside
            tells[thing] |= value > 0
        masses[0, group] /= max(total, 1.0)
        masses[1, group] /= max(total, 1.0)
        masses[2, group] /= max(n * (n - 1), 1.0)


@compiled
def _keep(entries: Entries, column_of: I32) -> int:
    """Leave the entries of telling objects, each with its column; how many there are."""
    starts, objects, numbers, flags = entries
    count, begin = 0, 0
    for group in range(len(starts) - 1):
        end = starts[group + 1]
        for at in range(begin, end):
            column = column_of[objects[at]]
            if column >= 0:
                objects[count] = column
                for which in range(len(numbers)):
                    numbers[which, count] = numbers[which, at]
                for which in range(len(flags)):
                    flags[which, count] = flags[which, at]
                count += 1
        begin, starts[group + 1] = end, count
    return count


@borrowing
def enter(profile: Profile, group: int, side: int) -> None:
    """Put the entries of a group into one side of the room."""
    for at in range(profile.starts[group], profile.starts[group + 1]):
        profile.room[side, profile.column[at]] = at


@borrowing
def leave(profile: Profile, group: int, side: int) -> None:
    """Take them out again."""
    for at in range(profile.starts[group], profile.starts[group + 1]):
        profile.room[side, profile.column[at]] = -1
