"""Since when there has been traffic to learn from: where the first day of silence begins.

A test event of a month ago is no month of history. So the beginning is found again after a gap
longer than a day and than all history before it, and leaves out the first thousandth of all
requests until the warm-up is over::

    one test event          a month later, real traffic
    ▪ ················································ ▪▪▪▪▪▪▪▪▪▪▪▪▪▪▪▪▪▪
                                                       first_pane
"""

from __future__ import annotations

from typing import Any

from analyzer.core.config import CoreConfig
from analyzer.core.contracts.event_time import DAY_S

NEGLIGIBLE = 1_000
"""One request in so many is too little to begin a history."""


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
        self._early: list[list[int]] = []
        """Panes with all requests up to their end, from the first on, while it may still move."""
        self._settled = False
        self._day = max(1, DAY_S // config.pane_s)
        self._warmup = config.warmup_s // config.pane_s

    def extend(self, pane: int, requests: int) -> None:
        """There was traffic in this pane, later than all before."""
        gap, span = pane - self._last_pane - 1, self._last_pane - self.first_pane + 1
        if self.first_pane < 0 or gap > max(self._day, span):
            self.first_pane, self._requests, self._early, self._settled = pane, 0, [], False
        self._last_pane = pane
        if self._settled:
            return
        self._requests += requests
        self._early.append([pane, self._requests])
        while self._early[0][1] * NEGLIGIBLE < self._requests:
            del self._early[0]
        self.first_pane = self._early[0][0]
        if pane - self.first_pane >= self._warmup:
            self._settled, self._early = True, []

    def state(self) -> dict[str, Any]:
        """All of it as plain data."""
        return {
            "first_pane": self.first_pane,
            "last_pane": self._last_pane,
            "requests": self._requests,
            "early": self._early,
            "settled": self._settled,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Put back what :meth:`state` gave."""
        self.first_pane, self._last_pane = state["first_pane"], state["last_pane"]
        self._requests, self._settled = state["requests"], state["settled"]
        self._early = [list(entry) for entry in state["early"]]
