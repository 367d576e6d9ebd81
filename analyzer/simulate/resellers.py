"""Resellers: pools of accounts through which ordinary developers reach the service."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from analyzer.simulate import shapes
from analyzer.simulate.draws import I64, Rng, pick
from analyzer.simulate.ground import Campaign, Ground, Traffic
from analyzer.simulate.kinds import APP, DEVELOPER
from analyzer.simulate.people import PLACES, Personas
from analyzer.simulate.population import personas


@dataclass(frozen=True, slots=True)
class Reseller:
    """How one pool is run."""

    accounts: int = 140
    tenants: int = 110
    blocks: int = 14
    start_day: float = -1.0
    """When the pool opens; before the world by default."""
    per_card: float = 5.0


def reseller(ground: Ground, name: str, plan: Reseller | None = None) -> I64:
    """Put a pool on the ground; its tenants' requests are spread over its accounts.

    Returns
    -------
    The pool's accounts, int64.
    """
    plan = plan or Reseller()
    rng = ground.rng(name)
    people = _accounts(ground, rng, plan)
    accounts = ground.people.add(people)
    ground.traffic.append(_tenants(ground, rng, plan, accounts, people))
    ground.campaigns.append(Campaign(name, "reseller_pool", "reseller", accounts))
    return accounts


def _accounts(ground: Ground, rng: Rng, plan: Reseller) -> Personas:
    n = ground.sized(plan.accounts, least=16)
    base = personas(ground, rng, DEVELOPER, n)
    opens = ground.start_ms + int(plan.start_day * shapes.DAY_MS)
    age = rng.exponential(40, n) * shapes.DAY_MS
    cards = ground.people.new_cards(max(2, round(n / plan.per_card)))
    egress = np.concatenate(
        [ground.blocks(rng, 1) for _ in range(ground.sized(plan.blocks, least=4))]
    )
    return replace(
        base,
        created_ms=opens - age.astype(np.int64),
        joined_ms=np.full(n, opens),
        left_ms=np.full(n, ground.end_ms),
        payment=rng.choice(cards, n),
        wanders=np.zeros(n, np.bool_),
        places=rng.choice(egress, (n, PLACES)),
        place_shares=np.tile([0.6, 0.85, 1.0], (n, 1)),
        clients=np.where(rng.random((n, 1)) < 0.7, base.clients[:1], base.clients),
    )


def _tenants(ground: Ground, rng: Rng, plan: Reseller, accounts: I64, people: Personas) -> Traffic:
    """Ordinary developers with own templates; a tenant's requests go to any account."""
    n = ground.sized(plan.tenants, least=14)
    small, large = n - n // 4, n // 4
    tenants = Personas.concat(
        [personas(ground, rng, DEVELOPER, small), personas(ground, rng, APP, large)]
    )
    rhythm = replace(tenants.rhythm, per_day=np.minimum(tenants.rhythm.per_day, 250))
    ts_ms, row = shapes.arrivals(rng, rhythm, ground.start_ms, ground.end_ms)
    there = (ts_ms >= np.maximum(tenants.joined_ms[row], people.joined_ms[0])) & (
        ts_ms < tenants.left_ms[row]
    )
    ts_ms, row = ts_ms[there], row[there]
    draw = rng.random(len(row))[:, None]
    slot = (tenants.template_shares[row] < draw).sum(axis=1)
    template = tenants.templates[row, slot.clip(max=tenants.templates.shape[1] - 1)]
    weights = rng.gamma(4, 1, len(accounts))
    return Traffic.of(ts_ms, accounts[pick(rng, weights, len(row))], template=template)
