"""A pool of workers that faults are injected into, and which starts them again."""

from __future__ import annotations

import signal
import time
from pathlib import Path

from analyzer.ops.process_group import Process, ProcessGroup
from analyzer.settings import Settings
from analyzer.testing import harness

FROZEN_S = 8.0
MOST_WORKERS = 3
END_WITHIN_S = 15.0


class WorkerPool(ProcessGroup):
    """Two or three workers; whatever of them is left in the end is killed.

    Parameters
    ----------
    folder
        Where their logs go, one for each place in the pool.
    """

    def __init__(self, settings: Settings, folder: Path) -> None:
        super().__init__(harness.environment(settings), folder, grace_s=0.0)
        self.settings = settings
        self.logs = [folder / f"{number}.log" for number in range(MOST_WORKERS)]
        self.unexpected: list[int] = []
        """Exit codes of those that ended by themselves."""
        for number in (0, 1):
            self.start("worker", name=str(number))

    @property
    def workers(self) -> list[Process]:
        """Those that should run."""
        return self.processes

    def supervise(self) -> None:
        """Start again whatever has ended by itself."""
        for worker in self.workers:
            if not worker.running:
                self.unexpected.append(worker.popen.returncode)
                worker.start()

    def inject(self, number: int, fault: str) -> None:
        """One fault in one worker: freeze, kill or terminate."""
        worker = self.workers[number]
        if fault == "freeze":
            worker.popen.send_signal(signal.SIGSTOP)
            time.sleep(FROZEN_S)
            worker.popen.send_signal(signal.SIGCONT)
            return
        worker.popen.send_signal(signal.SIGKILL if fault == "kill" else signal.SIGTERM)
        code = worker.popen.wait(END_WITHIN_S)
        starting = fault == "terminate" and code == -signal.SIGTERM  # the interpreter was loading
        if not starting and code != (-signal.SIGKILL if fault == "kill" else 0):
            raise AssertionError(f"a worker that got SIGTERM ended with {code}")
        worker.start()

    def resize(self) -> None:
        """A third worker joins, or leaves again."""
        if len(self.workers) < MOST_WORKERS:
            self.start("worker", name=str(len(self.workers)))
            return
        self.processes.pop().terminate(END_WITHIN_S)

    def work_off(self, within_s: float) -> bool:
        """Supervise until nothing is left to read; False if that is not so in time."""

        def done() -> bool:
            self.supervise()
            return harness.lag(self.settings) == 0

        return harness.wait_until(done, within_s, 1.0)

    def end(self) -> None:
        """SIGTERM to all."""
        for worker in self.workers:
            if worker.running:
                worker.popen.terminate()
        for worker in self.workers:
            worker.popen.wait(END_WITHIN_S)
