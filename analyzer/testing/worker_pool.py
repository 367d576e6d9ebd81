"""A crew of worker processes under blows, and the supervisor that starts them again."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from analyzer.settings import Settings
from analyzer.testing import harness as trial

FROZEN_S = 8.0
MOST_WORKERS = 3


class Crew:
    """Two or three workers.

    Parameters
    ----------
    folder
        Where their logs go, one for each place in the crew.
    """

    def __init__(self, settings: Settings, folder: Path) -> None:
        self.settings = settings
        self.logs = [folder / f"{number}.log" for number in range(MOST_WORKERS)]
        self.workers = [self._start(number) for number in (0, 1)]
        self.unexpected: list[int] = []
        """Exit codes of those that ended by themselves."""

    def _start(self, number: int) -> subprocess.Popen[bytes]:
        with self.logs[number].open("ab") as out:
            return subprocess.Popen(
                [sys.executable, "-m", "analyzer", "worker"],
                env=trial.environment(self.settings),
                stdout=out,
                stderr=subprocess.STDOUT,
            )

    def supervise(self) -> None:
        """Start again whatever has ended by itself."""
        for number, worker in enumerate(self.workers):
            if worker.poll() is not None:
                self.unexpected.append(worker.returncode)
                self.workers[number] = self._start(number)

    def strike(self, number: int, how: str) -> None:
        """One blow against one worker."""
        worker = self.workers[number]
        if how == "freeze":
            worker.send_signal(signal.SIGSTOP)
            time.sleep(FROZEN_S)
            worker.send_signal(signal.SIGCONT)
            return
        worker.send_signal(signal.SIGKILL if how == "kill" else signal.SIGTERM)
        code = worker.wait(15)
        just_born = how == "terminate" and code == -signal.SIGTERM  # the interpreter was loading
        if not just_born and code != (-signal.SIGKILL if how == "kill" else 0):
            raise AssertionError(f"a worker that got SIGTERM ended with {code}")
        self.workers[number] = self._start(number)

    def resize(self) -> None:
        """A third worker joins, or leaves again."""
        if len(self.workers) < MOST_WORKERS:
            self.workers.append(self._start(len(self.workers)))
            return
        leaving = self.workers.pop()
        leaving.terminate()
        leaving.wait(15)

    def work_off(self, within_s: float) -> bool:
        """Supervise until nothing is left to read; False if that is not so in time."""

        def done() -> bool:
            self.supervise()
            return trial.lag(self.settings) == 0

        return trial.wait_until(done, within_s, 1.0)

    def end(self) -> None:
        """SIGTERM to all."""
        for worker in self.workers:
            if worker.poll() is None:
                worker.terminate()
        for worker in self.workers:
            worker.wait(15)


@contextmanager
def working(crew: Crew) -> Iterator[Crew]:
    """The crew; whatever of it is left in the end is killed."""
    try:
        yield crew
    finally:
        for worker in crew.workers:
            worker.kill()
            worker.wait()
