"""Since when there has been traffic to learn from: where the first day of silence begins.

A test event of a month ago is no month of history. So the beginning is found again after a gap
longer than a day and than all history before it, and leaves out a thin start::

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
PAUSE_S = 3 * 3_600
THIN = 20
"""Neither is one in so many of all that came more than half a warm-up ago."""
LOOKED_AT = 4
"""Lengths of the warm-up after which the beginning stays what it is."""


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
        self._pause = PAUSE_S // config.pane_s
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
        self._drop_stray_events(pane)
        if pane - self._early[0][0] >= self._warmup:
            self._drop_a_thin_start(pane - self._warmup // 2)
        self.first_pane = self._early[0][0]
        if pane - self.first_pane >= LOOKED_AT * self._warmup:
            self._settled, self._early = True, []

    def _drop_stray_events(self, pane: int) -> None:
        """Next to nothing, and then nothing for hours, begins no history."""
        early = self._early
        while (
            len(early) > 1
            and early[1][0] - early[0][0] > self._pause
            and early[0][1] * NEGLIGIBLE < self._requests
            and pane - early[0][0] < self._warmup
        ):
            del early[0]

    def _drop_a_thin_start(self, half: int) -> None:
        """What is older than half a warm-up must be more than next to nothing of all."""
        older = [entry for entry in self._early if entry[0] <= half]
        if len(older) < len(self._early) and older[-1][1] * THIN < self._requests:
            self._early = self._early[len(older) :]

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
