"""``analyzer bench-adversary``: an operator who looks for the style in which he is found last.

He wants so many answers in so many days, has so much money, and sees after each attempt how much
of the work was done before the first alert. He begins with styles drawn at random and goes on by
changing a few choices of the best so far (an evolution strategy, (1 + λ); Beyer & Schwefel 2002).
Each attempt is the only operation in worlds of innocents that he has not seen before, so what wins
is a style and no accident of one world.

What accounts, cards and addresses cost are round figures of ours, told in the report; what
matters is that each disguise has a price.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import click
import numpy as np
import orjson

from analyzer.bench.detection.judge import judge
from analyzer.bench.detection.result import WHOLE
from analyzer.bench.detection.run import replay
from analyzer.bench.detection.truth import Operation, truth_in
from analyzer.simulate.draws import Rng
from analyzer.simulate.economy import economy
from analyzer.simulate.economy.economy import Economy
from analyzer.simulate.economy.styles import Style, draw_style
from analyzer.simulate.economy.writer import extraction_times

ACCOUNTS, DAYS = 1_500, 3.0
ANSWERS = 6_000
"""What he wants: answers without repeats and cover."""
BUDGET = 1_500.0
"""What he has, in dollars."""
DAY_H = 24.0
FIRST_SEED = 5_000
MUTATED = 3
"""Choices of the best style that an attempt changes."""
ACCOUNT = {"fresh": 0.5, "rolling": 0.5, "aged": 2.0, "bought": 4.0}
"""Dollars for an account of each age."""
CARD = {"own": 2.0, "virtual": 0.5, "few": 0.1, "one": 0.02, "missing": 0.5}
"""Dollars for what pays an account."""
REQUEST = {
    "own24": 0.001, "scatter": 0.002, "hosting": 0.001, "market": 0.001, "resi": 0.01,
    "resi_sticky": 0.01, "mobile": 0.02, "embed": 0.01,
}  # fmt: skip
"""Dollars for the way of a request, by egress."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """A style and how it fared."""

    style: Style
    cost: float
    """Dollars."""
    leak: float
    """Share of the answers before the first alert of medium or higher; 1 if there was none."""
    found: float
    """Share of the worlds in which it was found."""


def cost_of(style: Style) -> float:
    """Dollars for accounts, their successors, cards and requests, cover and repeats included."""
    hours = DAYS * DAY_H - style.start_h
    lives = 1.0 if style.life is None else max(1.0, hours / style.life)
    requests = style.n * style.per_day * hours / DAY_H
    each = ACCOUNT[style.ages] + CARD[style.payment]
    return style.n * lives * each + requests * REQUEST[style.egress]


def affordable(style: Style) -> Style | None:
    """The style at the pace that gives the answers wanted; None if that costs too much.

    Examples
    --------
    >>> style = affordable(replace(draw_style(np.random.default_rng(1), 72.0), n=9_000))
    >>> style is None
    True
    """
    hours = DAYS * DAY_H - style.start_h
    useful = (1 - style.camo) * (1 - style.repeats)
    paced = replace(style, hours=None, per_day=ANSWERS / useful / style.n / hours * DAY_H)
    return paced if cost_of(paced) <= BUDGET else None


def drawn(rng: Rng) -> Style:
    """A style at random that can be paid for."""
    while True:
        style = replace(draw_style(rng, DAYS * DAY_H), start_h=float(rng.uniform(25, 36)))
        if (paced := affordable(style)) is not None:
            return paced


def changed(rng: Rng, style: Style) -> Style:
    """The style with a few choices made anew, at equal answers, if that can be paid for."""
    names = [f.name for f in fields(Style) if f.name not in {"hours", "per_day", "start_h"}]
    while True:
        other = drawn(rng)
        chosen = rng.choice(names, MUTATED, replace=False).tolist()
        if "work" in chosen or "templates" in chosen:
            chosen += ["work", "templates"]  # they say one thing together
        mixed = replace(style, **{name: getattr(other, name) for name in chosen})
        if (paced := affordable(mixed)) is not None and paced != style:
            return paced


def attempt(style: Style, seeds: Sequence[int]) -> Attempt:
    """Let the operation run in each of these worlds."""
    leaks = [_leak(economy(seed, ACCOUNTS, DAYS, styles=(style,))) for seed in seeds]
    found = [leak for leak in leaks if leak is not None]
    told = [1.0 if leak is None else leak for leak in leaks]
    return Attempt(style, cost_of(style), float(np.mean(told)), len(found) / len(leaks))


def _leak(world: Economy) -> float | None:
    times = extraction_times(world.requests, [0])["0"]
    truth = truth_in(
        world.labels,
        lambda c: Operation(c["id"], c["family"], frozenset(c["accounts"]), times, 0.0),
    )
    _, records = replay(world)
    verdicts = judge(records[WHOLE], truth).campaigns
    return verdicts[0].leak if verdicts and verdicts[0].found else None


def search(rounds: int, width: int, worlds: int, jobs: int, seed: int) -> Iterator[list[Attempt]]:
    """Each round's attempts, the first drawn at random, the others from the best so far."""
    rng = np.random.default_rng(seed)
    context = multiprocessing.get_context("spawn")
    best: Attempt | None = None
    with context.Pool(jobs) as pool:
        for number in range(rounds):
            styles = [
                drawn(rng) if best is None else changed(rng, best.style) for _ in range(width)
            ]
            first = FIRST_SEED + number * worlds
            seeds = list(range(first, first + worlds))
            tried = pool.starmap(attempt, [(style, seeds) for style in styles])
            best = max([*tried, *([best] if best else [])], key=lambda a: a.leak)
            yield tried


