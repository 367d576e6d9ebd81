"""Being asked to stop, by Ctrl-C or a supervisor, so that nothing half done is left."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn, Self

CODE = 128 + signal.SIGTERM
INTERRUPTED = 128 + signal.SIGINT


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


class Interrupt:
    """Ctrl-C as a question: once it asks to stop, twice it stops at once.

    Call it to know whether it was asked.
    """

    def __init__(self) -> None:
        self._asked = False

    def __call__(self) -> bool:
        """True once Ctrl-C was pressed."""
        return self._asked

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGINT, self._ask)
        return self

    def __exit__(self, *_: object) -> None:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, self._before)

    def _ask(self, _signal: int, _frame: object) -> None:
        if self._asked:
            raise KeyboardInterrupt
        self._asked = True


def _leave(_signal: int, _frame: object) -> NoReturn:
    sys.exit(CODE)
