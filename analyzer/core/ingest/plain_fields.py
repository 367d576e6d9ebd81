"""What several fields of a plain record say together, read where they lie."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from analyzer.core.ingest.scanner_schema import IP, PARAM_FIELDS, PREFIX
from analyzer.core.kernels.jit import borrowing
from analyzer.core.kernels.xxh3 import xxh3

U8 = NDArray[np.uint8]
I64 = NDArray[np.int64]

_V4_HEAD = np.uint64(4 << 60 | 24 << 48)
"""Family and length of a block of 24 bits, above its address."""


@borrowing
def address_of(text: U8, begins: I64, ends: I64) -> tuple[np.uint64, np.uint64]:
    """Block of a plain IPv4 address, or hash of any other text; the prefix if there is no IP."""
    field = IP if begins[IP] >= 0 and ends[IP] > begins[IP] else PREFIX
    if begins[field] < 0:
        return np.uint64(0), np.uint64(0)
    block = _v4_block(text, begins[field], ends[field])
    if block:
        return block, np.uint64(0)
    return block, xxh3(text, begins[field], ends[field], np.uint64(0)) | np.uint64(1)


@borrowing
def _v4_block(text: U8, at: int, end: int) -> np.uint64:
    """Block of ``a.b.c.d``; 0 if the text is anything else."""
    block = np.uint64(0)
    for part in range(4):
        begin, value = at, 0
        while at < end and at - begin < 3 and ord("0") <= text[at] <= ord("9"):
            value = 10 * value + text[at] - ord("0")
            at += 1
        if at == begin or value > 255 or (text[begin] == ord("0") and at - begin > 1):
            return np.uint64(0)
        if part < 3:
            if at >= end or text[at] != ord("."):
                return np.uint64(0)
            at += 1
            block = block << np.uint64(8) | np.uint64(value)
    return _V4_HEAD | block << np.uint64(24) if at == end else np.uint64(0)


@borrowing
def params_hash(text: U8, begins: I64, ends: I64) -> np.uint64:
    """Hash of the texts of all sampling parameters; 0 if there is none."""
    joint, given = np.uint64(0), False
    for i in range(len(PARAM_FIELDS)):
        field = PARAM_FIELDS[i]
        joint += np.uint64(1)
        if begins[field] >= 0:
            given = True
            joint = xxh3(text, begins[field], ends[field], joint)
    return joint | np.uint64(1) if given else np.uint64(0)
