"""Windows over dense rows equal a brute-force pass at every hop."""

from __future__ import annotations

from collections import Counter

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzer.core.cohort.earlier_users import EarlierUsers
from analyzer.core.contracts.object_kind import Kind
from analyzer.core.contracts.snapshot_codec import pack
from analyzer.core.kernels.dense_table import DenseTable
from analyzer.core.kernels.hash_index import HashIndex
from analyzer.core.kernels.sliding_sum import SlidingSum, SlidingSums
from analyzer.testing.made_windows import Request, day

KEYS = st.lists(st.integers(0, 2**64 - 1), max_size=200)


@given(st.lists(KEYS, max_size=8))
def test_index_numbers_keys_like_a_dict(batches: list[list[int]]) -> None:
    """A key keeps the number of its first sight, whatever comes after it."""
    index, expected = HashIndex(), dict[int, int]()
    for keys in batches:
        numbers = index.intern(np.array(keys, np.uint64))
        assert numbers.tolist() == [expected.setdefault(key, len(expected)) for key in keys]
    known = np.array(list(expected), np.uint64)
    assert index.find(known).tolist() == list(expected.values())
    assert len(index) == len(expected)


def test_index_does_not_know_what_it_was_not_given() -> None:
    """An unknown key is -1, the key 0 included."""
    index = HashIndex(np.array([1, 2, 3], np.uint64))
    assert index.find(np.array([0, 4, 2], np.uint64)).tolist() == [-1, -1, 1]


def test_index_grows_past_its_first_size() -> None:
    """Ten thousand keys are all found again."""
    keys = np.random.default_rng(1).integers(0, 2**64, 10_000, dtype=np.uint64)
    index = HashIndex()
    for start in range(0, len(keys), 700):
        index.intern(keys[start : start + 700])
    assert np.array_equal(index.find(keys), np.arange(10_000))


@given(KEYS, st.data())
def test_table_keeps_the_rows_it_is_told_to(keys: list[int], data: st.DataObject) -> None:
    """Dropping rows renumbers the others in their order and forgets the dropped keys."""
    table = DenseTable({"value": np.int64(0)})
    rows = table.intern(np.array(keys, np.uint64))
    table["value"][rows] = rows
    alive = np.array(
        data.draw(st.lists(st.booleans(), min_size=len(table), max_size=len(table))), bool
    )
    before = table["key"].copy()
    renumbered = table.keep(alive)
    assert table["key"].tolist() == before[alive].tolist()
    assert table["value"].tolist() == np.flatnonzero(alive).tolist()
    assert renumbered[alive].tolist() == list(range(int(alive.sum())))
    assert table.find(before[~alive]).tolist() == [-1] * int((~alive).sum())


EVENTS = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 5), st.integers(1, 9)), max_size=60)


