"""How records of other shapes come in: what ingest asks of whoever knows them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

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
