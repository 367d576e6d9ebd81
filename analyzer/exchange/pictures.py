"""The figures behind a report's pictures: members over time, and members by object."""

from __future__ import annotations

import msgspec
import numpy as np

from analyzer.exchange.traffic import OBJECTS, Traffic

ROWS, COLUMNS, PER_KIND = 40, 120, 8
STEPS_S = (600, 3_600, 21_600, 86_400, 604_800)


class Picture(msgspec.Struct, frozen=True):
    """A grid of counts; what is 0 is left out."""

    rows: list[str]
    columns: list[str]
    cells: list[tuple[int, int, int]]
    """Row, column, requests."""


def activity(traffic: Traffic) -> Picture:
    """Requests of the busiest members over time, those who came first on top."""
    rows = traffic.rows
    if not len(rows):
        return Picture([], [], [])
    accounts = _busiest(traffic)
    first, last = int(rows.ts_ms.min()), int(rows.ts_ms.max())
    step = next((s for s in STEPS_S if (last - first) / (1_000 * s) < COLUMNS), STEPS_S[-1]) * 1_000
    start = first // step * step
    columns = min(COLUMNS, (last - start) // step + 1)
    names = [
        str(np.datetime64(start + i * step, "ms").astype("datetime64[m]")).replace("T", " ")
        for i in range(columns)
    ]
    at = np.minimum((rows.ts_ms - start) // step, columns - 1)
    return _grid(traffic, accounts, names, at.astype(np.int64))


def objects(traffic: Traffic) -> Picture:
    """Requests of the busiest members on the objects that most members use."""
    accounts = _busiest(traffic)
    names: list[str] = []
    cells: list[tuple[int, int, int]] = []
    for kind, column in OBJECTS.items():
        if column == "model":
            continue
        values = getattr(traffic.rows, column)
        picked = _shared(traffic, column)
        at = np.full(len(values), -1)
        for number, value in enumerate(picked):
            at[values == value] = number
        part = _grid(traffic, accounts, [], at)
        cells += [(row, len(names) + number, n) for row, number, n in part.cells]
        names += [f"{kind} {traffic.text(column, value)}" for value in picked]
    return Picture([traffic.text("account", key) for key in accounts], names, cells)


def _busiest(traffic: Traffic) -> list[int]:
    """Keys of the accounts with most requests, in the order in which they came."""
    keys, first, count = np.unique(traffic.rows.account, return_index=True, return_counts=True)
    most = np.lexsort((keys, -count))[:ROWS]
    return [int(keys[i]) for i in most[np.argsort(first[most], kind="stable")]]


def _shared(traffic: Traffic, column: str) -> list[int]:
    """Objects of two members or more, most members first."""
    values = getattr(traffic.rows, column)
    pairs = np.unique(np.stack([traffic.rows.account, values]), axis=1)
    keys, users = np.unique(pairs[1][pairs[1] != 0], return_counts=True)
    order = np.lexsort((keys, -users))[:PER_KIND]
    return [int(keys[i]) for i in order if users[i] >= 2]


def _grid(traffic: Traffic, accounts: list[int], names: list[str], at: np.ndarray) -> Picture:
    row_of = {key: row for row, key in enumerate(accounts)}
    rows = np.array([row_of.get(key, -1) for key in traffic.rows.account.tolist()], np.int64)
    shown = (rows >= 0) & (at >= 0)
    pairs, count = np.unique(np.stack([rows[shown], at[shown]]), axis=1, return_counts=True)
    cells = zip(pairs[0].tolist(), pairs[1].tolist(), count.tolist(), strict=True)
    return Picture([traffic.text("account", key) for key in accounts], names, list(cells))
