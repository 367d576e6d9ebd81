"""Compiled products of sparse matrices are those of a brute-force pass."""

from __future__ import annotations

from collections import Counter

import numpy as np
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

from analyzer.core.kernels.common_use import common, entries_of
from analyzer.core.kernels.matrix_sums import column_counts, row_shares, row_totals
from analyzer.core.kernels.sparse import incidence, per_object, sums, transposed, used, users

CELLS = st.dictionaries(st.tuples(st.integers(0, 5), st.integers(0, 7)), st.integers(1, 9))


def _matrix(cells: dict[tuple[int, int], int], shape: tuple[int, int]) -> sp.csr_matrix:
    places = np.array(list(cells), np.int64).reshape(-1, 2)
    return incidence(places[:, 0], places[:, 1], np.array([*cells.values()], np.float64), shape)


@given(CELLS)
def test_cells_are_where_they_were_put(cells: dict[tuple[int, int], int]) -> None:
    """A matrix holds each cell's value in its place and 0 elsewhere, in the order given."""
    matrix = _matrix(cells, (6, 8))
    assert cells == {key: value for key, value in matrix.todok().items() if value}
    for row in range(6):
        of_row = [column for r, column in cells if r == row]
        assert of_row == matrix.indices[matrix.indptr[row] : matrix.indptr[row + 1]].tolist()


@given(st.lists(st.tuples(st.integers(-1, 3), st.integers(0, 7)), max_size=40))
def test_cells_of_no_row_are_left_out(cells: list[tuple[int, int]]) -> None:
    """A row below 0 is none; the others keep their order."""
    row, column = np.array(cells, np.int64).reshape(-1, 2).T
    matrix = incidence(row, column, column.astype(np.float64) + 1, (4, 8))
    for number in range(4):
        kept = [c for r, c in cells if r == number]
        mine = slice(*matrix.indptr[number : number + 2])
        assert kept == matrix.indices[mine].tolist()
        assert [c + 1 for c in kept] == matrix.data[mine].tolist()


PAIRS = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 9), st.integers(0, 4)),
    max_size=60,
)


@given(PAIRS, st.integers(0, 60))
def test_pairs_are_what_a_loop_finds(pairs: list[tuple[int, int, int]], first_new: int) -> None:
    """Those in use by kind of object, the users of each object by age, and what they sum up to."""
    requests, org, thing = np.array(pairs, np.int64).reshape(-1, 3).T
    orgs, things = org.astype(np.int32), thing.astype(np.int32)
    kind = np.array([2, 0, 1, 2, 0])
    is_new = np.arange(len(pairs)) >= first_new
    number_of = np.arange(10, dtype=np.int32)[::-1].copy()
    rows = np.flatnonzero(requests).astype(np.int32)
    found = used(rows, requests, (orgs, things, first_new), (number_of, kind), 4)
    expected = [i for k in range(4) for i, p in enumerate(pairs) if p[0] and kind[p[2]] == k]
    columns = (found.requests, number_of[found.org], found.things[found.place], found.new)
    assert [(*pairs[i], i >= first_new) for i in expected] == list(zip(*columns, strict=True))
    assert expected == found.row.tolist()
    assert [sum(1 for p in pairs if p[0] and kind[p[2]] <= k) for k in range(4)] == list(
        found.stops
    )
    for k in range(4):
        of_kind = found.things[found.place[found.of(k)]]
        things_of, columns_of = np.unique(of_kind, return_inverse=True)
        assert things_of.tolist() == found.things_of(k).tolist()
        assert columns_of.tolist() == found.column_of(k).tolist()
    older, new = users(things, is_new, 5)
    for count, rows_of in ((older, pairs[:first_new]), (new, pairs[first_new:])):
        assert [sum(1 for p in rows_of if p[2] == t) for t in range(5)] == count.tolist()
    rows = np.arange(len(pairs), dtype=np.int32)[::-1].copy()
    total = per_object(np.stack([requests, org], axis=1), rows, things[rows], 5)
    assert total.tolist() == [
        [sum(p[column] for p in pairs if p[2] == t and p[0]) for column in (0, 1)] for t in range(5)
    ]


@given(CELLS, st.integers(1, 3))
def test_sums_over_members_rows_and_columns(
    belongs: dict[tuple[int, int], int], width: int
) -> None:
    """What a dense product gives, for one value of an organisation or several."""
    members = _matrix(belongs, (6, 8))
    values = np.arange(8 * width).reshape(8, width)
    dense = (members.toarray() > 0).astype(np.float64)
    assert sums(members, values).tolist() == (dense @ values).tolist()
    assert sums(members, values[:, 0]).tolist() == (dense @ values[:, 0]).tolist()
    rows = row_totals(members.indptr, members.data)
    assert rows.tolist() == members.toarray().sum(axis=1).tolist()
    shares = row_shares(members.indptr, members.data, rows)
    assert shares.tolist() == (members.data / np.repeat(rows, np.diff(members.indptr))).tolist()
    counts = column_counts(members.indices, 8)
    assert counts.tolist() == dense.sum(axis=0).tolist()


@given(CELLS)
def test_rows_of_columns(used: dict[tuple[int, int], int]) -> None:
    """The other way round, each row is in the list of each of its columns, rising."""
    matrix = _matrix(used, (6, 8))
    first, rows = transposed(matrix.indptr, matrix.indices, 8)
    found = [rows[first[column] : first[column + 1]].tolist() for column in range(8)]
    assert found == [sorted(row for row, at in used if at == column) for column in range(8)]


@given(CELLS, CELLS)
def test_what_members_have_in_common(
    belongs: dict[tuple[int, int], int], used: dict[tuple[int, int], int]
) -> None:
    """Users and requests of each object by cohort, by rising cohort, each object once."""
    members = {(cohort, org) for cohort, org in belongs if org < 6}
    users: Counter[tuple[int, int]] = Counter()
    requests: Counter[tuple[int, int]] = Counter()
    for cohort, org in members:
        for (user, thing), amount in used.items():
            if user == org:
                users[cohort, thing] += 1
                requests[cohort, thing] += amount
    cohorts, usage = _matrix(dict.fromkeys(sorted(members), 1), (6, 6)), _matrix(used, (6, 8))
    starts, column, *found = common(cohorts, usage)
    things, counts, amounts = column.tolist(), *(values.tolist() for values in found)
    rows = np.repeat(np.arange(6), np.diff(starts)).tolist()
    places = list(zip(rows, things, strict=True))
    assert dict(users) == dict(zip(places, counts, strict=True))
    assert dict(requests) == dict(zip(places, amounts, strict=True))
    assert len(users) == len(places)
    wanted = np.arange(6) - 1
    is_own = entries_of(starts, column, wanted).tolist()
    assert is_own == [thing == wanted[c] for c, thing in places]
