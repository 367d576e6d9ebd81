"""Sums over rows or columns of a sparse matrix, given as starts of rows, columns and values."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from analyzer.core.kernels.jit import compiled

I32 = NDArray[np.int32]
I64 = NDArray[np.int64]
F64 = NDArray[np.float64]


def row_totals(starts: I32 | I64, values: F64) -> F64:
    """Sum of the values of each row of a matrix, shape (rows,).

    Examples
    --------
    >>> row_totals(np.array([0, 2, 2, 3], np.int32), np.array([1.0, 2.0, 5.0])).tolist()
    [3.0, 0.0, 5.0]
    """
    found = np.empty(len(starts) - 1)
    _row_totals(starts, values, found)
    return found


@compiled
def _row_totals(starts: I32 | I64, values: F64, found: F64) -> None:
    for row in range(len(found)):
        total = 0.0
        for cell in range(starts[row], starts[row + 1]):
            total += values[cell]
        found[row] = total


def row_maxima(starts: I32 | I64, values: F64) -> F64:
    """Greatest of the values of each row of a matrix, at least 0; shape (rows,).

    Examples
    --------
    >>> row_maxima(np.array([0, 2, 2], np.int32), np.array([1.0, 2.0])).tolist()
    [2.0, 0.0]
    """
    found = np.empty(len(starts) - 1)
    _row_maxima(starts, values, found)
    return found


@compiled
def _row_maxima(starts: I32 | I64, values: F64, found: F64) -> None:
    for row in range(len(found)):
        most = 0.0
        for cell in range(starts[row], starts[row + 1]):
            most = max(most, values[cell])
        found[row] = most


def column_counts(columns: I32, n: int) -> F64:
    """How many cells each column of a matrix has, shape (n,).

    Examples
    --------
    >>> column_counts(np.array([1, 0, 1], np.int32), 3).tolist()
    [1.0, 2.0, 0.0]
    """
    found = np.zeros(n)
    _column_counts(columns, found)
    return found


@compiled
def _column_counts(columns: I32, found: F64) -> None:
    for column in columns:
        found[column] += 1.0


def column_totals(columns: I32, values: F64, n: int) -> F64:
    """Sum of the values of each column of a matrix, shape (n,).

    Examples
    --------
    >>> column_totals(np.array([1, 0, 1], np.int32), np.array([2.0, 3.0, 4.0]), 3).tolist()
    [3.0, 6.0, 0.0]
    """
    found = np.zeros(n)
    _column_totals(columns, values, found)
    return found


@compiled
def _column_totals(columns: I32, values: F64, found: F64) -> None:
    for i in range(len(columns)):
        found[columns[i]] += values[i]


def row_shares(starts: I32, values: F64, totals: F64) -> F64:
    """Each value as a share of the total of its row of a matrix.

    Examples
    --------
    >>> row_shares(np.array([0, 2], np.int32), np.array([1.0, 3.0]), np.array([4.0])).tolist()
    [0.25, 0.75]
    """
    found = np.empty(len(values))
    _row_shares(starts, values, totals, found)
    return found


@compiled
def _row_shares(starts: I32, values: F64, totals: F64, found: F64) -> None:
    for row in range(len(totals)):
        for cell in range(starts[row], starts[row + 1]):
            found[cell] = values[cell] / totals[row]


@compiled
def means(sums: I64, rows: I32) -> F64:
    """Mean of some rows of a table of counts and sums, shape (rows,); 0 where the count is.

    Examples
    --------
    >>> means(np.array([[0, 0], [2, 3], [1, 9]]), np.array([1, 0], np.int32)).tolist()
    [1.5, 0.0]
    """
    found = np.zeros(len(rows))
    for i in range(len(rows)):
        if sums[rows[i], 0] > 0:
            found[i] = sums[rows[i], 1] / sums[rows[i], 0]
    return found


def capped_and_squares(counts: F64, most: float) -> tuple[F64, F64]:
    """Sum of each column of a matrix of counts, none more than ``most``; and squares of each row.

    Examples
    --------
    >>> found = capped_and_squares(np.array([[1.0, 5.0], [0.0, 2.0]]), most=3.0)
    >>> [values.tolist() for values in found]
    [[1.0, 5.0], [26.0, 4.0]]
    """
    capped, squares = np.zeros(counts.shape[1]), np.zeros(len(counts))
    _capped_and_squares(counts, most, capped, squares)
    return capped, squares


@compiled
def _capped_and_squares(counts: F64, most: float, capped: F64, squares: F64) -> None:
    for row in range(len(counts)):
        total = 0.0
        for column in range(counts.shape[1]):
            count = counts[row, column]
            capped[column] += min(count, most)
            total += count * count
        squares[row] = total


@compiled
def put(
    of_cells: tuple[I32, int], cells: tuple[I32, I64], values: NDArray[np.int64], found: F64
) -> None:
    """Put values into a matrix.

    Parameters
    ----------
    of_cells
        The row of the matrix of each number, and the number of its first column.
    cells
        Numbers of the row and of the column of each value.
    """
    (row_of, first), (rows, columns) = of_cells, cells
    for i in range(len(rows)):
        found[row_of[rows[i]], columns[i] - first] = values[i]
