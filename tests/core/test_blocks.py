"""Blocks between steps: bytes and back, and the gate against repeats and holes."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from analyzer.core.contracts.blocks import CohortBlock, EventBlock, PaneBlock, decode, encode
from analyzer.core.contracts.events import EventColumns
from analyzer.core.contracts.gate import Gate, Seen
from analyzer.core.contracts.stamp import Stamp
from analyzer.core.kernels.interned_names import Names
from analyzer.errors import HoleError, OtherSettingsError, StateError


def test_a_block_comes_back_from_bytes_as_it_was() -> None:
    """decode(encode(block)) is the block."""
    rows = EventColumns(
        ts_ms=np.array([1, 2]), chains=np.ones((2, 3), np.uint64), names=Names.of({2**63 + 1: "a"})
    )
    block = EventBlock(3, 10, 12, 77, idle=True, rows=rows)
    back = decode(encode(block), EventBlock)
    assert (back.source, back.start, back.stop, back.watermark_ms, back.idle) == (
        3,
        10,
        12,
        77,
        True,
    )
    assert back.rows.ts_ms.tolist() == [1, 2]
    assert back.rows.chains.tolist() == [[1, 1, 1], [1, 1, 1]]
    assert back.rows.names.as_dict() == {2**63 + 1: "a"}


@pytest.mark.parametrize("data", [b"", b"junk", b"\x93\xa1x\x01\x80", b"\xc1"])
def test_what_is_no_block_is_refused(data: bytes) -> None:
    """A poison message is a StateError, never a crash of another kind."""
    with pytest.raises(StateError):
        decode(data, EventBlock)


def test_a_block_of_another_kind_is_refused() -> None:
    """A pane block is no event block."""
    with pytest.raises(StateError, match="expected EventBlock"):
        decode(encode(PaneBlock(0, 0, 1)), EventBlock)
    for version in (3, 99):
        old = zstandard.compress(msgspec.msgpack.encode(["PaneBlock", version, {}]))
        with pytest.raises(OtherSettingsError, match=f"another release .format {version}, here"):
            decode(old, PaneBlock)
    either = decode(encode(PaneBlock(0, 0, 1)), CohortBlock, PaneBlock)
    assert isinstance(either, PaneBlock)


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 10)), max_size=40))
def test_every_position_is_taken_once_and_holes_are_told(ranges: list[tuple[int, int]]) -> None:
    """Whatever is sent again, the gate lets each position through exactly once, in order."""
    seen, taken = Seen({0: 0}), 0
    for start, length in ranges:
        if start > taken:
            with pytest.raises(HoleError):
                seen.first_new(0, start, start + length)
            continue
        first = seen.first_new(0, start, start + length)
        assert first == (taken if start + length > taken else None)
        taken = max(taken, start + length)
    assert seen.stops == {0: taken}


MOVES = st.lists(st.tuples(st.integers(0, 2), st.integers(1, 5)), max_size=40)


@given(MOVES)
def test_a_pane_is_open_once_all_have_sent_it(moves: list[tuple[int, int]]) -> None:
    """Whoever is behind decides; what is open is told once, in order, without a gap."""
    gate, stops, told = Gate(3), [0, 0, 0], 0
    for source, length in moves:
        gate.take(source, stops[source], stops[source] + length)
        stops[source] += length
        opened = gate.opened()
        assert opened == ((told, min(stops)) if min(stops) > told else None)
        told = min(stops)
        assert gate.open == told


@given(MOVES, st.integers(0, 40))
def test_a_restored_gate_goes_on(moves: list[tuple[int, int]], at: int) -> None:
    """Saved anywhere, it opens for the same panes."""
    gate, other, stops = Gate(3), Gate(3), [0, 0, 0]
    for number, (source, length) in enumerate(moves):
        if number == at:
            other.restore(gate.state())
        start, stops[source] = stops[source], stops[source] + length
        gate.take(source, start, stops[source])
        opened = gate.opened()
        if number >= at:
            other.take(source, start, stops[source])
            assert other.opened() == opened


def test_an_idle_source_holds_nobody_back() -> None:
    """Until more of it comes; what it said before that came does not count."""
    gate = Gate(2)
    gate.take(0, 0, 10, passed=7)
    gate.rest(1, 0)
    assert gate.opened() == (0, 7)
    gate.take(1, 0, 3, passed=7)
    gate.rest(1, 2)
    gate.take(0, 10, 20, passed=9)
    assert gate.opened() is None
    gate.rest(1, 3)
    assert gate.opened() == (7, 9)


def test_a_source_that_nobody_expects_is_told() -> None:
    """More shards before than now: it says so, instead of waiting for ever."""
    with pytest.raises(HoleError, match="source 2 where 2 are expected"):
        Gate(2).take(2, 0, 1)


LIVES = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 12), st.integers(1, 6)), max_size=40)
"""Which topic of a name, and a range of its offsets that is sent."""


@given(LIVES)
def test_a_topic_made_anew_is_counted_once_and_wholly(
    sent: list[tuple[int, int, int]],
) -> None:
    """Blocks of former topics come again in between: every offset of each is taken once."""
    gate, taken = Gate(1, grows=True), {0: 0, 1: 0, 2: 0}
    for life in taken:
        gate.take(0, 0, 0, passed=0, origin=f"topic-{life}")
    for life, start, length in sent:
        begin = min(start, taken[life])
        first = gate.take(0, begin, begin + length, passed=0, origin=f"topic-{life}")
        assert first == (taken[life] if begin + length > taken[life] else None)
        taken[life] = max(taken[life], begin + length)


def test_the_new_topic_decides_how_far_its_source_is() -> None:
    """Not the old one, which may have been far ahead; and what comes late of it moves nothing."""
    gate = Gate(2, grows=True, origin="old")
    gate.take(0, 0, 10, passed=99, origin="old")
    gate.take(1, 0, 10, passed=5, origin="old")
    assert gate.opened() == (0, 5)
    gate.take(0, 0, 3, passed=7, origin="new")
    gate.take(0, 10, 11, passed=100, origin="old")
    gate.rest(0, 11, origin="old")
    gate.take(1, 0, 3, passed=50, origin="new")
    assert gate.opened() == (5, 7)
    gate.rest(0, 3, origin="new")
    assert gate.opened() == (7, 50)


@given(st.integers(1, 6), st.integers(1, 6), st.booleans())
def test_partitions_added_and_a_smaller_topic(before: int, now: int, anew: bool) -> None:
    """Who is added holds the panes until it speaks; who is gone with its topic holds nobody."""
    gate = Gate(before, grows=True, origin="old")
    for source in range(before):
        gate.take(source, 0, 5, passed=3, origin="old")
    origin = "new" if anew else "old"
    restored = Gate(now, grows=True, origin=origin)
    restored.restore(gate.state())
    sources = now if anew else max(before, now)
    for source in range(sources):
        assert restored.opened() == ((0, 3) if source == 0 and now <= before else None)
        start = 0 if anew or source >= before else 5
        restored.take(source, start, start + 5, passed=9, origin=origin)
    last = restored.opened()
    assert last is not None
    assert last[1] == 9


def test_a_block_of_another_source_makes_no_room_for_nonsense() -> None:
    """A number that no partition has is told, not made room for."""
    with pytest.raises(HoleError, match="source 1000000000 where 2 are expected"):
        Gate(2, grows=True).take(10**9, 0, 1)


OURS = Stamp("aa", {"core.pane_s": "1", "shards": "4"})


@pytest.mark.parametrize(
    ("stamp", "taken"),
    [
        (OURS, True),
        (Stamp("bb", OURS.state), True),
        (Stamp("aa", {"core.pane_s": "2", "shards": "4"}), False),
        (Stamp("aa", {"core.pane_s": "1"}), False),
    ],
)
def test_a_block_of_other_settings_is_refused(stamp: Stamp, taken: bool) -> None:
    """Unless they only decide what follows."""
    data = encode(PaneBlock(0, 0, 1), stamp)
    if taken:
        assert decode(data, PaneBlock, stamp=OURS).stop == 1
        return
    with pytest.raises(OtherSettingsError, match="config_hash"):
        decode(data, PaneBlock, stamp=OURS)
