"""Sources by their names, and how much of them was read, on a terminal."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from analyzer.replay.parquet import ParquetSource, is_parquet
from analyzer.replay.sources import FileSource, Source
from analyzer.settings import Settings


def open_sources(names: tuple[str, ...], settings: Settings) -> list[Source]:
    """The sources of these names, numbered from 0."""
    opened: list[Source] = []
    for name in names:
        if name.startswith("kafka://"):
            from analyzer.replay.topic import topic_sources  # noqa: PLC0415 - needs the client

            opened += topic_sources(name, settings, first=len(opened))
        elif is_parquet(name):
            opened.append(ParquetSource(name, len(opened)))
        else:
            opened.append(FileSource(name, len(opened), settings.core.max_record_bytes))
    return opened


def progress_of(sources: list[Source], *, quiet: bool) -> Any:
    """A context that gives what is to be called with how much was read; shows it on a terminal."""
    console = Console(stderr=True)
    sizes = [source.size for source in sources]
    if quiet or not console.is_terminal or None in sizes:
        return nullcontext(lambda _: None)
    return _Bar(console, sum(size or 0 for size in sizes))


class _Bar:
    """A progress bar on a terminal, gone when the replay is done."""

    def __init__(self, console: Console, total: int) -> None:
        columns = (
            TextColumn("replay"),
            BarColumn(),
            TextColumn("{task.percentage:3.0f} %"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
        )
        self._progress = Progress(*columns, console=console, transient=True)
        self._task = self._progress.add_task("replay", total=total)

    def __enter__(self) -> Any:
        self._progress.start()
        return lambda done: self._progress.advance(self._task, done)

    def __exit__(self, *_: object) -> None:
        self._progress.stop()
