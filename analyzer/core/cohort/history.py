"""Since when there has been traffic to learn from: where the first day of silence begins.

A test event of a month ago is no month of history. So the beginning is found again after a gap
longer than a day and than all history before it, and leaves out a thin start::

    one test event          a month later, real traffic
    ▪ ················································ ▪▪▪▪▪▪▪▪▪▪▪▪▪▪▪▪▪▪
                                                       first_pane
"""

from __future__ import annotations

from bisect import bisect_right
from typing import Any

from analyzer.core.config import CoreConfig
from analyzer.core.contracts.event_time import DAY_S

NEGLIGIBLE = 1_000
"""One request in so many is too little to begin a history."""
PAUSE_S = 3 * 3_600
THIN = 20
"""Neither is one in so many of all that came more than half a warm-up ago."""


class History:
    """The first pane of the history at hand.

    Examples
    --------
    >>> history = History(CoreConfig())
    >>> for pane, requests in ((0, 1), (4_000, 700), (4_001, 700)):
    ...     history.extend(pane, requests)
    >>> history.first_pane
    4000
    """

    def __init__(self, config: CoreConfig) -> None:
        self.first_pane = -1
        self._last_pane = -1
        self._requests = 0
        self._known: list[list[int]] = []
        """Panes with all requests up to their end; what is older than half a warm-up is one."""
        self._day = max(1, DAY_S // config.pane_s)
        self._pause = PAUSE_S // config.pane_s
        self._warmup = config.warmup_s // config.pane_s

    def extend(self, pane: int, requests: int) -> None:
        """There was traffic in this pane, later than all before."""
        gap, span = pane - self._last_pane - 1, self._last_pane - self.first_pane + 1
        if self.first_pane < 0 or gap > max(self._day, span):
            self._requests, self._known = 0, []
        self._last_pane = pane
        self._requests += requests
        self._known.append([pane, self._requests])
        self._drop_stray_events(pane)
        if pane - self._known[0][0] >= self._warmup:
            self._drop_a_thin_start(pane - self._warmup // 2)
        self.first_pane = self._known[0][0]

    def _drop_stray_events(self, pane: int) -> None:
        """Next to nothing, and then nothing for hours, begins no history."""
        known = self._known
        while (
            len(known) > 1
            and known[1][0] - known[0][0] > self._pause
            and known[0][1] * NEGLIGIBLE < self._requests
            and pane - known[0][0] < self._warmup
        ):
            del known[0]

    def _drop_a_thin_start(self, half: int) -> None:
        """What is older than half a warm-up must be more than next to nothing of all."""
        known = self._known
        newer = bisect_right(known, half, key=lambda entry: entry[0])
        begin, older = known[0][0], known[newer - 1][1]
        thin = newer < len(known) and older * THIN < self._requests
        known[:newer] = [] if thin else [[begin, older]]

    def state(self) -> dict[str, Any]:
        """All of it as plain data."""
        return {
            "first_pane": self.first_pane,
            "last_pane": self._last_pane,
            "requests": self._requests,
            "known": self._known,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Put back what :meth:`state` gave."""
        self.first_pane, self._last_pane = state["first_pane"], state["last_pane"]
        self._requests = state["requests"]
        self._known = [list(entry) for entry in state["known"]]
