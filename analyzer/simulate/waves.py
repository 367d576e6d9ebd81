"""Innocent waves through the whole population: fashions, releases, plug-ins."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from analyzer.simulate import catalogue, shapes
from analyzer.simulate.ground import HABIT, Ground, Traffic
from analyzer.simulate.lookalikes import note

if TYPE_CHECKING:
    from analyzer.simulate.draws import I64, Rng


_CIRCLE = 5
"""Fewer people are no circle."""


def _adopters(ground: Ground, rng: Rng, share: float, least: int) -> I64:
    n = min(len(ground.innocents), max(least, round(share * len(ground.innocents))))
    return rng.permutation(ground.innocents)[:n]


def _wave(
    ground: Ground,
    rng: Rng,
    adopters: I64,
    starts: I64,
    *,
    per_day: float,
    template: int,
    lasts_days: float,
    client: int = HABIT,
) -> I64:
    """Extra requests of adopters from their start on; returns who made any."""
    people = ground.people.all().take(adopters)
    n = len(adopters)
    rate = np.minimum(np.exp(rng.normal(np.log(per_day), 1.2, n)), 300)
    ends = starts + (rng.exponential(lasts_days, n) * shapes.DAY_MS).astype(np.int64)
    rhythm = replace(people.rhythm, per_day=rate)
    ts_ms, row = shapes.arrivals(rng, rhythm, ground.start_ms, ground.end_ms)
    there = (ts_ms >= starts[row]) & (ts_ms < np.minimum(ends, people.left_ms)[row])
    there &= ts_ms >= people.joined_ms[row]
    who = adopters[row[there]]
    ground.traffic.append(Traffic.of(ts_ms[there], who, template=template, client=client))
    return np.unique(who)


def viral(ground: Ground, name: str, share: float = 0.06, start_day: float = 1.4) -> None:
    """A prompt that goes round: adoption along an S, unequal use, waning interest."""
    rng = ground.rng(name)
    adopters = _adopters(ground, rng, share, least=20)
    delay_days = 0.8 + rng.logistic(0, 0.25, len(adopters))
    starts = ground.at_day(start_day) + (delay_days.clip(0) * shapes.DAY_MS).astype(np.int64)
    template = ground.templates.new(rng, 1, longer=0.2)
    ground.viral = np.append(ground.viral, template)
    used = _wave(
        ground, rng, adopters, starts, per_day=5, template=int(template[0]), lasts_days=2.5
    )
    note(ground, name, "viral", used)


def circles(ground: Ground) -> None:
    """Small circles that take up a prompt together: a tutorial, a meet-up, a chat group.

    They come and go all the time, some five in two days among a thousand customers.
    """
    rng = ground.rng("circles")
    days = (ground.end_ms - ground.start_ms) / shapes.DAY_MS
    n = rng.poisson(2.5 * days * len(ground.innocents) / 1_500)
    sizes = np.exp(rng.normal(np.log(22), 0.6, n)).clip(8, 90).astype(np.int64)
    begins = ground.start_ms + (rng.uniform(-1, days, n) * shapes.DAY_MS).astype(np.int64)
    templates = ground.templates.new(rng, n, items=np.where(rng.random(n) < 0.4, 40, 0))
    people = ground.people.all()
    for at in range(n):
        there = people.joined_ms[ground.innocents] <= begins[at] + shapes.DAY_MS
        there &= people.left_ms[ground.innocents] > begins[at]
        present = ground.innocents[there]
        members = rng.permutation(present)[: sizes[at]]
        pace = rng.uniform(0.1, 1.5)
        delay = rng.exponential(pace, len(members)) * shapes.DAY_MS
        used = _wave(
            ground,
            rng,
            members,
            begins[at] + delay.astype(np.int64),
            per_day=float(rng.uniform(2, 12)),
            template=int(templates[at]),
            lasts_days=float(rng.uniform(0.5, 5)),
        )
        if len(used) >= _CIRCLE:
            note(ground, f"circle {at + 1}", "circle", used)


def sdk_release(ground: Ground, name: str, share: float = 0.05, start_day: float = 1.2) -> None:
    """A kit's new version brings a default template and its own fingerprint."""
    rng = ground.rng(name)
    adopters = _adopters(ground, rng, share, least=20)
    delay_days = rng.exponential(0.9, len(adopters))
    starts = ground.at_day(start_day) + (delay_days * shapes.DAY_MS).astype(np.int64)
    template = ground.templates.new(rng, 1)
    client = int(rng.integers(catalogue.DOMINANT_CLIENTS, len(catalogue.CLIENTS)))
    used = _wave(
        ground,
        rng,
        adopters,
        starts,
        per_day=8,
        template=int(template[0]),
        lasts_days=30,
        client=client,
    )
    note(ground, name, "sdk_default", used)


def plugin(ground: Ground, name: str, share: float = 0.18, start_day: float = 0.8) -> None:
    """A plug-in on customers' own machines: the same minute of every hour they are on."""
    rng = ground.rng(name)
    owners = _adopters(ground, rng, share, least=25)
    people = ground.people.all().take(owners)
    hours = np.arange(ground.start_ms, ground.end_ms, shapes.HOUR_MS)
    installed = ground.at_day(start_day) + rng.exponential(1.5, len(owners)) * shapes.DAY_MS
    local = ((hours // shapes.HOUR_MS) % 24 + people.rhythm.tz_h[:, None]).astype(np.int64) % 24
    on = rng.random(local.shape) < 0.25 * shapes.PROFILES[shapes.EVENING][local]
    on &= (hours >= installed[:, None]) & (hours < people.left_ms[:, None])
    row, hour = np.nonzero(on & (hours >= people.joined_ms[:, None]))
    minute = int(rng.integers(1, 59)) * 60_000
    ts_ms = hours[hour] + minute + rng.integers(0, 45_000, len(hour))
    inside = ts_ms < ground.end_ms
    template = ground.templates.new(rng, 1)
    client = int(rng.integers(catalogue.DOMINANT_CLIENTS, len(catalogue.CLIENTS)))
    ground.traffic.append(
        Traffic.of(ts_ms[inside], owners[row[inside]], template=template[0], client=client)
    )
    note(ground, name, "hourly_plugin", owners[np.unique(row)])


def release_rush(ground: Ground, name: str, share: float = 0.45) -> None:
    """Much of the population tries the new model on the day of its release."""
    rng = ground.rng(name)
    people = ground.people.all()
    movers = _adopters(ground, rng, share, least=20)
    adopts = people.adopts.copy()
    adopts[movers] = rng.exponential(0.5, len(movers))
    ground.people.parts = [replace(people, adopts=adopts)]
    note(ground, name, "release_day", movers)
