"""Large blocks in parts: whole again, whatever comes between them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.errors import StateError
from analyzer.stream.transport import message_chunks as parts
from analyzer.stream.transport.message_chunks import FORGOTTEN_AFTER, Assembler, cut

BLOCK = b"\x93"
"""A block begins with a MessagePack array."""


def messages(data: bytes, sender: str = "s", number: int = 1, stop: int = 10) -> list[bytes]:
    """The messages of one block of source 0."""
    return list(cut(data, sender=sender, number=number, kind="B", source=0, stop=stop))


@pytest.fixture(autouse=True)
def _small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "PART_BYTES", 4)


def test_a_small_block_is_one_message() -> None:
    """What fits travels as it is."""
    assert messages(BLOCK + b"abc") == [BLOCK + b"abc"]


@given(st.binary(max_size=60))
def test_a_cut_block_is_whole_again(tail: bytes) -> None:
    """Cut and assembled is the same bytes, delivered with the last part."""
    assembler, data = Assembler(), BLOCK + tail
    found = [assembler.feed(i, message) for i, message in enumerate(messages(data))]
    assert found[-1] == data
    assert set(found[:-1]) <= {None}


def test_a_snapshot_does_not_cover_the_first_part_of_an_incomplete_block() -> None:
    """The cover stays at the first part until the last one has come."""
    assembler = Assembler()
    first, second, third = messages(BLOCK + b"23456789")
    covers = []
    for offset, message in [(7, first), (9, second), (10, third)]:
        assembler.feed(offset, message)
        covers.append(assembler.cover(offset + 1))
    assert covers == [7, 7, 11]


def test_two_senders_may_interleave() -> None:
    """A zombie's parts between its successor's harm nobody."""
    assembler = Assembler()
    a, b = messages(BLOCK + b"aaaaaaa", "a"), messages(BLOCK + b"bbbbbbb", "b")
    found = [assembler.feed(i, m) for i, m in enumerate([a[0], b[0], a[1], b[1]])]
    assert found == [None, None, BLOCK + b"aaaaaaa", BLOCK + b"bbbbbbb"]


def test_a_dead_senders_half_is_forgotten_when_its_range_was_delivered() -> None:
    """Otherwise the cover would stay where it is for ever."""
    assembler = Assembler()
    assembler.feed(3, messages(BLOCK + b"half of it", "dead", stop=10)[0])
    assembler.delivered("B", 0, 9)
    assert assembler.cover(20) == 3
    assembler.delivered("B", 0, 10)
    assert assembler.cover(20) == 20


def test_parts_below_the_start_of_reading_are_passed_over() -> None:
    """A reader that begins in the middle of a block delivers nothing of it."""
    assembler = Assembler()
    assert [assembler.feed(5, message) for message in messages(BLOCK + b"23456")[1:]] == [None]


def test_a_damaged_part_is_loud() -> None:
    """Bytes that only look like a part stop the reader."""
    with pytest.raises(StateError, match="damaged part"):
        Assembler().feed(0, b"\x00nonsense")


def test_a_half_that_comes_after_its_range_was_delivered_holds_nothing() -> None:
    """A frozen sender that wakes up: nothing waits for the rest of what is known."""
    assembler = Assembler()
    assembler.delivered("B", 0, 10)
    first, *_ = messages(bytes(12), "zombie", 1, 10)
    assert assembler.feed(7, first) is None
    assert assembler.cover(8) == 8
    newer, *_ = messages(bytes(12), "zombie", 2, 11)
    assert assembler.feed(8, newer) is None
    assert assembler.cover(9) == 8


def test_a_part_that_nobody_of_ours_sent_holds_a_snapshot_for_a_while_only() -> None:
    """Else it would be covered never, and its deletion would stop the worker."""
    assembler = Assembler()
    foreign, *_ = messages(bytes(12), "foreign", 1, 10**12)
    assert assembler.feed(7, foreign) is None
    assert assembler.cover(7 + FORGOTTEN_AFTER) == 7
    assert assembler.cover(8 + FORGOTTEN_AFTER) == 8 + FORGOTTEN_AFTER
