"""What one fetch of one partition delivers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from faust.types import TP
from numpy.typing import NDArray

from analyzer.core.kernels.byte_strings import Texts


@dataclass(frozen=True, slots=True)
class Records:
    """Records of one partition with offsets in ``[start, stop)``.

    Offsets may have gaps, where a producer's transaction ended or the log was compacted.
    """

    tp: TP
    start: int
    """Where the consumer stood before this fetch."""
    stop: int
    """Where it stands now."""
    values: Texts
    """``b""`` for a null value."""
    offsets: NDArray[np.int64]
    """Shape (n,), strictly rising."""
    append_ms: NDArray[np.int64]
    """Shape (n,), Kafka timestamps in epoch milliseconds."""

    def since(self, offset: int) -> Records:
        """The records from ``offset`` on.

        Examples
        --------
        >>> at = np.array([4, 6], np.int64)
        >>> list(Records(TP("t", 0), 4, 7, Texts.of([b"a", b"b"]), at, at).since(5).values)
        [b'b']
        """
        if offset <= self.start:
            return self
        skip = int(np.searchsorted(self.offsets, offset))
        return Records(
            self.tp,
            offset,
            self.stop,
            self.values[skip:],
            self.offsets[skip:],
            self.append_ms[skip:],
        )

    def split(self, max_bytes: int) -> list[Records]:
        """Consecutive pieces of at most ``max_bytes`` of values, or of one record."""
        sizes = self.values.sizes
        if sizes.sum() <= max_bytes:
            return [self]
        pieces, first, total = [], 0, 0
        for i, size in enumerate(sizes.tolist()):
            if total and total + size > max_bytes:
                pieces.append(self._piece(first, i))
                first, total = i, 0
            total += size
        return [*pieces, self._piece(first, len(self.values))]

    def _piece(self, first: int, last: int) -> Records:
        whole = len(self.values)
        return Records(
            self.tp,
            self.start if first == 0 else int(self.offsets[first]),
            self.stop if last == whole else int(self.offsets[last]),
            self.values[first:last],
            self.offsets[first:last],
            self.append_ms[first:last],
        )
