"""Processes that belong together: started, watched, and gone when the context ends.

Each runs in a session of its own, so that Ctrl-C reaches the demo alone, which then ends them;
whoever does not go is killed with all that it started.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from pathlib import Path

GRACE_S = 4.0
TAIL = 12


@dataclass(frozen=True, slots=True)
class Player:
    """One process."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path
    """What it wrote to standard error."""
    ends: bool
    """Whether it may end by itself."""

    @property
    def has_fallen(self) -> bool:
        """Whether it left with an error or though it should not."""
        code = self.process.poll()
        return code is not None and not (code == 0 and self.ends)

    def last_words(self) -> str:
        """The end of its log."""
        lines = self.log.read_text("utf-8", "replace").splitlines()
        return "\n".join(f"  {line}" for line in lines[-TAIL:])


class Troupe:
    """Commands of ours in one environment.

    Parameters
    ----------
    environment
        Of every process.
    folder
        Where their logs go.
    """

    def __init__(self, environment: dict[str, str], folder: Path) -> None:
        self._environment = environment
        self._folder = folder
        self._players: list[Player] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """End everybody."""
        for player in self._players:
            player.process.terminate()
        deadline_s = time.monotonic() + GRACE_S
        for player in self._players:
            end(player.process, deadline_s - time.monotonic())

    @property
    def broker(self) -> str:
        """Where everybody connects to."""
        return self._environment["ANALYZER_BROKER"]

    def start(self, *arguments: str, pipe: bool = False, ends: bool = False) -> Player:
        """Start ``analyzer ARGUMENTS``; with ``pipe`` its standard output can be read."""
        name = arguments[0]
        path = self._folder / f"{name}.log"
        with path.open("wb") as log:
            process = subprocess.Popen(  # noqa: S603 - our own command line
                [sys.executable, "-m", "analyzer", *arguments],
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE if pipe else log,
                stderr=log,
                start_new_session=True,
            )
        player = Player(name, process, path, ends)
        self._players.append(player)
        return player

    def fallen(self) -> Player | None:
        """Somebody who is not there any more but should be, if there is one."""
        return next((player for player in self._players if player.has_fallen), None)


def end(process: subprocess.Popen[bytes], within_s: float) -> None:
    """Wait for a process that was asked to go; then kill it with all that it started."""
    with suppress(subprocess.TimeoutExpired):
        process.wait(max(0.1, within_s))
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    if process.stdout is not None:
        process.stdout.close()
