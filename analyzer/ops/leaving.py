"""The end of a process whose way down may hang on a broker that is away."""

from __future__ import annotations

import os
import sys
import threading

LEAVE_WITHIN_S = 5.0


def leave_soon(code: int, within_s: float = LEAVE_WITHIN_S) -> None:
    """End the process with this exit code if it has not ended by itself in time."""

    def leave() -> None:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)

    timer = threading.Timer(within_s, leave)
    timer.daemon = True
    timer.start()
