"""Compiled orders and groups are those of a brute-force pass."""

from __future__ import annotations

from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from analyzer.core.kernels import group_by

SPREAD = st.integers(0, 2**64 - 1)
CLOSE = st.integers(0, 6)
ROWS = st.lists(st.tuples(st.integers(0, 3), CLOSE, SPREAD | CLOSE), max_size=120)


@given(st.lists(SPREAD | CLOSE, max_size=300))
def test_by_hash_is_a_stable_sort(numbers: list[int]) -> None:
    """Numbers that are spread like hashes, and numbers that are not."""
    hashes = np.array(numbers, np.uint64)
    assert np.argsort(hashes, kind="stable").tolist() == group_by.by_hash(hashes).tolist()


def test_by_hash_of_numbers_that_are_not_spread() -> None:
    """A thousand falling numbers in one bucket are still sorted."""
    falling = np.arange(1_000, dtype=np.uint64)[::-1].copy()
    assert list(range(999, -1, -1)) == group_by.by_hash(falling).tolist()


@given(st.sets(SPREAD | CLOSE, max_size=40), st.lists(SPREAD | CLOSE, max_size=300))
def test_rows_are_counted_among_keys(keys: set[int], rows: list[int]) -> None:
    """However rows come, each key counts those that have it, on top of what it had."""
    rising = np.array(sorted(keys), np.uint64)
    counts = np.ones(len(rising), np.int32)
    group_by.count_among(rising, np.array(rows, np.uint64), counts)
    assert counts.tolist() == [1 + rows.count(key) for key in rising.tolist()]


@given(ROWS)
def test_order_in_time(rows: list[tuple[int, int, int]]) -> None:
    """Time leads, then the event, then the account; however many rows share a time."""
    ts_ms, event, account = np.array(rows, object).reshape(-1, 3).T
    ts, ids, accounts = ts_ms.astype(np.int64), event.astype(np.uint64), account.astype(np.uint64)
    found = group_by.in_time(ts, ids, accounts)
    assert sorted(rows) == [rows[i] for i in found.tolist()]


@given(ROWS)
def test_pairs_and_prompts_are_counted(rows: list[tuple[int, int, int]]) -> None:
    """Each (organisation, kind, object) and each (organisation, template, prompt), in order."""
    columns = np.array(rows, object).reshape(-1, 3).T
    org = columns[0].astype(np.int64)
    template, prompt = columns[1].astype(np.uint64), columns[2].astype(np.uint64)
    found = group_by.pairs(*group_by.by_row(org, 4), (template, prompt))
    expected = Counter((row[0], kind, row[kind + 1]) for row in rows for kind in (0, 1))
    expected = Counter({key: n for key, n in expected.items() if key[2]})
    assert sorted((*key, n) for key, n in expected.items()) == [
        tuple(int(value) for value in row) for row in zip(*found, strict=True)
    ]
    of_group, counts = group_by.prompts(org, 4, template, prompt)
    assert sorted(Counter(rows)) == [rows[i] for i in of_group.tolist()]
    assert [Counter(rows)[rows[i]] for i in of_group.tolist()] == counts.tolist()


def test_many_pairs_are_counted_part_by_part() -> None:
    """More rows than are laid side by side at once, half of them of one organisation."""
    rng = np.random.default_rng(5)
    org = np.where(rng.random(300_000) < 0.5, 3, rng.integers(0, 9_000, 300_000))
    used = tuple(rng.integers(0, 4, len(org), np.uint64) for _ in range(2))
    found = group_by.pairs(*group_by.by_row(org, 9_000), used)
    rows = np.concatenate([np.stack([org, np.full_like(org, k), used[k]], 1) for k in range(2)])
    expected, counts = np.unique(rows[rows[:, 2] > 0], axis=0, return_counts=True)
    assert np.array_equal(np.stack(found[:3], 1), expected)
    assert np.array_equal(found[3], counts)
