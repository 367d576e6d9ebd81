"""Compiled products of sparse matrices are those of a brute-force pass."""

from __future__ import annotations

from collections import Counter

import numpy as np
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

from analyzer.core.incidence import common, incidence

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
    found = common(_matrix(dict.fromkeys(sorted(members), 1), (6, 6)), _matrix(used, (6, 8)))
    rows, things, counts, amounts = (column.tolist() for column in found)
    places = list(zip(rows, things, strict=True))
    assert sorted(rows) == rows
    assert dict(users) == dict(zip(places, counts, strict=True))
    assert dict(requests) == dict(zip(places, amounts, strict=True))
    assert len(users) == len(places)
