"""Are two groups of organisations one operation? Profiles of use, compared against a null.

Two groups are compared by how often a member of one meets a member of the other on objects of
their profiles (:mod:`.profiles`), against how often two members of the same group do: a cosine
in which no organisation meets itself, so that sparse use lowers nothing, while what all
operations do alike enters squared and vanishes. Members meet as often as two requests do,
drawn one from each: whoever sends thousands comes by everything once.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from analyzer.core.campaign.profiles import LEAST, Profile, enter, leave, null, profiles
from analyzer.core.cohort.window import Window
from analyzer.core.contracts.object_kind import Kind
from analyzer.core.kernels.jit import borrowing, calling, compiled
from analyzer.core.kernels.order_statistics import medians

F64 = NDArray[np.float64]
I32 = NDArray[np.int32]
I64 = NDArray[np.int64]
Bool = NDArray[np.bool_]

PROFILED = (Kind.TEMPLATE, Kind.BLOCK, Kind.PAYMENT)
MOST_SAID = 9.0
"""No object says more, in nats."""
CARD_MASS, WORK_MASS, PLACE_MASS = 0.3, 0.2, 0.3
"""Share of requests from which a profile of each kind can tell."""
SAME_CARD, SAME_WORK, SURE_WORK, SAME_PLACE = 0.3, 0.5, 0.8, 0.5
UNLIKE = 0.2
"""Below this likeness of work, groups that have their own are different operations."""
APART = 0.1
"""Below this likeness of places, place speaks against one operation."""
KIN_NATS, KIN_RATE, KIN_OBJECTS = 10.0, 0.4, 3
LARGE, FAINT = 30, 0.15
"""Groups from this size on must have some work in common to be one operation."""


class Sides(NamedTuple):
    """Who is in the groups."""

    starts: I32
    """Shape (groups + 1,), where the members of each group start."""
    orgs: I32
    """Members of all groups, rising in each."""
    size: F64
    """Shape (groups,): members of each."""
    volume: F64
    """Shape (groups,): median requests of a member."""
    room: I32
    """Room for those who are in two groups."""


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

    def __init__(self, window: Window, members: sp.csr_matrix, own: I32, innocent: Bool) -> None:
        self.window, self.members, self.own = window, members, own
        self.size = np.diff(members.indptr).astype(np.float64)
        room = np.empty(int(self.size.max(initial=0.0)), np.int32)
        volume = medians(members, window.totals[:, 0].astype(np.float64))
        self.sides = Sides(members.indptr, members.indices, self.size, volume, room)
        self._innocent = innocent
        self._profiles: dict[Kind, Profile] = {}
        self._same = np.full((len(self.size), len(self.size)), np.nan)

    def profile(self, kind: Kind) -> Profile:
        """Profiles over the objects of one kind; made once."""
        if kind not in self._profiles:
            of_groups = self.members, self.own
            self._profiles[kind] = profiles(self.window, kind, self._innocent, of_groups)
        return self._profiles[kind]

    def mass(self, kind: Kind, group: int) -> float:
        """Share of the group's requests on what hardly anybody else uses."""
        return float(self.profile(kind).mass[group])

    def likeness(self, kind: Kind, one: int, other: int) -> float:
        """ρ of two groups, at least 0; 1 is as like as two halves of one group."""
        return likeness_of(self.sides, self.profile(kind), one, other)

    def differs(self, one: int, other: int) -> bool:
        """True if a group has work of its own that the other knows nothing of.

        What defines the group is left out, so that one fragment of an operation does not look
        like another operation.
        """
        if self.profile(Kind.TEMPLATE).rest[one] < WORK_MASS:
            return False
        return self.likeness(Kind.TEMPLATE, one, other) < UNLIKE

    def same(self, one: int, other: int) -> float:
        """How surely two groups are one operation: 0 if not, or as far as nothing tells.

        Cards come before work and work before place; unknown is not "same". Two small
        fragments are one if each meets the other's rare objects far more often than chance.
        """
        if np.isnan(self._same[one, other]):
            self.compare([one], [other])
        return float(self._same[one, other])

    def compare(self, ones: Iterable[int], others: Iterable[int]) -> None:
        """Compare each of these with each of those at once, for :meth:`same` to tell."""
        first, second = (np.array(list(rows), np.int64) for rows in (ones, others))
        kinds = tuple(self.profile(kind) for kind in PROFILED)
        _compare_all(self.sides, kinds, first, second, self._same)


@compiled
def _compare_all(
    sides: Sides, kinds: tuple[Profile, ...], ones: I64, others: I64, found: F64
) -> None:
    """Fill how surely any two different groups are one, both ways, where it is not known."""
    for one in ones:
        for other in others:
            if one != other and np.isnan(found[one, other]):
                found[one, other] = _same(sides, kinds, min(one, other), max(one, other))
                found[other, one] = found[one, other]


