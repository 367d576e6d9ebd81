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
def find_records(text: U8, columns: I64, cut: bool) -> tuple[int, int]:
    """Read where each value lies, and the offset and timestamp of each record.

    Parameters
    ----------
    columns
        Shape (4, n), to be filled: start and stop of the value (a null value is empty), offset
        and timestamp, both less those of the batch.
    cut
        Take a first record of which only the beginning is there, its value cut off with the text.

    Returns
    -------
    int
        Whole records found, ``n`` at most; −1 if what is there can't be records.
    int
        Where the last of them ends, which is beyond the text if it was cut.
    """
    at, end = 0, len(text)
    for row in range(columns.shape[1]):
        begin_of_record = at
        size, at = _varint(text, at, end)
        stop = at + size
        if size < 1 and at <= end:
            return -1, begin_of_record
        if at > end or (stop > end and not (cut and row == 0)):
            return row, begin_of_record
        shown = min(stop, end)
        columns[3, row], at = _varint(text, at + 1, shown)  # past the record's attributes
        columns[2, row], at = _varint(text, at, shown)
        key, at = _varint(text, at, shown)
        value, begin = _varint(text, at + max(key, 0), shown)
        columns[0, row] = min(begin, shown)
        columns[1, row] = columns[0, row] + max(value, 0)
        if columns[1, row] > shown:
            if shown == stop:
                return -1, begin_of_record
            columns[1, row] = shown
        at = stop  # past the headers
    return columns.shape[1], at


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
