"""``analyzer simulate``: write a world to a file or stream it to a broker."""

from __future__ import annotations

import asyncio
import datetime as dt
import math
from pathlib import Path
from typing import Any

import click
import orjson

from analyzer.core.config import MOST
from analyzer.errors import UsageError
from analyzer.simulate.economy import Economy, economy
from analyzer.simulate.scenarios import SCENARIOS, scenario_named
from analyzer.simulate.world import DEFAULT_START_MS, Labels, World, generate
from analyzer.whole_files import whole_file

ECONOMY_DAYS = 6.0
SHORTEST, SHORTEST_ECONOMY = 0.05, 0.25


def labels_path(out: Path) -> Path:
    """Where the labels of a file of events are written."""
    return out.with_name(out.name + ".labels.json")


def write(world: World | Economy, out: Path) -> None:
    """Write events and, next to them, labels."""
    with whole_file(out) as file:
        file.writelines(world.chunks())
    write_labels(world.labels, labels_path(out))


def write_labels(labels: Labels, path: Path) -> None:
    """Write the truth about a world as JSON."""
    with whole_file(path) as file:
        file.write(orjson.dumps(labels, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))


class Measure(click.FloatRange):
    """A number that can be worked with, which NaN is not."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """The number; fails if it is none, or out of range."""
        found = float(super().convert(value, param, ctx))
        return self.fail(f"{value} is no number", param, ctx) if math.isnan(found) else found


@click.command()
@click.option("--scenario", required=True, help=f"One of: {', '.join(SCENARIOS)}, economy.")
@click.option("--seed", type=click.IntRange(0, MOST), default=1, show_default=True)
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="File to write.")
@click.option("--broker", help="Broker to stream to instead: kafka://HOST:PORT[,HOST:PORT].")
@click.option("--rate", type=Measure(min=0, min_open=True), help="Events per second.")
@click.option("--scale", type=Measure(0, 1_000, min_open=True), default=1.0, show_default=True)
@click.option(
    "--accounts",
    type=click.IntRange(min=50),
    help="Innocent accounts of the economy; 5000 by default.",
)
@click.option("--days", type=Measure(SHORTEST, 3_650), help="Length of the world.")
@click.option("--start", help="Start as ISO 8601, UTC unless it says otherwise.")
@click.option(
    "--ends-now",
    is_flag=True,
    help="End the world now, as --broker does.",
)
def simulate(
    *,
    scenario: str,
    seed: int,
    out: Path | None,
    broker: str | None,
    rate: float | None,
    scale: float,
    accounts: int | None,
    days: float | None,
    start: str | None,
    ends_now: bool,
) -> None:
    """Simulate request events, with a labels file that tells who is who.

    Give --out for a file of NDJSON (labels go to FILE.labels.json) or --broker for a topic.
    """
    if accounts is not None and scenario != "economy":
        raise UsageError("--accounts goes with --scenario economy; others take --scale")
    if scenario == "economy" and days is not None and days < SHORTEST_ECONOMY:
        raise UsageError(f"--days: an economy lasts {SHORTEST_ECONOMY} at least")
    length = days or (ECONOMY_DAYS if scenario == "economy" else scenario_named(scenario).days)
    if (out is None) == (broker is None):
        raise UsageError("give either --out FILE or --broker URL")
    if rate is not None and broker is None:
        raise UsageError("--rate goes with --broker")
    if start is not None and ends_now:
        raise UsageError("give --start or --ends-now, not both")
    ends_now = ends_now or (broker is not None and start is None)
    length_ms = int(length * 86_400_000)
    begin_ms = _now_ms() - length_ms if ends_now else _start_ms(start)
    world: World | Economy
    if scenario == "economy":
        world = economy(seed, accounts or round(5_000 * scale), length, start_ms=begin_ms)
    else:
        world = generate(scenario, seed, scale, days, begin_ms)
    if out is not None:
        write(world, out)
    elif broker is not None:
        _stream(world, broker, rate)
    click.echo(_summary(world.labels))


def _stream(world: World | Economy, broker: str, rate: float | None) -> None:
    from analyzer.simulate.produce import produce  # noqa: PLC0415 - a file needs no broker client

    asyncio.run(produce(world, broker, rate))


def _start_ms(text: str | None) -> int:
    if text is None:
        return DEFAULT_START_MS
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError as error:
        raise UsageError(
            f"--start {text!r} is no ISO 8601 time; write 2026-03-02T00:00Z"
        ) from error
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=dt.UTC)
    return int(moment.timestamp() * 1_000)


def _now_ms() -> int:
    return int(dt.datetime.now(dt.UTC).timestamp() * 1_000)


def _summary(labels: Labels) -> str:
    return (
        f"{labels['requests']:,} requests of {labels['organisations']:,} organisations; "
        f"campaigns: {len(labels['campaigns'])}, look-alikes: {len(labels['lookalikes'])}"
    )
