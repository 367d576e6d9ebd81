"""From open choices to finished columns: habits fill what a generator left open.

Every request of the world goes through the same steps here, campaign or not, so that no
field can give a campaign away by the way it was made.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analyzer.simulate import catalogue, shapes
from analyzer.simulate.draws import F64, I64, U64, Rng, mix, unit
from analyzer.simulate.ground import HABIT, Ground, Traffic
from analyzer.simulate.people import BARE, Personas

STATUSES = ("ok", "error", "refused", "rate_limited")
_STATUS_SHARES = np.array([0.965, 0.015, 0.008, 0.012])
_PLACE_MS = 3 * shapes.HOUR_MS
"""An account stays at a place for about so long."""


@dataclass(frozen=True, slots=True)
class Columns:
    """Finished requests in the order in which they are sent; arrays of shape (n,)."""

    ts_ms: I64
    account: I64
    template: I64
    block: I64
    host: I64
    client: I64
    prompt: U64
    model: I64
    sampling: I64
    status: I64
    input_tokens: I64
    output_tokens: I64
    reasoning_tokens: I64
    latency_ms: I64
    role: I64


def assemble(ground: Ground) -> Columns:
    """Complete and order all traffic of a ground."""
    rng = ground.rng("assemble")
    traffic = Traffic.concat(ground.traffic)
    order = np.lexsort((traffic.ts_ms, traffic.account))
    traffic = Traffic(*(getattr(traffic, name)[order] for name in traffic.__slots__))
    people = ground.people.all()
    template = _templates(ground, rng, people, traffic)
    block = _blocks(ground, people, traffic)
    status = np.searchsorted(np.cumsum(_STATUS_SHARES), rng.random(len(template))).clip(0, 3)
    model = _models(ground, people, traffic)
    sampling = _samplings(ground, rng, people, traffic.account, template)
    sizes = _tokens(
        ground,
        rng,
        people,
        account=traffic.account,
        template=template,
        status=status,
        sampling=sampling,
    )
    sent = _sending_order(rng, traffic.ts_ms)
    return Columns(
        ts_ms=traffic.ts_ms[sent],
        account=traffic.account[sent],
        template=template[sent],
        block=block[sent],
        host=_hosts(traffic, block)[sent],
        client=_clients(people, traffic)[sent],
        prompt=_prompts(ground, rng, people, traffic, template)[sent],
        model=model[sent],
        sampling=sampling[sent],
        status=status.astype(np.int64)[sent],
        input_tokens=sizes[0][sent],
        output_tokens=sizes[1][sent],
        reasoning_tokens=sizes[2][sent],
        latency_ms=sizes[3][sent],
        role=traffic.role[sent],
    )


def _sending_order(rng: Rng, ts_ms: I64) -> I64:
    """Most events arrive within a second or two, a few up to 55 s late."""
    n = len(ts_ms)
    delay = np.where(rng.random(n) < 0.97, rng.uniform(0, 1_500, n), rng.uniform(0, 55_000, n))
    return np.argsort(ts_ms + delay, kind="stable")


def _templates(ground: Ground, rng: Rng, people: Personas, traffic: Traffic) -> I64:
    slot = (people.template_shares[traffic.account] < rng.random(len(traffic.ts_ms))[:, None]).sum(
        axis=1
    )
    habit = people.templates[traffic.account, np.minimum(slot, people.templates.shape[1] - 1)]
    template = np.where(traffic.template == HABIT, habit, traffic.template)
    launch = ground.templates.column("launch_ms")[template]
    spread = ground.templates.column("spread_ms")[template]
    late = -np.log1p(-unit(traffic.account, template, 11)) * spread
    by_habit = (traffic.template == HABIT) & (template != BARE)
    return np.where(by_habit & (traffic.ts_ms < launch + late), BARE, template)


def _blocks(ground: Ground, people: Personas, traffic: Traffic) -> I64:
    draw = unit(traffic.account, traffic.ts_ms // _PLACE_MS, 12)
    at = (people.place_shares[traffic.account] < draw[:, None]).sum(axis=1)
    habit = people.places[traffic.account, np.minimum(at, people.places.shape[1] - 1)]
    wandering = np.flatnonzero(people.wanders[traffic.account] & (at == 0))
    habit[wandering] = _wandered(ground, people, traffic, wandering)
    return np.where(traffic.block == HABIT, habit, traffic.block)


def _wandered(ground: Ground, people: Personas, traffic: Traffic, rows: I64) -> I64:
    """Blocks of a pool through which a changing address moves, one lease after another."""
    account = traffic.account[rows]
    lease_ms = (4 + 32 * unit(account, 20)) * shapes.HOUR_MS
    draw = unit(account, (traffic.ts_ms[rows] / lease_ms).astype(np.int64), 19)
    sizes = np.array([len(pool) for pool in ground.pools])
    firsts = np.cumsum(sizes) - sizes
    pool = people.pool[account]
    at = firsts[pool] + (draw * sizes[pool]).astype(np.int64)
    return np.asarray(np.concatenate(ground.pools)[at])


def _hosts(traffic: Traffic, block: I64) -> I64:
    """An account keeps its address in a block for some days."""
    days = 1 + mix(traffic.account, block, 13) % np.uint64(9)
    lease = traffic.ts_ms.astype(np.uint64) // (days * np.uint64(shapes.DAY_MS))
    return (1 + mix(traffic.account, block, lease) % np.uint64(254)).astype(np.int64)


def _clients(people: Personas, traffic: Traffic) -> I64:
    day = traffic.ts_ms // shapes.DAY_MS
    other = unit(traffic.account, day, 14) < people.other_client[traffic.account]
    habit = people.clients[traffic.account, other.astype(np.int64)]
    return np.where(traffic.client == HABIT, habit, traffic.client)


def _models(ground: Ground, people: Personas, traffic: Traffic) -> I64:
    since = (traffic.ts_ms - ground.release_ms) / shapes.DAY_MS
    moved = (since >= 0) & (since >= people.adopts[traffic.account])
    habit = np.where(moved, catalogue.NEW_MODEL, people.model[traffic.account])
    return np.where(traffic.model == HABIT, habit, traffic.model)


def _samplings(ground: Ground, rng: Rng, people: Personas, account: I64, template: I64) -> I64:
    own = people.sampling[account]
    fixed = np.where(template == BARE, BARE, ground.templates.column("sampling")[template])
    chosen = np.where(fixed == BARE, own, fixed)
    stray = rng.random(len(account)) < 0.06
    drawn = rng.integers(0, len(catalogue.SAMPLINGS), len(account))
    return np.where(stray, drawn, chosen).astype(np.int64)


def _prompts(ground: Ground, rng: Rng, people: Personas, traffic: Traffic, template: I64) -> U64:
    n = len(template)
    fresh = mix(np.arange(n), ground.seed, 15)
    items = np.where(template == BARE, 0, ground.templates.column("items")[template])
    rank = np.exp(rng.random(n) * np.log(np.maximum(items, 1) + 1)).astype(np.int64)
    prompt = np.where(items > 0, mix(template, rank, 16), fresh)
    given = traffic.prompt != HABIT
    prompt = np.where(given, mix(traffic.prompt, 17), prompt)
    back = rng.geometric(0.5, n)
    source = np.maximum(np.arange(n) - back, 0)
    same = (traffic.account[source] == traffic.account) & (template[source] == template)
    again = (rng.random(n) < people.repeats[traffic.account]) & same
    return np.where(again, prompt[source], prompt)


def _tokens(
    ground: Ground,
    rng: Rng,
    people: Personas,
    *,
    account: I64,
    template: I64,
    status: I64,
    sampling: I64,
) -> tuple[I64, I64, I64, I64]:
    """Input, output and reasoning tokens and latency."""
    bare = template == BARE
    n = len(account)

    def size(side: str, mu: F64, sd: float) -> F64:
        centre = np.where(bare, mu[account], ground.templates.column(f"{side}_mu")[template])
        width = np.where(bare, sd, ground.templates.column(f"{side}_sd")[template])
        return np.exp(centre + width * rng.standard_normal(n))

    into = size("input", people.input_mu, 0.75).clip(3, 180_000).astype(np.int64)
    limits = np.array([s.max_tokens or 16_000 for s in catalogue.SAMPLINGS])
    out = np.minimum(size("output", people.output_mu, 0.65), limits[sampling])
    served = status == 0
    out = np.where(served, out.clip(1), 0).astype(np.int64)
    thinks = served & (unit(account, template, 18) < 0.3)
    reasoning = np.where(thinks, out * rng.gamma(2, 0.4, n), 0).astype(np.int64)
    latency = 180 + into * 0.02 + (out + reasoning) * rng.uniform(9, 22, n) + rng.gamma(2, 60, n)
    return into, out, reasoning, latency.astype(np.int64)
