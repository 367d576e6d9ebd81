"""Feedback on its way: each record takes effect in event time, whatever order it came in.

A record takes effect at the first pane whose end is at or after ``created_ms``; those of one
pane in the order of ``created_ms`` and id. Live, ``created_ms`` is the time by the clock, and
panes are decided behind the clock, so this is soon. A record that comes when that pane has
been decided already takes effect at the next one that is; then, and only then, live differs
from a replay that knew it from the start.
"""

from __future__ import annotations

from typing import Any

import msgspec

from analyzer.core.contracts.feedback import Feedback, FeedbackBlock


class Inbox:
    """Waiting records, and the ids of all that ever came: an id counts once.

    Of several records with one id, the first in effect counts; of those that wait, the one
    first in order.
    """

    def __init__(self) -> None:
        self.stops: dict[str, int] = {}
        """Per source, the next offset that is new."""
        self._waiting: dict[str, Feedback] = {}
        self._known: set[str] = set()

    def take(self, block: FeedbackBlock) -> None:
        """Put records in; those known are dropped."""
        self.stops[block.source] = max(block.stop, self.stops.get(block.source, 0))
        for said in block.records:
            if said.feedback_id not in self._known:
                rival = self._waiting.get(said.feedback_id, said)
                self._waiting[said.feedback_id] = min(said, rival, key=_order)

    def due(self, now_ms: int) -> list[Feedback]:
        """Take out what takes effect by now, in order."""
        due = sorted((s for s in self._waiting.values() if s.created_ms <= now_ms), key=_order)
        for said in due:
            del self._waiting[said.feedback_id]
            self._known.add(said.feedback_id)
        return due

    def state(self) -> dict[str, Any]:
        """All of it, as plain data."""
        return {
            "stops": self.stops,
            "waiting": [msgspec.to_builtins(said) for said in self._waiting.values()],
            "known": sorted(self._known),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Put back what :meth:`state` gave."""
        self.stops = dict(state["stops"])
        waiting = msgspec.convert(state["waiting"], list[Feedback])
        self._waiting = {said.feedback_id: said for said in waiting}
        self._known = set(state["known"])


def _order(said: Feedback) -> tuple[int, str, bytes]:
    return said.created_ms, said.feedback_id, msgspec.json.encode(said)
