"""Sources by their names, and how much of them was read, on a terminal."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from typing import Any

from analyzer.errors import UsageError
from analyzer.replay.parquet import ParquetSource, is_parquet
from analyzer.replay.sources import FileSource, Source
from analyzer.settings import Settings


def open_sources(names: tuple[str, ...], settings: Settings) -> list[Source]:
    """The sources of these names, numbered from 0.

    Raises
    ------
    UsageError
        If there is no such source, or standard input is given twice.
    """
    if names.count("-") > 1:
        raise UsageError("-: standard input can be read once; give it once")
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
    sizes = [source.size for source in sources]
    if quiet or not sys.stderr.isatty() or None in sizes:
        return nullcontext(lambda _: None)
    from analyzer.replay.progress import Bar  # noqa: PLC0415 - loaded for a terminal alone

    return Bar(sum(size or 0 for size in sizes))
