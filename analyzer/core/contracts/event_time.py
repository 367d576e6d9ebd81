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
WRONG_UNIT_MS = ((10**9, 10**10), (10**14, 2**63 - 1))
"""A time of these decades is no epoch milliseconds: as seconds it is of 2001 to 2286 (as
milliseconds it were of the spring of 1970), and as micro- or nanoseconds of any year."""
