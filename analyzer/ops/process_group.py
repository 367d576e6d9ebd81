"""Processes that belong together: started, watched, and gone when the context ends.

Each runs in a session of its own, so that Ctrl-C reaches whoever started them alone, which then
ends them; whoever does not go is killed with all that it started.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Self

GRACE_S = 4.0
TAIL = 12


class Process:
    """One process and its log, which it goes on with when it is started again.

    Parameters
    ----------
    log
        What it writes to standard error, and to standard output unless that is a pipe.
    environment
        All of its variables; None: those of this process.
    pipe
        Whether its standard output can be read.
    ends
        Whether it may end by itself.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        log: Path,
        *,
        environment: dict[str, str] | None = None,
        pipe: bool = False,
        ends: bool = False,
    ) -> None:
        self.name, self.log = name, log
        self._command, self._environment = list(command), environment
        self._pipe, self._ends = pipe, ends
        self.start()

    def start(self) -> None:
        """Start, at first or again."""
        with self.log.open("ab") as log:
            self.popen = subprocess.Popen(  # noqa: S603 - our own command line
                self._command,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE if self._pipe else log,
                stderr=log,
                start_new_session=True,
            )

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self.popen.poll() is None

    @property
    def failed(self) -> bool:
        """Whether it ended with an error, or though it should not."""
        code = self.popen.poll()
        return code is not None and not (code == 0 and self._ends)

    def text(self) -> str:
        """All of its log."""
        return self.log.read_text("utf-8", "replace")

    def tail(self) -> str:
        """The end of its log."""
        return "\n".join(f"  {line}" for line in self.text().splitlines()[-TAIL:])

    def send_signal(self, number: int) -> None:
        """Any signal, to the process alone."""
        self.popen.send_signal(number)

    def terminate(self, within_s: float = 15.0) -> int:
        """SIGTERM; the exit code."""
        self.send_signal(signal.SIGTERM)
        return self.popen.wait(within_s)

    def kill(self) -> None:
        """SIGKILL, to it and all that it has started."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.popen.pid, signal.SIGKILL)
        self.popen.wait()

    def end(self, within_s: float) -> None:
        """Wait until it has gone, if it was asked to; then kill what is left of it."""
        with suppress(subprocess.TimeoutExpired):
            self.popen.wait(max(0.1, within_s))
        self.kill()
        if self.popen.stdout is not None:
            self.popen.stdout.close()


class ProcessGroup:
    """Processes with one environment, which end with the context.

    Parameters
    ----------
    environment
        Of every process.
    folder
        Where their logs go.
    grace_s
        How long they have when they are asked to end, in seconds.
    """

    def __init__(
        self, environment: dict[str, str], folder: Path, *, grace_s: float = GRACE_S
    ) -> None:
        self.environment = environment
        self._folder = folder
        self._grace_s = grace_s
        self.processes: list[Process] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """End all of them."""
        for process in self.processes:
            process.popen.terminate()
        deadline_s = time.monotonic() + self._grace_s
        for process in self.processes:
            process.end(deadline_s - time.monotonic())

    def start(
        self, *arguments: str, name: str = "", pipe: bool = False, ends: bool = False
    ) -> Process:
        """Start ``analyzer ARGUMENTS``; with ``pipe`` its standard output can be read."""
        name = name or arguments[0]
        process = Process(
            name,
            [sys.executable, "-m", "analyzer", *arguments],
            self._folder / f"{name}.log",
            environment=self.environment,
            pipe=pipe,
            ends=ends,
        )
        self.processes.append(process)
        return process

    def failed(self) -> Process | None:
        """One that has ended though it should not, if there is one."""
        return next((process for process in self.processes if process.failed), None)
