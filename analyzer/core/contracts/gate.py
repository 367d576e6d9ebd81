"""The gate before every step: nothing twice, nothing missing, and a pane once all have sent it.

::

    source 0   ███████████████░░░
    source 1   ██████████░░░░░░░░     ░ taken, and kept by the step until the gate opens
    source 2   ████████████░░░░░░
    open       ──────────▲ the least of what the sources have passed
"""

from __future__ import annotations

from typing import Any

from analyzer.errors import HoleError


class Seen:
    """How far each source has been seen; a block sent twice changes nothing.

    Examples
    --------
    >>> seen = Seen()
    >>> seen.first_new(0, 10, 20), seen.first_new(0, 10, 20), seen.first_new(0, 15, 30)
    (10, None, 20)
    """

    def __init__(self, stops: dict[int, int] | None = None) -> None:
        self.stops: dict[int, int] = dict(stops or {})

    def first_new(self, source: int, start: int, stop: int) -> int | None:
        """Take ``[start, stop)``; the first position that is new, or None if none is.

        Raises
        ------
        HoleError
            If positions between what was seen and ``start`` are missing.
        """
        seen = self.stops.get(source)
        if seen is not None and start > seen:
            raise HoleError(f"source {source}: rows {seen} to {start} are missing")
        if seen is not None and stop <= seen:
            return None
        self.stops[source] = stop
        return start if seen is None else seen


class Gate:
    """Opens for a pane once every source has passed it; the step keeps the rows until then.

    Parameters
    ----------
    sources
        Number of sources, which are numbered from 0. A step that takes blocks of several types
        numbers the sources of one type after those of the other.

    Examples
    --------
    >>> gate = Gate(2)
    >>> gate.take(0, 0, 7), gate.opened()
    (0, None)
    >>> gate.take(1, 0, 5), gate.opened(), gate.opened()
    (0, (0, 5), None)
    """

    def __init__(self, sources: int) -> None:
        self._seen = Seen()
        self._passed = [0] * sources
        """Pane up to which each source is complete."""
        self._idle = [False] * sources
        self._stale = [False] * sources
        self.open = 0
        """Panes below this one are open: all sources have sent them."""

    def take(
        self,
        source: int,
        start: int,
        stop: int,
        passed: int | None = None,
        *,
        bare: bool = False,
        stale: bool = False,
    ) -> int | None:
        """Take positions ``[start, stop)`` of a source; the first that is new, None if none is.

        Parameters
        ----------
        passed
            Pane up to which the source is complete; None if its positions are panes.
        bare
            True: there is nothing in it; a source at rest goes on resting unless it is further.
        stale
            True: the source is far behind and does not catch up; who is not so, need not wait.

        Raises
        ------
        HoleError
            If positions are missing before ``start``, or there is no such source.
        """
        if not 0 <= source < len(self._passed):
            raise HoleError(
                f"source {source} where {len(self._passed)} are expected: was the number of "
                "shards or partitions changed? Give new names to the internal topics"
            )
        first = self._seen.first_new(source, start, stop)
        if first is not None:
            reached = stop if passed is None else passed
            if not bare or reached > self._passed[source]:
                self._idle[source] = False
            self._passed[source] = max(reached, self._passed[source])
            self._stale[source] = stale
        return first

    def rest(self, source: int, position: int) -> None:
        """A source holds nobody back for now, unless more of it has come since it said so."""
        if self._seen.stops.get(source, position) == position:
            self._idle[source] = True

    def opened(self) -> tuple[int, int] | None:
        """The panes ``[start, stop)`` that have become open since this was last asked."""
        places = list(zip(self._passed, self._idle, self._stale, strict=True))
        busy = [n for n, idle, stale in places if not idle and not stale]
        slow = [n for n, idle, _ in places if not idle]
        stop = min(busy or slow or [max(self._passed)])
        if stop <= self.open:
            return None
        start, self.open = self.open, stop
        return start, stop

    def state(self) -> dict[str, Any]:
        """All of it, for a snapshot."""
        return {
            "seen": self._seen.stops,
            "passed": self._passed,
            "idle": self._idle,
            "stale": self._stale,
            "open": self.open,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Put back what :meth:`state` gave."""
        self._seen = Seen(state["seen"])
        self._passed, self._idle = list(state["passed"]), list(state["idle"])
        self._stale = list(state["stale"])
        self.open = state["open"]
