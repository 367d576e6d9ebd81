"""Time is believed as far as independent accounts bear it out, whatever one clock says."""

from __future__ import annotations

from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzer.core.config import CoreConfig
from analyzer.core.contracts.event_time import NO_WATERMARK
from analyzer.core.ingest.clock_rows import AHEAD, HELD, LATE, PASSED
from analyzer.core.ingest.source_clock import ClockRules, SourceClock
from analyzer.core.ingest.step import IngestStep, RawBatch
from analyzer.core.kernels.byte_strings import Texts

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
START = 1_772_532_000_000
RULES = ClockRules(
    far_ms=HOUR, lateness_ms=5 * MINUTE, pane_ms=10 * MINUTE, quorum=0.75, stale_after_ms=DAY
)
Row = tuple[int, int]
"""Time and account."""


def account_hashes(accounts: list[int]) -> Any:
    """Hashes that spread as those of ids do."""
    return (np.array(accounts, np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)


def verdicts(rows: list[Row], *, topic: bool, batch: int = 1_000_000) -> list[int]:
    """Verdict on each row in the end, those held before included."""
    clock = SourceClock(RULES)
    found: list[int] = []
    for at in range(0, len(rows), batch):
        part = rows[at : at + batch]
        times = np.array([t for t, _ in part], np.int64)
        hashes = account_hashes([account for _, account in part])
        judged = clock.judge(times, hashes, np.full(len(part), -1) if topic else None)
        found += judged.verdicts.tolist()
        for row, verdict in zip(judged.rows.tolist(), judged.decided.tolist(), strict=True):
            assert found[row - 1] == HELD
            found[row - 1] = verdict
    last = clock.finish()
    for row, verdict in zip(last.rows.tolist(), last.decided.tolist(), strict=True):
        found[row - 1] = verdict
    return found


def honest(count: int, accounts: int, step_ms: int, seed: int) -> list[Row]:
    """Rows in the order of time, a little shuffled."""
    draw = np.random.default_rng(seed)
    return [
        (START + i * step_ms + int(draw.integers(MINUTE)), int(draw.integers(accounts)))
        for i in range(count)
    ]


@settings(max_examples=60)
@given(
    ahead=st.integers(6 * MINUTE, 40 * DAY),
    at=st.integers(0, 299),
    accounts=st.integers(12, 400),
    topic=st.booleans(),
)
def test_one_wrong_row_costs_nobody_else(ahead: int, at: int, accounts: int, topic: bool) -> None:
    """A single row ahead by minutes or by weeks, anywhere: every other row is counted."""
    rows = honest(300, accounts, 20_000, at)
    rows.insert(at, (rows[at][0] + ahead, 7_777))
    found = verdicts(rows, topic=topic)
    del found[at]
    assert set(found) <= {PASSED, AHEAD}


@settings(max_examples=40)
@given(
    offset=st.integers(6 * MINUTE, 5 * DAY),
    share=st.integers(1, 30),
    accounts=st.integers(30, 500),
    seed=st.integers(0, 99),
    topic=st.booleans(),
)
def test_a_share_of_fast_clocks_costs_nobody_else(
    offset: int, share: int, accounts: int, seed: int, topic: bool
) -> None:
    """Up to three accounts in ten run fast by one offset: of the others no row is late."""
    draw = np.random.default_rng(seed)
    fast = {a for a in range(accounts) if draw.integers(100) < share}
    fast = set(sorted(fast)[: 3 * accounts // 10])
    rows = [(t + offset * (a in fast), a) for t, a in honest(2_500, accounts, 2_000, seed)]
    found = verdicts(rows, topic=topic)
    others = [verdict for verdict, (_, a) in zip(found, rows, strict=True) if a not in fast]
    assert set(others) <= {PASSED, AHEAD}


@settings(max_examples=30)
@given(
    offset=st.integers(6 * MINUTE, 5 * DAY),
    share=st.integers(1, 25),
    accounts=st.integers(30, 500),
    batch=st.integers(1, 200),
    topic=st.booleans(),
)
def test_a_fast_gateway_that_sends_in_batches_costs_nobody_else(
    offset: int, share: int, accounts: int, batch: int, topic: bool
) -> None:
    """Its rows come many at a time, with none of another in between: that is no proof."""
    draw, fast = np.random.default_rng(batch), max(1, share * accounts // 100)
    rows, mine = list[Row](), False
    for now in range(START, START + 3_000 * 2_000, batch * 2_000):
        mine = not mine and now > START + 200 * 2_000 and bool(draw.integers(100) < share)
        for i in range(batch):
            account = int(draw.integers(fast) if mine else draw.integers(fast, accounts))
            rows.append((now + i * 2_000 + offset * mine, account))
    found = verdicts(rows, topic=topic)
    others = [verdict for verdict, (_, a) in zip(found, rows, strict=True) if a >= fast]
    assert set(others) <= {PASSED, AHEAD}


@settings(max_examples=30)
@given(
    behind=st.integers(20 * MINUTE, 400 * DAY),
    share=st.integers(1, 20),
    seed=st.integers(0, 99),
    topic=st.booleans(),
)
def test_a_share_of_slow_clocks_holds_nobody_back(
    behind: int, share: int, seed: int, topic: bool
) -> None:
    """Up to two accounts in ten are behind, for ever: the others' time goes on."""
    slow = set(range(share))
    rows = [(t - behind * (a in slow), a) for t, a in honest(2_500, 100, 2_000, seed)]
    clock = SourceClock(RULES)
    times, hashes = np.array([t for t, _ in rows]), account_hashes([a for _, a in rows])
    judged = clock.judge(times, hashes, np.full(len(rows), -1) if topic else None)
    assert clock.watermark_ms > rows[-1][0] - 25 * MINUTE
    others = [v for v, (_, a) in zip(judged.verdicts.tolist(), rows, strict=True) if a not in slow]
    assert LATE not in others


@settings(max_examples=40)
@given(
    pauses=st.lists(st.tuples(st.integers(1, 60), st.integers(0, 30 * 24)), min_size=1, max_size=8),
    accounts=st.integers(1, 40),
    topic=st.booleans(),
)
def test_honest_rows_in_order_are_never_lost(
    pauses: list[tuple[int, int]], accounts: int, topic: bool
) -> None:
    """Runs of rows with pauses of hours and days between, from any number of accounts."""
    draw, now, rows = np.random.default_rng(accounts), START, list[Row]()
    for count, hours in pauses:
        for _ in range(count):
            now += int(draw.integers(10 * MINUTE))
            rows.append((now, int(draw.integers(accounts))))
        now += hours * HOUR
    if topic or len(rows) < 2:
        assert set(verdicts(rows, topic=topic)) <= {PASSED, AHEAD}
    else:  # of a file, a single row at the very end is believed only if it is near
        assert set(verdicts(rows, topic=topic)[:-1]) <= {PASSED, AHEAD}


@settings(max_examples=40)
@given(
    st.lists(st.tuples(st.integers(0, 400), st.integers(0, 30)), min_size=1, max_size=300),
    st.integers(1, 50),
    st.booleans(),
)
def test_batches_change_nothing(hours: list[tuple[int, int]], batch: int, topic: bool) -> None:
    """Any batch size gives the same verdict on every row."""
    rows = [(START + quarter * HOUR // 4, account) for quarter, account in hours]
    assert verdicts(rows, topic=topic) == verdicts(rows, topic=topic, batch=batch)


@settings(max_examples=30)
@given(
    st.lists(st.tuples(st.integers(0, 3_000), st.integers(0, 300)), min_size=2, max_size=600),
    st.integers(1, 599),
)
def test_a_restart_changes_nothing(minutes: list[tuple[int, int]], cut: int) -> None:
    """A clock that is put back from its mark judges as one that was never stopped."""
    rows = [(START + minute * MINUTE, account) for minute, account in minutes]
    whole = SourceClock(RULES)
    first, second = rows[:cut], rows[cut:]
    for part in (first, second):
        clock = SourceClock(RULES)
        assert clock.restore(whole.mark())
        times, hashes = (
            np.array([t for t, _ in part], np.int64),
            account_hashes([a for _, a in part]),
        )
        none = np.full(len(part), -1)
        expected = whole.judge(times, hashes, none).verdicts.tolist()
        assert expected == clock.judge(times, hashes, none).verdicts.tolist()
        assert whole.watermark_ms == clock.watermark_ms
    assert len(whole.mark()) < 3_500
    assert whole.mark().split() == [whole.mark()]


@given(st.text(max_size=200))
def test_a_damaged_mark_is_refused(mark: str) -> None:
    """Whatever stands in a commit's metadata, nothing breaks."""
    clock = SourceClock(RULES)
    assert not clock.restore(mark)
    assert clock.watermark_ms == NO_WATERMARK


def line(number: int, timestamp: Any, **more: Any) -> bytes:
    """An event."""
    return orjson.dumps(
        {
            "event_id": f"e-{number}",
            "timestamp_ms": timestamp,
            "account_id": f"a-{number % 40}",
            "model": "m",
            "input_tokens": 1,
            "output_tokens": 1,
            "status": "ok",
        }
        | more
    )


def fed(lines: list[bytes], append_ms: int | None = None) -> Any:
    """What ingest makes of these lines and the end after them."""
    step = IngestStep(CoreConfig(), source=0, source_name="test", shards=1)
    appended = None if append_ms is None else np.full(len(lines), append_ms)
    output = step.feed(RawBatch(Texts.of(lines), np.arange(len(lines)), appended))
    last = step.finish()
    accepted = sum(len(block.rows) for block in [*output.made, *last.made])
    return [*output.dead, *last.dead], accepted


@pytest.mark.parametrize(
    "written",
    [
        lambda ms: ms // 1_000,
        lambda ms: ms / 1_000,
        lambda ms: str(ms // 1_000),
        lambda ms: ms * 1_000,
        lambda ms: ms * 1_000_000,
        lambda _: 0,
        lambda ms: ms // 10,
        lambda ms: ms // 60_000,
        lambda ms: ms // 86_400_000,
        lambda ms: f"2026-03-03T10:00:{ms % 60:02d}Z",
    ],
)
def test_a_wrong_unit_is_called_by_its_name(written: Any) -> None:
    """Not set, days to nanoseconds, and text: each a dead letter that says so."""
    dead, accepted = fed([line(i, written(START + i * 1_000)) for i in range(50)])
    assert accepted == 0
    assert {"time_unit"} == {letter.reason for letter in dead}


@pytest.mark.parametrize("append_ms", [-1, 0, START // 1_000, START * 1_000, 1_577_836_800_000])
def test_useless_record_times_cost_nothing(append_ms: int) -> None:
    """Record times that are none, in another unit or years old: every good event is counted."""
    dead, accepted = fed([line(i, START + i * 1_000) for i in range(500)], append_ms)
    assert (dead, accepted) == ([], 500)


def test_a_wrong_time_in_event_and_record_alike_moves_nothing() -> None:
    """One record a year ahead by both its times: those after it are counted."""
    step = IngestStep(CoreConfig(), source=0, source_name="test", shards=1)
    times = [START + i * 1_000 for i in range(400)]
    times[200] += 365 * DAY
    lines = [line(i, t) for i, t in enumerate(times)]
    output = step.feed(RawBatch(Texts.of(lines), np.arange(400), np.array(times)))
    [block] = output.made
    assert (output.dead, len(block.rows), output.count("ahead")) == ([], 400, 1)
    assert step.watermark_ms < START + HOUR


def test_what_is_held_is_counted_once_time_has_come() -> None:
    """A pause of three days in a file: the rows after it wait for others, and none is lost."""
    times = [START + i * MINUTE for i in range(100)]
    times += [START + 3 * DAY + i * MINUTE for i in range(100)]
    dead, accepted = fed([line(i, t) for i, t in enumerate(times)])
    assert (dead, accepted) == ([], 200)


def test_a_source_that_never_catches_up_is_stale() -> None:
    """Days behind its record times and no nearer after half a minute: it holds nobody back."""
    clock = SourceClock(RULES)
    for since_s, expected in ((0, False), (15, True), (600, True)):
        append = np.arange(40) * 500 + START + 3 * DAY + since_s * 1_000
        clock.judge(append - 3 * DAY, account_hashes(list(range(40))), append)
        assert clock.stale is expected
    append = np.arange(8_000) * 10 + START + 4 * DAY
    clock.judge(np.arange(8_000) * 120_000 + START, account_hashes(list(range(8_000))), append)
    assert not clock.stale
