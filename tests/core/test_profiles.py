"""Profiles and likeness in compiled passes, against their definition over dense matrices."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from analyzer.core.campaign import likeness, membership, profiles
from analyzer.core.campaign.likeness import PROFILED, Groups
from analyzer.core.contracts.object_kind import Kind
from analyzer.testing.made_operations import FIRST, INNOCENT, SECOND, numbers, two_operations

F64 = NDArray[np.float64]
EVERYBODY = [*FIRST[:40], *SECOND[:40], *INNOCENT[:40]]


@dataclass(frozen=True)
class Plain:
    """What :class:`Groups` says of one kind, as it is defined."""

    groups: Groups
    kind: Kind
    innocent: NDArray[np.bool_]

    @cached_property
    def shares(self) -> F64:
        """Share of each organisation's requests, shape (organisations, objects)."""
        requests = self.groups.window.usage(self.kind).matrix.toarray()
        return np.asarray(requests / np.maximum(requests.sum(axis=1), 1)[:, None])

    @cached_property
    def members(self) -> F64:
        """Shape (groups, organisations)."""
        return np.asarray(self.groups.members.toarray())

    @cached_property
    def users(self) -> F64:
        """Members that use each object, shape (groups, objects)."""
        return np.asarray(self.members @ (self.shares > 0))

    @cached_property
    def share(self) -> F64:
        """Their shares of requests."""
        return np.asarray(self.members @ self.shares)

    @cached_property
    def null(self) -> F64:
        """Chance that an innocent uses the object, shape (groups, objects)."""
        n = self.innocent.sum()
        q = ((self.shares[self.innocent] > 0).sum(axis=0) + 0.5) / (n + 1)
        phi = self.shares[self.innocent].sum(axis=0) / max(n, 1)
        volume = np.maximum(self.groups.sides.volume, 1)[:, None]
        once = np.broadcast_to(1 / volume, self.users.shape)
        dose = np.where(self.users > 0, self.share / np.maximum(self.users, 1), once)
        return np.asarray(np.maximum(q, 1 - np.exp(-phi / dose)))

    @cached_property
    def inside(self) -> NDArray[np.bool_]:
        """Where no more innocents outside of the group use the object than members."""
        by_innocents = (self.shares[self.innocent] > 0).sum(axis=0)
        among = (self.members * self.innocent) @ (self.shares > 0)
        return np.asarray(self.users >= by_innocents - among)

    @cached_property
    def value(self) -> F64:
        """Nats beyond five times the null, the defining object too."""
        count, n = (self.shares[self.innocent] > 0).sum(axis=0), self.innocent.sum()
        popular = ((count + 0.5) / (n + 1) >= profiles.HUB) & (count >= profiles.HUB_USERS)
        tells = (self.users >= 2) & (self.inside | ~(popular | (self.kind == Kind.BLOCK)))
        rate = np.maximum(self.users, 1) / self.groups.size[:, None]
        return np.where(tells, np.maximum(np.log(rate / self.null) - profiles.TIMES, 0), 0)

    @cached_property
    def own(self) -> NDArray[np.bool_]:
        """Where the object defines the group."""
        objects = self.groups.window.usage(self.kind).objects
        return np.asarray(objects[None, :] == self.groups.own[:, None])

    @cached_property
    def v(self) -> F64:
        """The same without the defining object."""
        return np.where(self.own, 0.0, self.value)

    def mass(self, value: F64) -> F64:
        """Share of requests on what has a value and enough users."""
        enough = (value > 0) & (self.users >= np.maximum(3, self.groups.size[:, None] / 50))
        return np.asarray((self.share * enough).sum(axis=1) / np.maximum(self.share.sum(axis=1), 1))

    @cached_property
    def within(self) -> F64:
        """How often requests of two members meet."""
        squares = self.members @ self.shares**2
        pairs = np.maximum(self.groups.size * (self.groups.size - 1), 1)
        return np.asarray((np.maximum(self.share**2 - squares, 0) * self.v).sum(axis=1) / pairs)

    @cached_property
    def told(self) -> NDArray[np.bool_]:
        """What a group may be recognised by."""
        least = np.maximum(2, self.groups.size[:, None] / 50)
        return np.asarray((self.v > 0) & (self.users >= least))

    def likeness(self, one: int, other: int) -> float:
        """ρ: each member of one with each of the other who is not itself."""
        first, second = self.members[[one, other]]
        both = first * second
        met = self.share[one] * self.share[other] - both @ self.shares**2
        pairs = first.sum() * second.sum() - both.sum()
        met = float((met * np.sqrt(self.v[one] * self.v[other])).sum())
        within = float(self.within[one] * self.within[other])
        return met / pairs / within**0.5 if pairs > 0 and within > 0 else 0.0


