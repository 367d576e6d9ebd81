"""Watermarks, lateness and jumps of time."""

from __future__ import annotations

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.core.config import CoreConfig
from analyzer.core.contracts.event_time import NO_WATERMARK, late_rows
from analyzer.core.ingest.jump_guard import CONFIRMATIONS, JumpGuard
from analyzer.core.pipeline import Pipeline
from analyzer.testing.reference_run import raw_batch

HOUR = 3_600_000
TIMES = st.lists(st.integers(0, 100_000), min_size=1, max_size=80)


@given(TIMES, st.integers(1, 79))
def test_lateness_does_not_depend_on_batches(times: list[int], cut: int) -> None:
    """Splitting a source anywhere gives the same late rows and the same watermark."""
    whole, end = late_rows(np.array(times), NO_WATERMARK, 10_000, 5)
    parts, mark = [], NO_WATERMARK
    for part in (times[:cut], times[cut:]):
        if part:
            late, mark = late_rows(np.array(part), mark, 10_000, 5)
            parts += late.tolist()
    assert parts == whole.tolist()
    assert mark == end


@given(TIMES)
def test_a_row_is_late_when_its_own_source_has_sealed_its_pane(times: list[int]) -> None:
    """The rule of the design, row by row.

    ::

        pane 0 |0........9999| pane 1 |10000....       lateness 5 s
        event at 15000 seals pane 0; an event at 9999 after it is late, before it is not
    """
    late, _ = late_rows(np.array(times), NO_WATERMARK, 10_000, 5)
    greatest = NO_WATERMARK
    for time, is_late in zip(times, late.tolist(), strict=True):
        assert is_late == ((time // 10_000 + 1) * 10_000 <= greatest - 5_000)
        greatest = max(greatest, time)


def guarded(times: list[int], batch: int) -> tuple[list[int], list[int]]:
    """Times passed and refused by a guard with a limit of one hour."""
    guard = JumpGuard[int](HOUR)
    passed, refused = [], []
    for start in range(0, len(times), batch):
        part = times[start : start + batch]
        good, bad = guard.pass_on(part, part)
        passed += good
        refused += bad
    good, bad = guard.finish()
    return passed + good, refused + bad


def test_a_single_record_from_the_far_future_is_refused() -> None:
    """It neither passes nor moves time for those after it."""
    times = [i * 1_000 for i in range(40)]
    assert guarded([*times[:20], 10**13, *times[20:]], 7) == (times, [10**13])


def test_the_first_record_may_be_the_wrong_one() -> None:
    """The start of a source is judged by what follows it."""
    times = [i * 1_000 for i in range(40)]
    assert guarded([10**13, *times], 5) == (times, [10**13])


def test_a_pause_longer_than_the_limit_is_believed() -> None:
    """A run of records after a silence confirms that time went on."""
    times = list(range(20)) + [50 * HOUR + i for i in range(CONFIRMATIONS)]
    assert guarded(times, 6) == (times, [])


def test_a_sparse_source_loses_nothing() -> None:
    """Records days apart, in order, all pass."""
    times = [i * 30 * HOUR for i in range(21)]
    assert guarded(times, 4) == (times, [])


@given(st.lists(st.integers(0, 400), min_size=1, max_size=60), st.integers(1, 20))
def test_the_guard_does_not_depend_on_batches(hours: list[int], batch: int) -> None:
    """Any batch size passes and refuses the same records, and loses none."""
    times = [hour * HOUR // 4 for hour in hours]
    passed, refused = guarded(times, batch)
    assert (passed, refused) == guarded(times, 1_000)
    assert sorted(passed + refused) == sorted(times)


@pytest.mark.parametrize("batch", [1, 2, 3])
def test_the_end_of_the_input_closes_every_pane(batch: int) -> None:
    """Each of three events is counted once the input has ended, whatever the batches."""
    lines = [
        orjson.dumps(
            {
                "event_id": str(number),
                "timestamp_ms": 1_800_000_000_000 + number * 400_000,
                "account_id": "a",
                "model": "m",
                "input_tokens": 1,
                "output_tokens": 1,
                "status": "ok",
            }
        )
        for number in range(3)
    ]
    pipeline = Pipeline(CoreConfig())
    batches = [raw_batch(lines[at : at + batch], at) for at in range(0, 3, batch)]
    counted = [
        int(pane.rows.org_requests.sum())
        for raw in [*batches, None]
        for pane in pipeline.gather(pipeline.read(0, raw).made).made
    ]
    assert sum(counted) == 3
