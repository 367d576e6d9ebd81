"""How often a shard saves: as often as was asked, unless it would take a fiftieth of its time."""

from __future__ import annotations

from collections import deque

CUT_SHARE = 50
"""Cuts that take t seconds each are at least 50·t apart."""


class SavePace:
    """The pause between one snapshot and the next.

    The lesser of the last two cuts is what a cut costs: one that also loaded a library, or shared
    its core with others, tells nothing of the next. The first is not known to be dear.

    Parameters
    ----------
    every_s
        Pause that was asked for, in seconds.
    """

    def __init__(self, every_s: float) -> None:
        self._every_s = every_s
        self._cuts_s = deque([0.0], maxlen=2)

    def cut_took(self, seconds: float) -> None:
        """Learn how long the last cut held up the work."""
        self._cuts_s.append(seconds)

    @property
    def pause_s(self) -> float:
        """Seconds from one cut to the next."""
        return max(self._every_s, CUT_SHARE * min(self._cuts_s))