@settings(max_examples=200)
@given(EVENTS, st.sampled_from([(1, 1), (4, 2), (6, 3), (12, 4), (12, 12)]))
def test_window_equals_a_brute_force_sum(
    events: list[tuple[int, int, int]], span: tuple[int, int]
) -> None:
    """At each hop the window holds exactly its panes, once each.

    ::

        pane   0 1 2 3 4 5 6 7 8
        hop        |   |   |   |       length 4, hop 2
        at 6         [2 3 4 5]
    """
    length, hop = span
    window = SlidingSum(length, hop)
    by_pane = {pane: [e for e in events if e[0] == pane] for pane in range(41)}
    for pane in range(42):
        window.advance(pane)
        if pane % hop == 0:
            inside = [e for e in events if pane - length <= e[0] < pane]
            expected = [sum(v for _, row, v in inside if row == r) for r in range(6)]
            assert window.sums(6)[:, 0].tolist() == expected
            assert window.used().tolist() == np.flatnonzero(expected).tolist()
            bucket, rows, values = window.by_bucket()
            of_parts = Counter[tuple[int, int]]()
            for at, row, value in inside:
                of_parts[at // hop, row] += value
            parts = zip(bucket.tolist(), rows.tolist(), strict=True)
            assert of_parts == dict(zip(parts, values[:, 0].tolist(), strict=True))
        if here := by_pane.get(pane):
            rows = np.array([row for _, row, _ in here], np.int32)
            window.add(pane, rows, np.array([[value] for _, _, value in here]))


@settings(max_examples=200)
@given(EVENTS, st.permutations([(4, 2), (12, 4), (12, 12), (9, 3), (7, 7)]), st.integers(0, 40))
def test_windows_that_feed_one_another_equal_windows_of_their_own(
    events: list[tuple[int, int, int]], spans: list[tuple[int, int]], cut: int
) -> None:
    """Whichever hops divide one another, and wherever the state is saved."""
    together, apart = SlidingSums(spans), [SlidingSum(*span) for span in spans]
    for pane in range(42):
        if pane == cut:
            states, together = [window.state() for window in together], SlidingSums(spans)
            for window, state in zip(together, states, strict=True):
                window.restore(state)
        every: list[SlidingSum | SlidingSums] = [together, *apart]
        for at, row, value in events:
            if at == pane:
                for sums in every:
                    sums.add(pane, np.array([row], np.int32), np.array([[value]]))
        for sums in every:
            sums.advance(pane + 1)
        assert [w.sums(6).tolist() for w in together] == [w.sums(6).tolist() for w in apart]


@given(EVENTS, st.integers(0, 40))
def test_a_window_saved_anywhere_goes_on_as_if_nothing_had_happened(
    events: list[tuple[int, int, int]], cut: int
) -> None:
    """State and restore at any pane are invisible."""
    plain, saved = SlidingSum(6, 3), SlidingSum(6, 3)
    for pane in range(42):
        if pane == cut:
            state, saved = saved.state(), SlidingSum(6, 3)
            saved.restore(state)
        for window in (plain, saved):
            for _, row, value in (e for e in events if e[0] == pane):
                window.add(pane, np.array([row], np.int32), np.array([[value]]))
            window.advance(pane + 1)
        assert plain.sums(6).tolist() == saved.sums(6).tolist()
        assert plain.used().tolist() == saved.used().tolist()


@given(st.lists(st.lists(st.integers(0, 700), min_size=1, max_size=80), min_size=1, max_size=4))
def test_a_closed_bucket_holds_each_row_once(parts: list[list[int]]) -> None:
    """Rows rise, however they came, and each has the sum of its values; saved they are the same."""
    window, expected = SlidingSum(4, 2, width=2), Counter[int]()
    for rows in parts:
        expected.update(rows)
        values = np.stack([np.ones(len(rows), np.int64), np.array(rows, np.int64)], axis=1)
        window.add(0, np.array(rows, np.int32), values)
    saved = SlidingSum(4, 2, width=2)
    saved.restore(window.state())
    window.advance(2)
    again = SlidingSum(4, 2, width=2)
    again.restore(window.state())
    saved.advance(2)
    for sums in (window, saved, again):
        found, values = sums.closed[0]
        assert found.tolist() == sorted(expected)
        assert values.tolist() == [[expected[row], row * expected[row]] for row in sorted(expected)]
        assert sums.sums(701)[found].tolist() == values.tolist()


def test_rising_rows_are_saved_in_a_byte_each() -> None:
    """A bucket of every third row of many: steps are saved, not numbers."""
    window = SlidingSum(2, 2)
    window.add(0, np.arange(0, 300_000, 3, dtype=np.int32), np.ones((100_000, 1), np.int64))
    window.advance(2)
    assert len(pack("sums", 1, window.state())) < 2.1 * 100_000


def test_a_long_silence_empties_the_window() -> None:
    """Time may jump over any number of hops."""
    window = SlidingSum(4, 2)
    window.add(0, np.array([3], np.int32), np.array([[1]]))
    window.advance(1_000_000)
    assert window.empty
    assert window.sums(4).tolist() == [[0]] * 4


@given(EVENTS, st.lists(st.booleans(), min_size=6, max_size=6))
def test_rows_in_use_have_new_numbers_too(
    events: list[tuple[int, int, int]], alive: list[bool]
) -> None:
    """After rows are dropped, those in use are still those whose sum is not 0."""
    window = SlidingSum(6, 3)
    for pane, row, value in sorted(events):
        window.add(pane, np.array([row], np.int32), np.array([[value]]))
    window.advance(42)
    window.renumber(np.where(alive, np.cumsum(alive) - 1, -1).astype(np.int32))
    for pane in (42, 45, 48):
        window.advance(pane)
        sums = window.sums(sum(alive))[:, 0]
        assert window.used().tolist() == np.flatnonzero(sums).tolist()


@given(st.lists(st.lists(st.integers(0, 9), max_size=9), max_size=5))
def test_earlier_users_are_counted_on(steps: list[list[int]]) -> None:
    """However the border moves on, each object has as many users as there are pairs before it."""
    earlier, things = EarlierUsers(), list[int]()
    for step in steps:
        things += step
        n = max(things, default=-1) + 1
        expected = [things.count(thing) for thing in range(n)]
        assert expected == earlier.among(np.array(things, np.int32), n).tolist()


@given(st.lists(st.lists(st.integers(1, 9), unique=True), max_size=4))
def test_members_of_several_groups_are_those_of_each(groups: list[list[int]]) -> None:
    """Whoever is silent in the window, or unknown, is left out of each."""
    made = day(Request(org, ((Kind.TEMPLATE, 16),)) for org in (2, 3, 5, 8))
    keys = [np.array(group, np.uint64) for group in groups]
    expected = [made.numbers_of(group).tolist() for group in keys]
    assert expected == [numbers.tolist() for numbers in made.numbers_of_each(keys)]