@calling
def _same(sides: Sides, kinds: tuple[Profile, ...], one: int, other: int) -> float:
    """As :meth:`Groups.same`, of two groups."""
    works, places, cards = kinds
    if _least(cards, one, other) >= CARD_MASS:
        card = likeness_of(sides, cards, one, other)
        if card >= SAME_CARD:
            return card  # other cards say nothing: operators buy many
    place = 0.0
    if _least(places, one, other) >= PLACE_MASS:
        place = likeness_of(sides, places, one, other)
    against = apart(sides, places, one, other, place)
    large = min(sides.size[one], sides.size[other]) >= LARGE
    working = _least(works, one, other) >= WORK_MASS
    if working or large:
        work = likeness_of(sides, works, one, other)
        if working and work >= (SURE_WORK if against else SAME_WORK):
            return work
        # In between, a small one may be known by what it was found on.
        if (working and (work < UNLIKE or large)) or work < FAINT:
            return 0.0
    small = not (against or large)
    if small and _meets(sides, kinds, one, other) and _meets(sides, kinds, other, one):
        return SAME_WORK
    return place if place >= SAME_PLACE and not working else 0.0


@borrowing
def _least(profile: Profile, one: int, other: int) -> float:
    return float(min(profile.mass[one], profile.mass[other]))


@borrowing
def apart(sides: Sides, places: Profile, one: int, other: int, place: float) -> bool:
    """True if where the groups come from speaks against one operation.

    A few members on many blocks may have none in common yet, and come from where the other
    group lives nevertheless.

    Parameters
    ----------
    place
        Likeness of their places.
    """
    less, more = (one, other) if places.mass[one] <= places.mass[other] else (other, one)
    if places.mass[less] >= PLACE_MASS:
        return bool(place < APART)
    there = 0.0
    enter(places, more, 0)
    for at in range(places.starts[less], places.starts[less + 1]):
        of_more = places.room[0, places.column[at]]
        if of_more >= 0 and places.value[of_more] > 0:
            there += places.share[at]
    leave(places, more, 0)
    far = there / sides.size[less] < APART
    return bool(far and places.mass[more] >= 2 * PLACE_MASS)


@borrowing
def _both(sides: Sides, one: int, other: int) -> int:
    """Fill the room with those who are in both groups; how many there are."""
    i, j, stop, end = sides.starts[one], sides.starts[other], sides.starts[one + 1], 0
    while i < stop and j < sides.starts[other + 1]:
        first, second = sides.orgs[i], sides.orgs[j]
        if first == second:
            sides.room[end] = first
            end += 1
        i += first <= second
        j += first >= second
    return end


@calling
def likeness_of(sides: Sides, profile: Profile, one: int, other: int) -> float:
    """As :meth:`Groups.likeness`, over the objects of these profiles."""
    met, both, (first, objects, shares) = 0.0, _both(sides, one, other), profile.cells
    within = profile.within[one] * profile.within[other]
    pairs = sides.size[one] * sides.size[other] - both
    if within <= 0 or pairs <= 0:
        return 0.0
    enter(profile, one, 0)
    enter(profile, other, 1)
    for at in range(profile.starts[other], profile.starts[other + 1]):
        of_one = profile.room[0, profile.column[at]]
        if of_one >= 0:
            root = np.sqrt(profile.value[of_one] * profile.value[at])
            met += profile.share[of_one] * profile.share[at] * root
    for member in range(both):
        org = sides.room[member]
        for cell in range(first[org], first[org + 1]):
            column = profile.column_of[objects[cell]]
            if column >= 0:  # nobody meets itself
                values = (
                    profile.value[profile.room[0, column]],
                    profile.value[profile.room[1, column]],
                )
                met -= shares[cell] ** 2 * np.sqrt(values[0] * values[1])
    leave(profile, one, 0)
    leave(profile, other, 1)
    return float(max(0.0, met / pairs) / np.sqrt(within))


@calling
def _meets(sides: Sides, kinds: tuple[Profile, ...], one: int, other: int) -> bool:
    """True if members of ``other`` alone use what ``one`` is known by far beyond chance.

    x uses against a Poisson mean μ: E = x ln(x/μ) − x + μ nats, and the rate of meeting at
    least ``KIN_RATE`` of that within ``one``.
    """
    both = _both(sides, one, other)
    alone = sides.size[other] - both
    if alone <= 0:
        return False
    met, mean, inside, known = 0.0, 0.0, 0.0, 0
    for profile in kinds:
        first, objects, _ = profile.cells
        enter(profile, one, 0)
        enter(profile, other, 1)
        for at in range(profile.starts[one], profile.starts[one + 1]):
            if profile.told[at]:
                column, own = profile.column[at], profile.users[at]
                users, dose = 0.0, 1.0 / max(sides.volume[other], 1.0)
                if profile.room[1, column] >= 0:
                    users = profile.users[profile.room[1, column]]
                    dose = profile.share[profile.room[1, column]] / users
                met += users
                mean += alone * null(profile.innocent[column], profile.usual[column], dose)
                inside += own * (own - 1)
                known += users > 0
        for member in range(both):
            org = sides.room[member]
            for cell in range(first[org], first[org + 1]):
                column = profile.column_of[objects[cell]]
                if column >= 0 and profile.told[profile.room[0, column]]:
                    met -= 1.0
        leave(profile, one, 0)
        leave(profile, other, 1)
    pairs = max(1.0, sides.size[one] * (sides.size[one] - 1))
    if known < KIN_OBJECTS or met <= mean or inside <= 0:
        return False
    nats = met * np.log(met / max(mean, LEAST)) - met + mean
    return bool(nats >= KIN_NATS and met / alone >= KIN_RATE * inside / pairs)
