"""``analyzer worker``."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import click


@click.command()
@click.option(
    "--create-topics", is_flag=True, help="Create the topics that are missing; leave the others."
)
@click.option(
    "--skip-lost",
    is_flag=True,
    help="Go on although the broker has deleted records before they were read.",
)
@click.option(
    "--config",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="TOML file with settings; the environment wins over it.",
)
def worker(config: Path | None, *, create_topics: bool, skip_lost: bool) -> None:
    """Run one live worker until SIGTERM. Start more of them to share the work."""
    # Until Faust has its own handler, nothing is owned and nothing is to be saved.
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))

    from analyzer.settings import Settings  # noqa: PLC0415 - `analyzer --help` loads no stream

    settings = Settings.load(config)

    from analyzer.stream.owners.catalog import owner_maker  # noqa: PLC0415 - as above
    from analyzer.stream.run import work  # noqa: PLC0415 - as above

    work(settings, owner_maker, create_topics=create_topics, skip_lost=skip_lost)
