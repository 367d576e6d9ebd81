"""A batch of records by the compiled way of one format."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analyzer.core.kernels.byte_strings import Texts
from analyzer.core.kernels.jit import compiled
from analyzer.formats.compiled.layout import (
    ALL_IDS,
    ALL_PARENTS,
    EVENTS,
    OUT,
    PASSED,
    SURE,
    WORK_SIZE,
    Desk,
)
from analyzer.formats.compiled.plan import Planner
from analyzer.formats.compiled.put import SPARE
from analyzer.formats.compiled.recipe import Recipe
from analyzer.formats.compiled.walk import read_record

U8 = NDArray[np.uint8]
I64 = NDArray[np.int64]

ROOM, LEAST = 512, 64
"""Bytes more that a record may take as events, and the least that an event takes."""


@dataclass(frozen=True, slots=True)
class Written:
    """What came of the records that are sure."""

    rows: I64
    """Their numbers, rising."""
    events: Texts
    """Native records."""
    event_rows: I64
    """Number of the record that each was in, rising."""
    passed_over: Counter[str]


class Way:
    """The compiled way of one format; keeps nothing from one batch to the next.

    Parameters
    ----------
    strangers
        Words, in quotes, that tell a record to be of another format.
    """

    def __init__(self, recipe: Recipe, strangers: tuple[bytes, ...]) -> None:
        planner = Planner(recipe, [word.strip(b'"') for word in strangers])
        self._plan, self._reasons = planner.plan(), planner.reasons

    def read(self, values: Texts, rows: I64) -> Written:
        """Native records for those of these rows that it is sure of."""
        size = int((values.stops[rows] - values.starts[rows]).sum())
        desk = self._desk(size, len(rows))
        sure = np.zeros(len(rows), np.bool_)
        text = np.frombuffer(values.buffer, np.uint8)
        _read(text, values.starts, values.stops, rows, sure, desk)
        events = desk.events[: 3 * desk.work[EVENTS]].reshape(-1, 3).T.copy()
        written = desk.out[: desk.work[OUT] + SPARE].tobytes()
        passed = zip(self._reasons, desk.work[PASSED:].tolist(), strict=False)
        return Written(
            rows[sure],
            Texts(written, events[1], events[2]),
            events[0],
            Counter({reason: count for reason, count in passed if count}),
        )

    def _desk(self, size: int, records: int) -> Desk:
        """A blank one for so many bytes and records."""
        room = size + records * ROOM + SPARE
        work = np.zeros(WORK_SIZE, np.int64)
        out, events = np.empty(room, np.uint8), np.empty(3 * (room // LEAST), np.int64)
        return Desk(*self._plan, work, out, events)


def readable(values: Texts, rows: I64, largest: int) -> I64:
    """Those of these rows that are UTF-8 and not too large; a compiled way asks for no less."""
    rows = rows[values.sizes[rows] <= largest]
    if not len(rows):
        return rows
    text = values.buffer
    begin, end = int(values.starts[rows[0]]), int(values.stops[rows[-1]])
    if _is_utf8(text if 2 * (end - begin) > len(text) else text[begin:end]):
        return rows  # each begins and ends with ASCII, or it is not read at all
    return np.array([row for row in rows.tolist() if _is_utf8(values[row])], np.int64)


def _is_utf8(text: bytes) -> bool:
    if text.isascii():
        return True
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


@compiled
def _read(
    text: U8, starts: I64, stops: I64, rows: I64, sure: NDArray[np.bool_], desk: Desk
) -> None:
    passed = desk.work[PASSED:].copy()
    for i in range(len(rows)):
        out, events = desk.work[OUT], desk.work[EVENTS]
        passed[:] = desk.work[PASSED:]
        desk.work[ALL_IDS] = desk.work[ALL_PARENTS] = 0
        row = rows[i]
        if read_record(text, starts[row], stops[row], row, desk) == SURE:
            sure[i] = True
        else:
            desk.work[OUT], desk.work[EVENTS] = out, events
            desk.work[PASSED:] = passed