def kin(kinds: list[Plain], one: int, other: int) -> bool:
    """Whether those in the second alone meet what the first is known by."""
    met, mean, inside, known = 0.0, 0.0, 0.0, 0
    alone = (kinds[0].members[other] > 0) & ~(kinds[0].members[one] > 0)
    for plain in kinds:
        told = plain.told[one]
        met += float((plain.shares[alone][:, told] > 0).sum())
        mean += float(alone.sum() * plain.null[other][told].sum())
        own = plain.users[one][told]
        inside += float((own * (own - 1)).sum())
        known += int((plain.users[other][told] > 0).sum())
    if not alone.any() or known < likeness.KIN_OBJECTS or met <= mean or not inside:
        return False
    n = kinds[0].groups.size[one]
    rate = inside / max(1.0, n * (n - 1))
    sure = met * np.log(met / mean) - met + mean >= likeness.KIN_NATS
    return bool(sure and met / alone.sum() >= likeness.KIN_RATE * rate)


def same(kinds: list[Plain], one: int, other: int) -> float:
    """Cards before work before place."""
    work, place, card = (
        (min(plain.mass(plain.value)[[one, other]]), plain.likeness(one, other)) for plain in kinds
    )
    if card[0] >= likeness.CARD_MASS and card[1] >= likeness.SAME_CARD:
        return card[1]
    places = kinds[1]
    known = place[1] if place[0] >= likeness.PLACE_MASS else 0.0
    against = known < likeness.APART
    if place[0] < likeness.PLACE_MASS:
        less, more = sorted((one, other), key=lambda group: places.mass(places.value)[group])
        there = places.share[less][places.v[more] > 0].sum() / places.groups.size[less]
        far = there < likeness.APART
        against = bool(far and places.mass(places.value)[more] >= 2 * likeness.PLACE_MASS)
    large = min(kinds[0].groups.size[[one, other]]) >= likeness.LARGE
    if work[0] >= likeness.WORK_MASS:
        if work[1] >= (likeness.SURE_WORK if against else likeness.SAME_WORK):
            return work[1]
        if large or work[1] < likeness.UNLIKE:
            return 0.0
    if large and work[1] < likeness.FAINT:
        return 0.0
    if not against and kin(kinds, one, other) and kin(kinds, other, one):
        return likeness.SAME_WORK
    sure = known >= likeness.SAME_PLACE and work[0] < likeness.WORK_MASS
    return known if sure else 0.0


@settings(max_examples=15, deadline=None)
@given(
    st.integers(0, 2),
    st.lists(st.lists(st.sampled_from(EVERYBODY), min_size=1, max_size=80), min_size=2, max_size=4),
    st.booleans(),
    st.data(),
)
def test_all_groups_are_as_their_definition_says(
    seed: int,
    some: list[list[int]],
    found: bool,
    data: st.DataObject,
) -> None:
    """Any groups, with members in common or not, defined by any object or by none."""
    window = two_operations(40, seed)
    members = np.zeros((len(some), len(window.orgs)))
    for row, orgs in enumerate(some):
        members[row, numbers(window, orgs)] = 1
    everybody = np.full(len(window.orgs), not found)
    innocent = everybody | np.isin(window.of_orgs("key"), np.array(INNOCENT, np.uint64))
    objects = [-1, *window.usage(Kind.TEMPLATE).objects[::50].tolist()]
    own = [data.draw(st.sampled_from(objects)) for _ in some]
    groups = Groups(window, sp.csr_matrix(members), np.array(own, np.int32), innocent)
    kinds = [Plain(groups, kind, innocent) for kind in PROFILED]
    everyone = range(len(some))
    for plain in kinds:
        profile = groups.profile(plain.kind)
        telling = np.flatnonzero((plain.v > 0).any(axis=0))
        assert profile.column_of[telling].tolist() == list(range(len(telling)))
        assert (profile.column_of >= 0).sum() == len(telling)
        for ours, theirs in (
            (profile.users, plain.users),
            (profile.share, plain.share),
            (profile.value, plain.v),
            (profile.told, plain.told),
            (profile.inside, plain.inside & (plain.v > 0)),
        ):
            dense = np.zeros((len(some), len(telling)))
            dense[np.repeat(everyone, np.diff(profile.starts)), profile.column] = ours
            np.testing.assert_allclose(dense, theirs[:, telling], rtol=1e-9, atol=1e-12)
        weight = membership.weights(profile, np.arange(len(some)), groups.size)
        others = np.maximum(plain.users - 1, 0) / np.maximum(groups.size - 1, 1)[:, None]
        nats = np.log(np.maximum(others, profiles.LEAST) / plain.null)
        nats = np.where(plain.inside & (plain.v > 0), np.clip(nats, 0, likeness.MOST_SAID), 0)
        np.testing.assert_allclose(weight, nats[:, telling], rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(profile.mass, plain.mass(plain.value), atol=1e-12)
        np.testing.assert_allclose(profile.rest, plain.mass(plain.v), atol=1e-12)
        np.testing.assert_allclose(profile.within, plain.within, atol=1e-12)
    groups.compare(everyone, everyone)
    for one in everyone:
        for other in range(one):
            assert groups.same(one, other) == pytest.approx(same(kinds, one, other), abs=1e-9)
            assert groups.same(other, one) == groups.same(one, other)
