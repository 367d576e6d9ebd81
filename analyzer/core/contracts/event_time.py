"""Panes and watermarks: the arithmetic of event time.

A pane is the half-open interval ``[number · pane_ms, (number + 1) · pane_ms)``::

    event time   ──|── pane 7 ──|── pane 8 ──|── pane 9 ──|
    watermark                        ▲ = greatest time seen − lateness
    sealed        7                  (8 is open: its end is above the watermark)
"""

from __future__ import annotations

NO_WATERMARK = -(2**62)
END_OF_TIME_MS = 2**62
DAY_S = 86_400
WRONG_UNIT_MS = ((0, 10**12), (10**14, 2**63 - 1))
"""Such a time is no epoch milliseconds: it were of before September 2001 or after the year 5138. It
is 0 where nobody set it, or in days, seconds, microseconds or nanoseconds."""
