"""Panes and watermarks: the arithmetic of event time.

A pane is the half-open interval ``[number · pane_ms, (number + 1) · pane_ms)``::

    event time   ──|── pane 7 ──|── pane 8 ──|── pane 9 ──|
    watermark                        ▲ = greatest time seen − lateness
    sealed        7                  (8 is open: its end is above the watermark)
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

NO_WATERMARK = -(2**62)
END_OF_TIME_MS = 2**62
DAY_S = 86_400


def late_rows(
    ts_ms: NDArray[np.int64], watermark_ms: int, pane_ms: int, lateness_s: int
) -> tuple[NDArray[np.bool_], int]:
    """Which rows come after their source has sealed their pane, and the watermark after them.

    Parameters
    ----------
    ts_ms
        Shape (n,), event times in the order of the source.
    watermark_ms
        Watermark of the source before these rows.

    Examples
    --------
    >>> late_rows(np.array([0, 25_000, 9_999]), NO_WATERMARK, 10_000, 5)
    (array([False, False,  True]), 20000)
    """
    reached = np.maximum.accumulate(ts_ms) - lateness_s * 1_000
    before = np.maximum(np.concatenate([[watermark_ms], reached[:-1]]), watermark_ms)
    pane_end = (ts_ms // pane_ms + 1) * pane_ms
    return pane_end <= before, max(watermark_ms, int(reached[-1]))
