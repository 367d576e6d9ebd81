"""The gate before every step: nothing twice, nothing missing, and a pane once all have sent it.

::

    source 0   ███████████████░░░
    source 1   ██████████░░░░░░░░     ░ taken, and kept by the step until the gate opens
    source 2   ████████████░░░░░░
    open       ──────────▲ the least of what the sources have passed

A source has an origin: the identity of the topic that its positions belong to. A topic that was
deleted and created anew begins at position 0 under the same name and number, and is another
source; what still comes of the former one is recognised by its own origin.
"""

from __future__ import annotations

from typing import Any

from analyzer.errors import HoleError, StateError

MOST_SOURCES = 100_000
"""Of a topic that grows; a higher number is nonsense."""
ORIGINS_KEPT = 8
"""Former origins of a source that are still recognised."""

Key = int | str
"""Number of a source, with its origin before it if it has one."""


class Seen:
    """How far each source has been seen; a block sent twice changes nothing.

    Examples
    --------
    >>> seen = Seen()
    >>> seen.first_new(0, 10, 20), seen.first_new(0, 10, 20), seen.first_new(0, 15, 30)
    (10, None, 20)
    """

    def __init__(self, stops: dict[Key, int] | None = None) -> None:
        self.stops: dict[Key, int] = dict(stops or {})

    def first_new(self, source: Key, start: int, stop: int) -> int | None:
        """Take ``[start, stop)``; the first position that is new, or None if none is.

        Raises
        ------
        HoleError
            If positions between what was seen and ``start`` are missing.
        """
        seen = self.stops.get(source)
        if seen is not None and start > seen:
            raise HoleError(f"source {source}: rows {seen} to {start} are missing", seen)
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
    grows
        True: a source that is not known yet is one that was added.
    origin
        Origin of the sources now; what was added to a former one is forgotten.

    Examples
    --------
    >>> gate = Gate(2)
    >>> gate.take(0, 0, 7), gate.opened()
    (0, None)
    >>> gate.take(1, 0, 5), gate.opened(), gate.opened()
    (0, (0, 5), None)
    """

    def __init__(self, sources: int, *, grows: bool = False, origin: str = "") -> None:
        self._seen = Seen()
        self._passed = [0] * sources
        """Pane up to which each source is complete."""
        self._idle = [False] * sources
        self._stale = [False] * sources
        self._origins = [origin] * sources
        """Of the last new block of each source."""
        self._grows = grows
        self._origin = origin
        self.open = 0
        """Panes below this one are open: all sources have sent them."""

    def take(
        self,
        source: int,
        start: int,
        stop: int,
        passed: int | None = None,
        origin: str = "",
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
        self._make_room(source)
        key = _key(source, origin)
        is_new = key not in self._seen.stops
        first = self._seen.first_new(key, start, stop)
        reached = stop if passed is None else passed
        if is_new and origin != self._origins[source]:
            self._passed[source], self._origins[source] = reached, origin
            self._forget_origins(source)
        if first is not None and origin == self._origins[source]:
            if not bare or reached > self._passed[source]:
                self._idle[source] = False
            self._passed[source] = max(reached, self._passed[source])
            self._stale[source] = stale
        return first

    def rest(self, source: int, position: int, origin: str = "") -> None:
        """A source holds nobody back for now, unless more of it has come since it said so."""
        self._make_room(source)
        key = _key(source, origin)
        if key not in self._seen.stops:
            self._origins[source] = origin
        if origin == self._origins[source] and self._seen.stops.get(key, position) == position:
            self._idle[source] = True

    def _make_room(self, source: int) -> None:
        count = len(self._passed)
        if self._grows and count <= source < MOST_SOURCES:
            self._add(source + 1 - count)
        elif not 0 <= source < count:
            raise HoleError(
                f"source {source} where {count} are expected: was the number of "
                "shards or partitions changed? Give new names to the internal topics"
            )

    def _add(self, count: int) -> None:
        self._passed += [0] * count
        self._idle += [False] * count
        self._stale += [False] * count
        self._origins += [self._origin] * count

    def _forget_origins(self, source: int) -> None:
        end = f"/{source}"
        mine = [k for k in self._seen.stops if k == source or str(k).endswith(end)]
        for key in mine[:-ORIGINS_KEPT]:
            del self._seen.stops[key]

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
            "origins": self._origins,
            "open": self.open,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Put back what :meth:`state` gave; sources that were added since are new.

        Raises
        ------
        StateError
            If it is of another number of sources, and that can't be.
        """
        expected = len(self._passed)
        columns = (state[name] for name in ("passed", "idle", "stale", "origins"))
        saved = list(zip(*columns, strict=True))
        if not self._grows and len(saved) != expected:
            raise StateError(f"it was saved with {len(saved)} sources, now there are {expected}")
        # A topic that was made anew may have fewer partitions: nothing comes of the others.
        kept = [s for n, s in enumerate(saved) if n < expected or s[3] == self._origin]
        self._seen = Seen(state["seen"])
        self._passed, self._idle, self._stale, self._origins = (
            [part[field] for part in kept] for field in range(4)
        )
        self._add(max(0, expected - len(kept)))
        self.open = state["open"]


def _key(source: int, origin: str) -> Key:
    return f"{origin}/{source}" if origin else source