def told_of(one: Attempt) -> dict[str, Any]:
    """An attempt as JSON."""
    return {"leak": one.leak, "found": one.found, "cost": one.cost, "style": asdict(one.style)}


@click.command(epilog="Example: analyzer bench-adversary --rounds 2 --width 4 --worlds 1")
@click.option("--rounds", default=5, show_default=True, help="Rounds of attempts.")
@click.option("--width", default=8, show_default=True, help="Attempts a round.")
@click.option("--worlds", default=2, show_default=True, help="Worlds in which each is tried.")
@click.option("--jobs", default=2, show_default=True, help="Processes.")
@click.option("--seed", default=7, show_default=True, help="Seed of the search.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("bench-adversary.json"))
def bench_adversary(
    *, rounds: int, width: int, worlds: int, jobs: int, seed: int, out: Path
) -> None:
    """Let an operator look for the style in which he is found last; writes bench-adversary.json."""
    click.echo(
        f"{ANSWERS:,} answers in {DAYS:.0f} days for at most ${BUDGET:,.0f}; leak: share of the "
        "answers before the first alert"
    )
    all_rounds = []
    for number, tried in enumerate(search(rounds, width, worlds, jobs, seed)):
        all_rounds.append(tried)
        best = max(tried, key=lambda a: a.leak)
        mean = float(np.mean([a.leak for a in tried]))
        found = float(np.mean([a.found for a in tried]))
        click.echo(
            f"round {number}: leak {mean:.3f} on average, {best.leak:.3f} at most; "
            f"found {found:.2f}"
        )
    best = max((a for tried in all_rounds for a in tried), key=lambda a: a.leak)
    result = {
        "answers": ANSWERS, "budget": BUDGET, "accounts": ACCOUNTS, "days": DAYS,
        "prices": {"account": ACCOUNT, "card": CARD, "request": REQUEST},
        "random": float(np.mean([a.leak for a in all_rounds[0]])),
        "best": told_of(best),
        "rounds": [[told_of(a) for a in tried] for tried in all_rounds],
    }  # fmt: skip
    out.write_bytes(orjson.dumps(result, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
    s = best.style
    click.echo(
        f"found last: leak {best.leak:.3f} for ${best.cost:,.0f}: {s.n} {s.ages} accounts, "
        f"payment {s.payment}, egress {s.egress}, client {s.client}, work {s.work}, "
        f"scheduler {s.scheduler.name}, cover {s.camo:.0%}, repeats {s.repeats:.0%} → {out}"
    )
