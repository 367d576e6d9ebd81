"""Blocks between steps: bytes and back, and the gate against repeats and holes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.core.contracts.blocks import EventBlock, PaneBlock, Seen, decode, encode
from analyzer.core.contracts.events import EventColumns
from analyzer.core.kernels.interned_names import Names
from analyzer.errors import HoleError, StateError


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
