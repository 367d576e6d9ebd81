"""What is drawn once for a world: its shape, before anybody lives in it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analyzer.simulate.draws import F64, Rng

DROPPABLE = {
    # field: chance that a whole world lacks it, chance that one gateway of several lacks it.
    "tls_ja4": (0.16, 0.25), "user_agent": (0.08, 0.15), "payment_ref": (0.2, 0.25),
    "prompt_hash": (0.14, 0.2), "org_id": (0.12, 0.15), "account_created_ms": (0.1, 0.15),
    "max_tokens": (0.1, 0.1), "temperature": (0.08, 0.1), "stream": (0.06, 0.05),
    "prompt_template_id": (0.05, 0.12), "latency_ms": (0.12, 0.1), "client_ip": (0.1, 0.1),
    "signup_ref": (0.55, 0.2), "api_key_id": (0.55, 0.1), "conversation_id": (0.55, 0.2),
    "asn": (0.5, 0.2), "country": (0.5, 0.2), "reasoning_tokens": (0.5, 0.2),
    "finish_reason": (0.5, 0.1), "operation": (0.05, 0.05), "schema_version": (0.1, 0.1),
}  # fmt: skip
"""Optional fields of ``llm.request.v1``; without ``client_ip`` a gateway sends ``ip_prefix``."""


@dataclass(frozen=True, slots=True)
class Structure:
    """The shape of one world."""

    hours: float
    weekday: int
    """Weekday of hour 0; 0 is a Monday."""
    operations: int
    lacks: tuple[frozenset[str], ...]
    """Fields that each gateway leaves out."""
    gateway_shares: F64
    volume_law: str
    volume_spread: float
    backends: float
    """Share of customers whose traffic comes from programs."""
    session_size: float
    gap_s: float
    weekend: float
    zones: F64
    """Hours ahead of UTC."""
    zone_shares: F64
    chatters: float
    """Share of customers whose prompts follow no template."""
    chat_ids: bool
    """Whether the producer gives each untemplated prompt a template id of its own."""
    viral: int
    viral_power: float
    viral_users: float
    defaults: int
    default_users: float
    homes: int
    """Residential blocks in use."""
    roamers: float
    v6: float
    blocks_at_once: float
    payment_missing: float
    payment_shared: float
    errors: float
    refused: float
    incidents: int
    release_h: float
    adoption_h: float
    repeats: float
    newcomers: float
    """Share of customers who join during the world."""


def draw_structure(rng: Rng, days: float) -> Structure:
    """Draw the shape of a world.

    Parameters
    ----------
    rng
        Source of randomness.
    days
        Length of the world.
    """
    hours = days * 24.0
    zones = rng.choice(np.arange(-8, 11), int(rng.integers(1, 6)), replace=False).astype(float)
    lacks = _gateways(rng)
    return Structure(
        hours=hours,
        weekday=int(rng.integers(7)),
        operations=_operations(rng),
        lacks=lacks,
        gateway_shares=np.r_[1.0, rng.uniform(0.05, 0.4, len(lacks) - 1)],
        volume_law=str(rng.choice(["lognormal", "pareto", "mixed"])),
        volume_spread=float(rng.uniform(1.1, 1.9)),
        backends=float(rng.uniform(0.08, 0.45)),
        session_size=float(np.exp(rng.uniform(np.log(3), np.log(15)))),
        gap_s=float(np.exp(rng.uniform(np.log(12), np.log(120)))),
        weekend=float(rng.uniform(0.2, 1.0)),
        zones=zones,
        zone_shares=rng.dirichlet(np.full(len(zones), 1.5)),
        chatters=float(rng.uniform(0.05, 0.6)),
        chat_ids=bool(rng.random() < 0.3),
        viral=int(rng.integers(8, 70)),
        viral_power=float(rng.uniform(0.6, 1.4)),
        viral_users=float(rng.uniform(0.05, 0.5)),
        defaults=int(rng.integers(1, 9)),
        default_users=float(rng.uniform(0.03, 0.3)),
        homes=int(np.exp(rng.uniform(np.log(3_000), np.log(30_000)))),
        roamers=float(rng.uniform(0.1, 0.6)),
        v6=float(rng.uniform(0.02, 0.45)),
        blocks_at_once=float(rng.uniform(0.05, 0.5)),
        payment_missing=float(rng.choice([0.0, 0.05, 0.2, 0.4])),
        payment_shared=float(rng.uniform(0.0, 0.08)),
        errors=float(rng.uniform(0.003, 0.03)),
        refused=float(rng.uniform(0.001, 0.012)),
        incidents=int(rng.integers(0, 4)),
        release_h=float(rng.uniform(0.1, 1.3) * hours),
        adoption_h=float(np.exp(rng.uniform(np.log(12), np.log(400)))),
        repeats=float(rng.uniform(0.02, 0.3)),
        newcomers=float(rng.uniform(0.05, 0.35)),
    )


def _gateways(rng: Rng) -> tuple[frozenset[str], ...]:
    gateways = int(rng.choice([1, 1, 2, 3, 4]))
    everywhere = {name for name, (p, _) in DROPPABLE.items() if rng.random() < p}
    lacks = [
        frozenset(everywhere | {name for name, (_, p) in DROPPABLE.items() if rng.random() < p})
        for _ in range(gateways - 1)
    ]
    return (frozenset(everywhere), *lacks)


def _operations(rng: Rng) -> int:
    low, high = ((0, 0), (1, 1), (2, 4), (5, 9), (10, 14))[
        int(rng.choice(5, p=[0.18, 0.2, 0.27, 0.2, 0.15]))
    ]
    return int(rng.integers(low, high + 1))
