"""``python -m analyzer.simulate.economy``: a world and its truth into a folder."""

from __future__ import annotations

from pathlib import Path

import click

from analyzer.simulate.economy.economy import economy
from analyzer.simulate.economy.traces import client_shapes


@click.command()
@click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True)
@click.option("--accounts", type=click.IntRange(min=50), default=5_000, show_default=True)
@click.option("--days", type=click.FloatRange(min=0.5), default=6.0, show_default=True)
@click.option("--data", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), required=True)
def main(*, seed: int, accounts: int, days: float, data: Path | None, out: Path) -> None:
    """Write events.ndjson, truth.json and extraction_times.npz into a folder."""
    world = economy(seed, accounts, days, shapes=None if data is None else client_shapes(data))
    world.write(out)
    click.echo(
        f"{len(world.requests):,} requests, {len(world.operations)} operations, "
        f"{len(set(world.world.groups.values()))} innocent groups"
    )


if __name__ == "__main__":
    main()
