"""Whether an event loop still turns, seen from a thread beside it."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
import time

import structlog

BEAT_S = 1.0
COMPUTING = 0.1
"""A loop that uses more than this share of a core computes."""
PATIENCE = 0.1
"""What a second of computing counts, in seconds of hanging."""
EXIT_FAILED = 1

log = structlog.get_logger("analyzer.ops.loop_watchdog")


class LoopWatchdog:
    """Ends the process with 1 if its event loop is silent for too long.

    A loop that computes, such as a worker that catches up with a month, is given ten times as
    long as one that hangs. A process that was stopped and goes on is not taken for silent: its
    time is counted in the looks of the thread, which stopped too.

    Parameters
    ----------
    silent_s
        How long the loop may hang, in seconds.
    """

    def __init__(self, silent_s: float) -> None:
        self._limit_s = silent_s
        self._beats = 0
        self._silent_s = self._hung_s = 0.0
        self._done = threading.Event()

    async def beat(self) -> None:
        """Beat until cancelled; call once."""
        clock = time.pthread_getcpuclockid(threading.get_ident())
        threading.Thread(target=self._listen, args=(clock,), name="watchdog", daemon=True).start()
        try:
            while True:
                self._beats += 1
                await asyncio.sleep(BEAT_S / 2)
        finally:
            self._done.set()

    def unhealthy(self) -> str | None:
        """What is wrong, from half of the time that is allowed; None if nothing is."""
        if self._hung_s < self._limit_s / 2:
            return None
        return f"the event loop has not turned for {self._silent_s:.0f} s"

    def _listen(self, clock: int) -> None:
        heard, used_s = -1, 0.0
        while self._hung_s < self._limit_s:
            if self._done.wait(BEAT_S):
                return
            now_s = time.clock_gettime(clock)
            computes, used_s = now_s - used_s > COMPUTING * BEAT_S, now_s
            if self._beats == heard:
                self._silent_s += BEAT_S
                self._hung_s += BEAT_S * (PATIENCE if computes else 1.0)
            else:
                self._silent_s = self._hung_s = 0.0
            heard = self._beats
        log.critical("process ends", reason=self.unhealthy())
        sys.stderr.flush()
        os._exit(EXIT_FAILED)
