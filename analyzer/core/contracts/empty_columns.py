"""What a column of a table holds before it has rows: defaults of their fields."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def u64() -> NDArray[np.uint64]:
    """No hashes."""
    return np.zeros(0, np.uint64)


def u8() -> NDArray[np.uint8]:
    """No small numbers."""
    return np.zeros(0, np.uint8)


def i32() -> NDArray[np.int32]:
    """No counts."""
    return np.zeros(0, np.int32)


def i64() -> NDArray[np.int64]:
    """No numbers."""
    return np.zeros(0, np.int64)
