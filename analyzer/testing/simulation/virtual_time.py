"""An event loop whose time passes only when everybody waits: hours of pauses cost nothing."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class DeadlockError(RuntimeError):
    """Everybody waits, and for nothing that will ever come."""


class _Waiting(selectors.SelectSelector):
    """Lets time pass instead of waiting."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> list[Any]:
        """Nothing comes from outside."""
        if timeout is None:
            raise DeadlockError
        self.now += max(0.0, timeout)
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """Runs everything in one thread, in an order that depends on the program alone.

    Examples
    --------
    >>> async def main():
    ...     await asyncio.sleep(3_600)
    ...     return await asyncio.to_thread(lambda: asyncio_time() >= 0)
    >>> asyncio_time = lambda: 0
    >>> run_virtually(main())
    True
    """

    def __init__(self) -> None:
        self._waiting = _Waiting()
        super().__init__(self._waiting)

    def time(self) -> float:
        """Seconds since the world began."""
        return self._waiting.now

    def run_in_executor(  # type: ignore[override] # at once, instead of in another thread
        self, _executor: Any, func: Callable[..., T], *args: Any
    ) -> asyncio.Future[T]:
        """Call it now."""
        done: asyncio.Future[T] = self.create_future()
        try:
            done.set_result(func(*args))
        except Exception as error:  # noqa: BLE001 - it comes up where it is waited for
            done.set_exception(error)
        return done


def run_virtually(main: Coroutine[Any, Any, T]) -> T:
    """Run to the end, in virtual time."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)
