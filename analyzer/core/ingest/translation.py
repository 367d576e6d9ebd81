"""How records of other shapes come in: what ingest asks of whoever knows them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from analyzer.core.contracts.records import DeadLetter
from analyzer.core.kernels.byte_strings import Texts
from analyzer.errors import BadRecord

PASSED_OVER = "passed_over"
"""Name of the count of what was no request to a model."""


@dataclass(frozen=True, slots=True)
class Translation:
    """Native records that a batch of raw ones holds; a raw one may hold many, or none."""

    values: Texts
    """In the order of the source."""
    rows: NDArray[np.int64]
    """Number of the raw record that each was in, rising."""
    refused: list[tuple[int, BadRecord]]
    """Bad ones, each with the number of its raw record, rising."""
    passed_over: Counter[str]
    """What was no request to a model, by why not."""


class Originals:
    """Raw records whose events are under judgement, for the dead letters of those that fail."""

    def __init__(self) -> None:
        self._batches: list[tuple[NDArray[np.int64], Texts]] = []

    def add(self, offsets: NDArray[np.int64], values: Texts) -> None:
        """Remember a batch of which the events are not the records themselves."""
        self._batches.append((offsets, values))

    @property
    def values(self) -> dict[int, bytes]:
        """Raw records by their offsets."""
        return self._values

    def clear(self) -> None:
        """Forget all: nothing waits for judgement."""
        self._batches.clear()

    def _value(self, offset: int) -> bytes | None:
        """The record at this offset, if it was in a batch that is remembered."""
        for offsets, values in reversed(self._batches):
            at = int(np.searchsorted(offsets, offset))
            if at < len(offsets) and offsets[at] == offset:
                return values[at]
        return None

    def letters(
        self, dead: list[DeadLetter], letter: Callable[[int, bytes, BadRecord], DeadLetter]
    ) -> list[DeadLetter]:
        """In the order of the source, one letter for each record and reason, with its own bytes.

        Parameters
        ----------
        letter
            Makes one of an offset, original bytes and what is wrong.
        """
        if not self._batches:
            return dead
        found: dict[tuple[int, str], DeadLetter] = {}
        for one in sorted(dead, key=lambda one: one.offset):
            place = one.offset, one.reason
            value = self._value(one.offset)
            if place not in found:
                bad = BadRecord(one.reason, one.detail)
                found[place] = one if value is None else letter(one.offset, value, bad)
        return list(found.values())


class Translator(Protocol):
    """Knows raw records that are not native.

    It never blocks, keeps nothing from one record to the next, and may be asked in any thread:
    what it says of a record follows from the record alone.
    """

    takes_native: bool
    """Whether native records are good too; if so, it is only asked for the others."""

    def translate(self, values: Texts, plain: NDArray[np.bool_]) -> Translation | None:
        """Native records for these, or None if they are all native as they stand.

        Parameters
        ----------
        plain
            Which are good native records, to be kept as they are.
        """
        ...
