"""Innocent customers: single developers, apps, teams and fleets, each with own habits."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from analyzer.simulate import catalogue, shapes
from analyzer.simulate.draws import F64, I64, Rng, pick, zipf_weights
from analyzer.simulate.kinds import (
    APP,
    CLOUD,
    DEFAULT,
    DEVELOPER,
    FLEET,
    HOME,
    MOBILE,
    OFFICE,
    OWN,
    POPULAR,
    TEAM,
    VPN,
    Kind,
)
from analyzer.simulate.people import BARE, PLACES, SLOTS, Personas

if TYPE_CHECKING:
    from analyzer.simulate.ground import Ground


_SLOT_WEIGHTS = np.array([4.0, 1.8, 1.0, 0.6, 0.4, 0.3])


def personas(ground: Ground, rng: Rng, kind: Kind, n: int) -> Personas:
    """Draw ``n`` accounts of a kind, each an organisation of its own."""
    region = pick(rng, catalogue.REGION_SHARES, n)
    joined, left, created = _lifetimes(ground, rng, n)
    clients = pick(rng, catalogue.CLIENT_SHARES, 2 * n).reshape(n, 2)
    templates, template_shares = _habits(ground, rng, kind, n)
    places, place_shares = _places(ground, rng, kind, region)
    card = ground.people.new_cards(2 * n)
    return Personas(
        org=ground.people.new_orgs(n),
        created_ms=created,
        joined_ms=joined,
        left_ms=left,
        payment=card[:n],
        signup=card[n:],
        gateway=pick(rng, ground.gateways, n),
        region=region,
        model=pick(rng, catalogue.MODEL_SHARES, n),
        adopts=_adoption_days(rng, n),
        sampling=pick(rng, catalogue.SAMPLING_SHARES, n),
        places=places,
        place_shares=place_shares,
        clients=clients,
        other_client=np.where(rng.random(n) < 0.3, rng.uniform(0.05, 0.5, n), 0.0),
        templates=templates,
        template_shares=template_shares,
        repeats=rng.beta(0.8, 6, n),
        input_mu=rng.normal(shapes.INPUT_MU[shapes.CHAT], shapes.INPUT_SD[shapes.CHAT] * 0.6, n),
        output_mu=rng.normal(shapes.OUTPUT_MU[shapes.CHAT], shapes.OUTPUT_SD[shapes.CHAT] * 0.6, n),
        wanders=rng.random(n) < kind.wanders,
        pool=np.where(rng.random(n) < 0.7, region, region + len(catalogue.REGIONS)),
        rhythm=_rhythm(rng, kind, region),
    )


def _rhythm(rng: Rng, kind: Kind, region: I64) -> shapes.Rhythm:
    n = len(region)
    rate = np.exp(rng.normal(np.log(kind.per_day), kind.spread, n))
    tz_h = np.array([area.tz_h for area in catalogue.REGIONS])[region]
    return shapes.Rhythm(
        per_day=np.minimum(rate, kind.most * rng.uniform(0.6, 1, n)),
        profile=pick(rng, kind.profiles, n),
        tz_h=tz_h + rng.normal(0, 1, n),
        session=1 + rng.gamma(2, (kind.session - 1) / 2, n) * (rng.random(n) < 0.7),
        gap_s=np.exp(rng.normal(np.log(kind.gap_s), 0.7, n)),
        day_shape=rng.uniform(*kind.day_shape, n),
    )


def _lifetimes(ground: Ground, rng: Rng, n: int) -> tuple[I64, I64, I64]:
    """Most were there before; about 4 % a day come new, and some leave."""
    span = ground.end_ms - ground.start_ms
    days = span / shapes.DAY_MS
    new = rng.random(n) < 1 - np.exp(-0.04 * days)
    joined = ground.start_ms + np.where(new, rng.random(n) * span, -1).astype(np.int64)
    leaves = rng.exponential(40, n) * shapes.DAY_MS
    left = np.maximum(joined, ground.start_ms) + leaves.astype(np.int64)
    idle = np.where(rng.random(n) < 0.6, rng.exponential(0.05, n), rng.exponential(20, n))
    age = np.where(new, idle, rng.gamma(1.2, 200, n)) * shapes.DAY_MS
    return joined, left, (joined - age).astype(np.int64)


def _adoption_days(rng: Rng, n: int) -> F64:
    eager = rng.random(n)
    days = np.where(eager < 0.12, rng.exponential(0.4, n), rng.exponential(20, n))
    return np.where(eager > 0.8, np.inf, days)


def _habits(ground: Ground, rng: Rng, kind: Kind, n: int) -> tuple[I64, F64]:
    source = pick(rng, kind.templates, n * SLOTS)
    templates = np.full(n * SLOTS, BARE, np.int64)
    own = np.flatnonzero(source == OWN)
    templates[own] = ground.templates.new(rng, len(own))
    for which, shared, power in ((POPULAR, ground.popular, 0.85), (DEFAULT, ground.defaults, 1.0)):
        rows = np.flatnonzero(source == which)
        templates[rows] = shared[pick(rng, zipf_weights(len(shared), power), len(rows))]
    weights = rng.gamma(0.6, 1, (n, SLOTS)) * _SLOT_WEIGHTS + 1e-6
    shares = np.cumsum(weights / weights.sum(axis=1, keepdims=True), axis=1)
    return templates.reshape(n, SLOTS), shares


def _places(ground: Ground, rng: Rng, kind: Kind, region: I64) -> tuple[I64, F64]:
    n = len(region)
    usual = pick(rng, kind.place, n)
    other = pick(rng, kind.elsewhere, n * (PLACES - 1)).reshape(n, -1)
    sorts = np.column_stack([usual, other])
    places = np.empty((n, PLACES), np.int64)
    for at in range(PLACES):
        places[:, at] = _blocks(ground, rng, sorts[:, at], region)
    roams = rng.uniform(0, kind.roams, n) * (rng.random(n) < 0.7)
    shares = np.column_stack([1 - roams, 1 - roams * rng.uniform(0, 0.4, n), np.ones(n)])
    return places, shares


def _blocks(ground: Ground, rng: Rng, sort: I64, region: I64) -> I64:
    net = ground.networks
    blocks = np.empty(len(sort), np.int64)
    for at in range(len(catalogue.REGIONS)):
        for which, pools in ((HOME, net.homes), (MOBILE, net.mobile)):
            rows = np.flatnonzero((sort == which) & (region == at))
            blocks[rows] = pools[at].draw(rng, len(rows))
        rows = np.flatnonzero((sort == OFFICE) & (region == at))
        asns = rng.integers(3_000, 64_000, 8)
        blocks[rows] = ground.plan.new(rng, len(rows), at, asns)
    for which, pool in ((CLOUD, net.cloud), (VPN, net.vpn)):
        rows = np.flatnonzero(sort == which)
        blocks[rows] = pool.draw(rng, len(rows))
    return blocks


def gather(people: Personas, sizes: I64, rng: Rng, *, one_org: bool) -> Personas:
    """Turn consecutive accounts into groups that share an office, templates and payment.

    Parameters
    ----------
    people
        Accounts, at least ``sizes.sum()``.
    sizes
        Accounts per group.
    rng
        Source of randomness.
    one_org
        Whether a group is one billing organisation.
    """
    people = people.take(np.arange(int(sizes.sum())))
    head = np.repeat(np.cumsum(sizes) - sizes, sizes)
    own = rng.random((len(people), SLOTS)) < 0.75
    places = people.places.copy()
    places[:, 0] = places[head, 0]
    people = replace(
        people,
        places=places,
        region=people.region[head],
        templates=np.where(own, people.templates[head], people.templates),
        clients=np.where(rng.random((len(people), 2)) < 0.5, people.clients[head], people.clients),
    )
    if not one_org:
        return people
    return replace(
        people,
        org=people.org[head],
        payment=people.payment[head],
        gateway=people.gateway[head],
        model=np.where(rng.random(len(people)) < 0.6, people.model[head], people.model),
    )


def populate(ground: Ground, organisations: int, volume: float = 1.0) -> None:
    """Fill the ground with innocent customers and their traffic."""
    rng = ground.rng("population")
    share_templates(ground, rng, organisations)
    teams = 2 + rng.geometric(0.35, max(1, int(0.1 * organisations)))
    fleets = np.minimum(8 + rng.geometric(0.06, max(1, int(0.015 * organisations))), 70)
    crowd = [
        _share_cards(personas(ground, rng, DEVELOPER, int(0.7 * organisations)), rng),
        personas(ground, rng, APP, int(0.185 * organisations)),
        gather(personas(ground, rng, TEAM, int(teams.sum())), teams, rng, one_org=True),
        gather(personas(ground, rng, FLEET, int(fleets.sum())), fleets, rng, one_org=True),
    ]
    everybody = Personas.concat(crowd)
    rhythm = replace(everybody.rhythm, per_day=everybody.rhythm.per_day * volume)
    everybody = replace(everybody, rhythm=rhythm)
    ground.innocents = ground.people.add(everybody)
    ground.live(rng, ground.innocents, everybody)


def share_templates(ground: Ground, rng: Rng, organisations: int) -> None:
    """Make the templates that many customers share; a quarter is launched during the world."""
    apps = max(24, organisations // 25)
    span = ground.end_ms - ground.start_ms
    launched = ground.start_ms + (rng.random(apps) * span).astype(np.int64)
    ground.popular = ground.templates.new(
        rng,
        apps,
        launch_ms=np.where(rng.random(apps) < 0.25, launched, 0),
        adoption_days=1.2,
        items=np.where(rng.random(apps) < 0.3, rng.integers(20, 4_000, apps), 0),
    )
    ground.defaults = ground.templates.new(rng, 24)


def _share_cards(people: Personas, rng: Rng) -> Personas:
    """Some 4 % pay with a card that a relative or a second account uses as well."""
    payment = people.payment.copy()
    signup, places = people.signup.copy(), people.places.copy()
    sharing = rng.permutation(len(people))[: int(0.04 * len(people))]
    holder = sharing // 3 * 3
    payment[sharing] = payment[holder]
    alike = rng.random(len(sharing)) < 0.6
    places[sharing[alike]] = places[holder[alike]]
    signup[sharing[alike]] = signup[holder[alike]]
    return replace(people, payment=payment, signup=signup, places=places)
