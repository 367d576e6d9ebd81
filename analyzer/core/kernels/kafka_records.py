"""Where the records lie in the bytes of a Kafka record batch of message format 2.

https://kafka.apache.org/documentation/#record
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from analyzer.core.kernels.jit import compiled

U8 = NDArray[np.uint8]
I64 = NDArray[np.int64]


@compiled
def find_records(text: U8, columns: I64) -> bool:
    """Read where each value lies, and the offset and timestamp of each record.

    Parameters
    ----------
    columns
        Shape (4, n), to be filled: start and stop of the value (a null value is empty), offset
        and timestamp, both less those of the batch.

    Returns
    -------
    bool
        False if the text does not hold ``n`` whole records.
    """
    at, end = 0, len(text)
    for row in range(columns.shape[1]):
        size, at = _varint(text, at, end)
        stop = at + size
        if size < 1 or stop > end:
            return False
        columns[3, row], at = _varint(text, at + 1, stop)  # past the record's attributes
        columns[2, row], at = _varint(text, at, stop)
        key, at = _varint(text, at, stop)
        value, begin = _varint(text, at + max(key, 0), stop)
        columns[0, row] = begin
        columns[1, row] = begin + max(value, 0)
        if columns[1, row] > stop:
            return False
        at = stop  # past the headers
    return True


@compiled
def _varint(text: U8, at: int, stop: int) -> tuple[int, int]:
    """A zigzag number of variable length, and where it ends; beyond ``stop`` if it does not."""
    value, shift = 0, 0
    while at < stop and shift < 64:
        byte = np.int64(text[at])
        value |= int(byte & 127) << shift
        shift += 7
        at += 1
        if byte < 128:
            return (value >> 1) ^ -(value & 1), at
    return 0, stop + 1
