"""The style of an operation: every choice that its operator makes, drawn independently."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analyzer.simulate.draws import Rng
from analyzer.simulate.economy.schedule import Scheduler, draw_scheduler

EGRESS = ("own24", "scatter", "resi", "resi_sticky", "hosting", "market", "mobile", "embed")
PAYMENTS = ("own", "few", "one", "virtual", "missing")
CLIENTS = ("one", "spoofed", "random", "worker")
WORK = ("few", "many", "viral", "free", "subset", "jobs")
PACES = ("steady", "day", "jobs", "surge")
CAMOUFLAGE = ("viral", "chat", "defaults", "life")
AGES = ("fresh", "rolling", "aged", "bought")
ELICITATION = ("none", "weak", "strong")


@dataclass(frozen=True, slots=True)
class Style:
    """How one operation works."""

    n: int
    per_day: float
    """Requests a day and account, cover included."""
    start_h: float
    hours: float | None
    """Length of a short operation; ``None`` runs to the end."""
    egress: str
    sticky_h: float
    payment: str
    client: str
    work: str
    templates: int
    scheduler: Scheduler
    pace: str
    night: bool
    camo: float
    camo_kind: str
    ages: str
    warm_up: bool
    life: float | None
    """Mean hours until an account is banned and replaced."""
    pivot: bool
    elicitation: str
    failover: float
    turns: float
    """Mean turns of a conversation, whose turns may meet different accounts."""
    keeps_chat: bool
    """Whether a conversation keeps its id from one account to another."""
    ramp_h: float
    repeats: float
    """Share of requests that send an earlier prompt of the queue again."""
    one_org: bool
    """All accounts under few organisations, as a farm of keys."""
    owners: bool
    """Bought accounts whose first owners go on using them."""


def draw_style(rng: Rng, hours: float) -> Style:
    """Draw an operation.

    Parameters
    ----------
    rng
        Source of randomness.
    hours
        Length of the world.
    """
    n = int(np.exp(rng.uniform(np.log(15), np.log(1200))))
    short = rng.random() < 0.2
    length = float(rng.uniform(2, 30)) if short else None
    start = float(rng.choice([rng.uniform(0, 3), rng.uniform(0, hours * 0.75)], p=[0.25, 0.75]))
    heavy = np.exp(rng.uniform(np.log(60), np.log(700)))
    light = np.exp(rng.uniform(np.log(4), np.log(60)))
    per_day = float(heavy if (short and rng.random() < 0.8) or rng.random() < 0.12 else light)
    days = (hours - start if length is None else min(length, hours - start)) / 24
    per_day = max(per_day, 500 / (n * days))  # below that nobody gets anything worth the trouble
    work = str(rng.choice(WORK, p=[0.34, 0.16, 0.1, 0.1, 0.16, 0.14]))
    many = int(np.exp(rng.uniform(np.log(20), np.log(600))))
    templates = {"few": int(rng.integers(1, 13)), "viral": 0, "free": -1}.get(work, many)
    return Style(
        n=n, per_day=per_day,
        start_h=start, hours=length,
        egress=str(rng.choice(EGRESS, p=[0.18, 0.15, 0.13, 0.14, 0.14, 0.1, 0.06, 0.1])),
        sticky_h=float(np.exp(rng.uniform(np.log(0.15), np.log(48)))),
        payment=str(rng.choice(PAYMENTS, p=[0.35, 0.2, 0.07, 0.23, 0.15])),
        client=str(rng.choice(CLIENTS, p=[0.45, 0.2, 0.2, 0.15])),
        work=work, templates=templates, scheduler=draw_scheduler(rng),
        pace=str(rng.choice(PACES, p=[0.4, 0.25, 0.25, 0.1])), night=bool(rng.random() < 0.5),
        camo=float(rng.choice([0.0, rng.uniform(0.05, 0.35), rng.uniform(0.35, 0.75)])),
        camo_kind=str(rng.choice(CAMOUFLAGE)), ages=str(rng.choice(AGES)),
        warm_up=bool(rng.random() < 0.6),
        life=_life(rng, n, days * 24),
        pivot=bool(rng.random() < 0.25),
        elicitation=str(rng.choice(ELICITATION, p=[0.25, 0.4, 0.35])),
        failover=float(rng.choice([0.0, 0.5, 0.95], p=[0.5, 0.2, 0.3])),
        turns=float(rng.choice([1.0, rng.uniform(1.5, 6)], p=[0.8, 0.2])),
        keeps_chat=bool(rng.random() < 0.5),
        ramp_h=float(rng.choice([0.0, rng.uniform(1, 12), rng.uniform(12, 72)])),
        repeats=float(rng.choice([0.0, rng.uniform(0, 0.05), rng.uniform(0.05, 0.3)])),
        one_org=bool(rng.random() < 0.04),
        owners=bool(rng.random() < 0.3),
    )  # fmt: skip


def _life(rng: Rng, n: int, hours: float) -> float | None:
    """Hours until an account is replaced: a farm throws accounts away within a few."""
    if rng.random() >= 0.22:
        return None
    drawn = float(np.exp(rng.uniform(np.log(3), np.log(96))))
    return max(drawn, hours * n / 2_500)
