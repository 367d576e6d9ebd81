"""A pane of which every event differs in everything: what it takes while it is closed and sent.

Bytes are those that Python and NumPy ask for, per event and beside what was held before.
"""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields

import numpy as np
import pytest

from analyzer.core.account.step import AccountStep
from analyzer.core.config import CoreConfig
from analyzer.core.contracts.blocks import EventBlock, PaneBlock, decode, encode
from analyzer.core.contracts.events import EventColumns
from analyzer.core.contracts.pane_columns import PaneColumns

EVENTS = 200_000
PANE = 1_000
CONFIG = CoreConfig()
DIFFERENT = ("event", "account", "org", "template", "block", "tls", "agent", "payment", "model",
             "prompt")  # fmt: skip
OF_TABLES = 280
"""What the tables of the pane hold of an event with ten different hashes, six of them objects."""


@contextmanager
def _at_most(per_event: int) -> Iterator[None]:
    """No more than so many bytes an event are asked for beside what is there."""
    tracemalloc.start()
    try:
        yield
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak / EVENTS < per_event


def _open() -> AccountStep:
    """A step with the open pane."""
    step, rng = AccountStep(CONFIG, shard=0, sources=1), np.random.default_rng(1)
    hashes = {name: rng.integers(1, 2**64 - 1, EVENTS, np.uint64) for name in DIFFERENT}
    ts_ms = PANE * CONFIG.pane_ms + np.arange(EVENTS) * (CONFIG.pane_ms - 1) // EVENTS
    none = dict.fromkeys(("asn", "params", "failure"), np.zeros(EVENTS, np.uint64))
    rows = EventColumns(
        offset=np.arange(EVENTS),
        ts_ms=ts_ms,
        output_tokens=np.arange(EVENTS) + 7,
        created_ms=np.full(EVENTS, -1),
        chains=np.zeros((EVENTS, 0), np.uint64),
        **hashes,  # type: ignore[arg-type] # columns of hashes
        **none,  # type: ignore[arg-type] # the same
    )
    step.feed(EventBlock(0, 0, EVENTS, PANE * CONFIG.pane_ms, rows=rows))
    return step


def _close(step: AccountStep) -> PaneBlock:
    (block,) = step.feed(EventBlock(0, EVENTS, EVENTS + 1, (PANE + 1) * CONFIG.pane_ms)).made
    return block


@pytest.fixture(scope="module")
def block() -> PaneBlock:
    """What is made of the pane; what is compiled at its first call is by now."""
    made = _close(_open())
    assert len(made.rows.pair_org) == 6 * EVENTS
    decode(encode(made), PaneBlock)
    return made


@pytest.mark.usefixtures("block")
def test_it_is_closed_with_little_beside_its_tables() -> None:
    """What its pairs were made of is let go of before the other tables are made."""
    step = _open()
    with _at_most(OF_TABLES + 140):
        _close(step)


def test_its_tables_hold_no_more_than_is_needed(block: PaneBlock) -> None:
    """A kind is one byte and a number of pane is there once."""
    columns = (getattr(block.rows, f.name) for f in fields(PaneColumns) if f.name != "names")
    held = sum(column.nbytes for column in columns if column.strides != (0,))
    assert held / EVENTS < OF_TABLES


def test_it_is_sent_as_one_copy(block: PaneBlock) -> None:
    """Compressed column by column, it is there once more: as the bytes that are sent."""
    sent = len(encode(block)) // EVENTS
    with _at_most(sent + 60):
        encode(block)


def test_it_is_read_as_one_copy(block: PaneBlock) -> None:
    """Columns are views of what was unfolded, but for those that were kept in fewer bytes."""
    data = encode(block)
    with _at_most(OF_TABLES + 130):
        back = decode(data, PaneBlock)
    for f in fields(PaneColumns):
        if f.name != "names":
            column = getattr(back.rows, f.name)
            np.testing.assert_array_equal(column, getattr(block.rows, f.name))
            assert column.flags.aligned
