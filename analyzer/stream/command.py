"""``analyzer worker``."""

from __future__ import annotations

import asyncio
import os
import signal
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from analyzer.settings import Settings
    from analyzer.stream.topics import Layout


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

    from analyzer import logs  # noqa: PLC0415 - `analyzer --help` must not load the stream
    from analyzer.settings import Settings  # noqa: PLC0415 - as above
    from analyzer.stream import topics  # noqa: PLC0415 - as above
    from analyzer.stream.run import leave  # noqa: PLC0415 - as above
    from analyzer.warm import warm  # noqa: PLC0415 - as above

    settings = Settings.load(config)
    logs.setup(settings)
    layout = asyncio.run(topics.prepare(settings, create=create_topics))
    warm()
    with tempfile.TemporaryDirectory(prefix="analyzer-worker-") as data:
        code = _run(settings, layout, Path(data), skip_lost=skip_lost)
    leave(code)


def _run(settings: Settings, layout: Layout, data: Path, *, skip_lost: bool) -> int:
    from analyzer.stream.app import make_app  # noqa: PLC0415 - as above
    from analyzer.stream.kinds import owner_maker  # noqa: PLC0415 - as above
    from analyzer.stream.run import run  # noqa: PLC0415 - as above

    return run(make_app(settings, layout, owner_maker=owner_maker, data=data, skip_lost=skip_lost))
