"""Items made ahead by another thread."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from itertools import count, islice

import pytest

from analyzer.replay.ahead import ahead


def test_the_same_items_in_the_same_order() -> None:
    """However many they are, and none too."""
    assert [list(range(n)) for n in (0, 1, 2, 100)] == [
        list(ahead(range(n), 2)) for n in (0, 1, 2, 100)
    ]


def test_no_more_than_so_many_are_made_ahead() -> None:
    """Memory stays bounded: the thread waits for whoever takes the items."""
    made, second = list[int](), threading.Event()

    def items() -> Iterator[int]:
        for number in count():
            made.append(number)
            if number == 2:
                second.set()
            yield number

    items_ahead = ahead(items(), 2)
    assert next(items_ahead) == 0
    assert second.wait(10)
    assert made == [0, 1, 2, 3][: len(made)]
    items_ahead.close()  # type: ignore[attr-defined] # a generator


def test_an_error_comes_where_the_item_would_have() -> None:
    """What was made before it is delivered first."""

    def items() -> Iterator[int]:
        yield 1
        raise ValueError("broken")

    items_ahead = ahead(items(), 5)
    assert next(items_ahead) == 1
    with pytest.raises(ValueError, match="broken"):
        next(items_ahead)


def test_whoever_stops_early_ends_the_thread() -> None:
    """Nothing goes on in the background."""
    before = set(threading.enumerate())
    items_ahead = ahead(count(), 2)
    assert list(islice(items_ahead, 3)) == [0, 1, 2]
    [thread] = set(threading.enumerate()) - before
    items_ahead.close()  # type: ignore[attr-defined] # a generator
    thread.join(10)
    assert not thread.is_alive()
