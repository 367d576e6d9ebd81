"""Work done ahead of whoever needs it, by a thread of its own."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from queue import SimpleQueue
from typing import Generic, TypeVar

T = TypeVar("T")


def ahead(items: Iterable[T], count: int) -> Iterator[T]:
    """The same items in the same order, made by another thread up to ``count`` of them ahead.

    An error comes up in the place of the item that was not made. Whoever stops early makes the
    thread stop with the next item.

    Examples
    --------
    >>> list(ahead(range(5), 2))
    [0, 1, 2, 3, 4]
    """
    made: SimpleQueue[_Made[T] | _End] = SimpleQueue()
    room, left = threading.Semaphore(count), threading.Event()

    def make() -> None:
        end = _End()
        try:
            for item in items:
                made.put(_Made(item))
                room.acquire()
                if left.is_set():
                    return
        except BaseException as error:  # noqa: BLE001 - raised again where it is waited for
            end.error = error
        made.put(end)

    threading.Thread(target=make, name="ahead", daemon=True).start()
    try:
        while isinstance(found := made.get(), _Made):
            room.release()
            yield found.item
    finally:
        left.set()
        room.release()
    if found.error is not None:
        raise found.error


class _Made(Generic[T]):
    """An item."""

    __slots__ = ("item",)

    def __init__(self, item: T) -> None:
        self.item = item


class _End:
    """No more items."""

    error: BaseException | None = None
