"""A progress bar on a terminal."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn


class Bar:
    """How much was read, gone when the replay is done.

    Parameters
    ----------
    total
        Bytes of all sources.
    """

    def __init__(self, total: int) -> None:
        columns = (
            TextColumn("replay"),
            BarColumn(),
            TextColumn("{task.percentage:3.0f} %"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
        )
        self._progress = Progress(*columns, console=Console(stderr=True), transient=True)
        self._task = self._progress.add_task("replay", total=total)

    def __enter__(self) -> Any:
        self._progress.start()
        return lambda done: self._progress.advance(self._task, done)

    def __exit__(self, *_: object) -> None:
        self._progress.stop()
