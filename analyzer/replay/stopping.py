"""Being asked to stop, by Ctrl-C or a supervisor, so that nothing half done is left."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

CODE = 128 + signal.SIGTERM


@contextmanager
def stoppable() -> Iterator[None]:
    """SIGTERM leaves through the same doors as an error does, with exit code 143."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, _leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _leave(_signal: int, _frame: object) -> NoReturn:
    sys.exit(CODE)
