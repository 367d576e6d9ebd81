"""Rows in an order, and rows that agree; compiled where sorting all of them would cost most."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from analyzer.core.kernels.jit import borrowing, compiled

I32 = NDArray[np.int32]
I64 = NDArray[np.int64]
U8 = NDArray[np.uint8]
U64 = NDArray[np.uint64]

_FEW = 32
"""Up to so many rows are sorted by insertion."""


def by_hash(hashes: U64) -> NDArray[np.intp]:
    """Rows in the order of their hashes, equal ones as they came: a stable ``argsort``.

    Hashes are spread evenly, so that a bucket by their highest bits holds few of them; or they
    are in order already, as those of a table that comes from one shard alone.
    """
    if (hashes[1:] >= hashes[:-1]).all():
        return np.arange(len(hashes))
    bits = max(1, len(hashes).bit_length() - 1)
    order = np.empty(len(hashes), np.int64)
    if _by_bucket(hashes, bits, order):
        return order
    return np.argsort(hashes, kind="stable")


@compiled
def numbered(hashes: U64, order: I64) -> tuple[I64, I64]:
    """Number of each row's hash among the different ones, given the rows by hash.

    Also where in the order the rows of each stop.
    """
    of_row, stops = np.empty(len(order), np.int64), np.empty(len(order), np.int64)
    last = -1
    for i in range(len(order)):
        if i == 0 or hashes[order[i]] != hashes[order[i - 1]]:
            last += 1
        of_row[order[i]], stops[last] = last, i + 1
    return of_row, stops[: last + 1]


@compiled
def totals(numbers: I64, n: int, column: I64) -> I64:
    """Sum of the column over the rows of each number below ``n``."""
    sums = np.zeros(n, np.int64)
    for row in range(len(numbers)):
        sums[numbers[row]] += column[row]
    return sums


@compiled
def leasts(numbers: I64, n: int, column: I64) -> I64:
    """Minimum of the column over the rows of each number below ``n``."""
    least = np.full(n, np.iinfo(np.int64).max)
    for row in range(len(numbers)):
        least[numbers[row]] = min(least[numbers[row]], column[row])
    return least


@compiled
def _by_bucket(hashes: U64, bits: int, order: I64) -> bool:
    """Fill the order; False if it takes too many moves, since the hashes are not spread."""
    shift = np.uint64(64 - bits)
    starts = np.zeros((1 << bits) + 1, np.int64)
    for number in hashes:
        starts[np.int64(number >> shift) + 1] += 1
    starts = np.cumsum(starts)
    ends = starts.copy()
    moves = 16 * len(hashes)
    for row in range(len(hashes)):
        number = hashes[row]
        bucket = np.int64(number >> shift)
        at = ends[bucket]
        ends[bucket] += 1
        while at > starts[bucket] and hashes[order[at - 1]] > number:
            order[at] = order[at - 1]
            at -= 1
            moves -= 1
        if moves < 0:
            return False
        order[at] = row
    return True


@compiled
def count_among(keys: U64, rows: U64, counts: I32) -> None:
    """Count for each of the rising keys the rows that have it; quickest where rows rise in runs.

    Examples
    --------
    >>> counts = np.zeros(2, np.int32)
    >>> count_among(np.array([4, 9], np.uint64), np.array([1, 4, 9, 3, 4], np.uint64), counts)
    >>> counts
    array([2, 1], dtype=int32)
    """
    at = 0
    for i in range(len(rows)):
        if i > 0 and rows[i] < rows[i - 1]:
            at = 0
        while at < len(keys) and keys[at] < rows[i]:
            at += 1
        if at < len(keys) and keys[at] == rows[i]:
            counts[at] += 1


@compiled
def by_row(numbers: I32 | I64, n: int) -> tuple[I64, I64]:
    """Rows by their number below ``n``, in their order; and where the rows of each stop."""
    stops = np.zeros(n, np.int64)
    for number in numbers:
        stops[number] += 1
    stops = np.cumsum(stops)
    order, at = np.empty(len(numbers), np.int64), stops.copy()
    for row in range(len(numbers) - 1, -1, -1):
        at[numbers[row]] -= 1
        order[at[numbers[row]]] = row
    return order, stops


def in_time(ts_ms: I64, event: U64, account: U64) -> NDArray[np.intp]:
    """Order by (time, event id, account) of rows that come almost in the order of time."""
    order = np.argsort(ts_ms, kind="stable")
    if _settle(order, ts_ms, event, account):
        return order
    return np.lexsort((account, event, ts_ms))


@compiled
def _settle(order: I64, ts_ms: I64, event: U64, account: U64) -> bool:
    """Order rows of the same time; False if there are too many of them."""
    start = 0
    for i in range(1, len(order) + 1):
        if i < len(order) and ts_ms[order[i]] == ts_ms[order[start]]:
            continue
        if i - start > _FEW:
            return False
        for j in range(start + 1, i):
            row, at = order[j], j
            while at > start and (
                event[order[at - 1]] > event[row]
                or (event[order[at - 1]] == event[row] and account[order[at - 1]] > account[row])
            ):
                order[at] = order[at - 1]
                at -= 1
            order[at] = row
        start = i
    return True


def prompts(org: I64, n_orgs: int, template: U64, prompt: U64) -> tuple[I64, I64]:
    """How often each organisation sent each prompt in each template.

    Parameters
    ----------
    org
        Shape (n,), number of each row's organisation.

    Returns
    -------
    A row of each (organisation, template, prompt), in that order; and how many there are.
    """
    order, stops = by_row(org, n_orgs)
    counts = np.empty(len(order), np.int64)
    count = _prompts(order, stops, template, prompt, counts)
    return order[:count], counts[:count]


@compiled
def _prompts(order: I64, stops: I64, template: U64, prompt: U64, counts: I64) -> int:
    """Leave a row of each group in the order, and how many there are in the counts."""
    count, start = 0, 0
    for stop in stops:
        rows = order[start:stop].copy()
        start = stop
        if len(rows) > _FEW:
            rows = rows[np.argsort(prompt[rows], kind="mergesort")]
            rows = rows[np.argsort(template[rows], kind="mergesort")]
        for i in range(len(rows)):
            row, at = rows[i], i
            while at and (
                template[rows[at - 1]] > template[row]
                or (template[rows[at - 1]] == template[row] and prompt[rows[at - 1]] > prompt[row])
            ):
                rows[at] = rows[at - 1]
                at -= 1
            rows[at] = row
        for i in range(len(rows)):
            row, last = rows[i], rows[i - 1]
            if i and template[row] == template[last] and prompt[row] == prompt[last]:
                counts[count - 1] += 1
            else:
                order[count], counts[count] = row, 1
                count += 1
    return count


def pairs(order: I64, stops: I64, columns: tuple[U64, ...]) -> tuple[I32, U8, U64, I32]:
    """How often each organisation used each object.

    Parameters
    ----------
    order, stops
        Rows by organisation, and where those of each stop.
    columns
        Of each of k < 256 kinds, shape (n,), what the row used; 0 is nothing.

    Returns
    -------
    Organisation, kind (0 … k - 1), object and count, in that order.
    """
    size = sum(int(np.count_nonzero(column)) for column in columns)
    found = np.empty(size, np.int32), np.empty(size, np.uint8)
    objects, counts = np.empty(size, np.uint64), np.empty(size, np.int32)
    count, start, first = 0, 0, 0
    for last in [*np.searchsorted(stops, np.arange(_PART, len(order), _PART)), len(stops)]:
        own = order[start : stops[last - 1]] if last > first else order[:0]
        used = np.stack([column.take(own) for column in columns])
        count = _pairs(first, stops[first:last] - start, used, *found, objects, counts, count)
        start, first = start + len(own), last
    return found[0][:count], found[1][:count], objects[:count], counts[:count]


_PART = 1 << 16
"""Rows of about so many are laid side by side at a time."""


@compiled
def _pairs(
    first: int,
    stops: I64,
    columns: U64,
    orgs: I32,
    kinds: U8,
    objects: U64,
    counts: I32,
    count: int,
) -> int:
    """Go on behind ``count`` pairs with the organisations from the ``first`` on; how many then."""
    start, used = 0, np.empty(columns.shape[1], np.uint64)
    for org in range(len(stops)):
        for kind in range(len(columns)):
            n = 0
            for i in range(start, stops[org]):
                used[n] = columns[kind, i]
                n += used[n] != 0
            if n > _FEW:
                used[:n].sort()
            else:
                _sort_few(used, n)
            for i in range(n):
                if i and used[i] == used[i - 1]:
                    counts[count - 1] += 1
                else:
                    orgs[count], kinds[count] = first + org, kind
                    objects[count], counts[count] = used[i], 1
                    count += 1
        start = stops[org]
    return count


@borrowing
def _sort_few(values: U64, n: int) -> None:
    """Sort the first of the values."""
    for i in range(1, n):
        value, at = values[i], i
        while at and values[at - 1] > value:
            values[at] = values[at - 1]
            at -= 1
        values[at] = value
