"""Old news in one message: what a notifier finds that was off for long, or is started late.

::

    topic      old  old  old  old │ fresh  fresh
               └──── digest ────┘   └ one by one ┘
               + of each campaign that is still open its latest alert

An alert is old by the time at which it was written to its topic. A campaign counts as open if its
latest alert does not say "closed" and is no older than a campaign without a hit may get.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from analyzer.core.contracts.records import SEVERITIES, Alert, Severity
from analyzer.formatting import KINDS, moment


@dataclass(frozen=True, slots=True)
class Digest:
    """What old alerts said, in numbers."""

    counts: Counter[tuple[Severity, str]] = field(default_factory=Counter)
    """Alerts by severity and kind."""
    campaigns: int = 0
    since_ms: int = 0
    until_ms: int = 0
    """When the first and the last were written, in epoch milliseconds."""
    topic: str = ""

    def at_least(self, least: Severity) -> Digest | None:
        """The same of alerts that are severe enough; None if there are none."""
        floor = SEVERITIES.index(least)
        counts = Counter({k: n for k, n in self.counts.items() if SEVERITIES.index(k[0]) >= floor})
        if not counts:
            return None
        return Digest(counts, self.campaigns, self.since_ms, self.until_ms, self.topic)

    @property
    def alerts(self) -> int:
        """How many they are."""
        return self.counts.total()

    def text(self) -> str:
        """One paragraph.

        Examples
        --------
        >>> Digest(Counter({("high", "reseller_pool"): 2}), 1, 0, 60_000, "alerts").text()
        '2 older alerts about 1 campaigns are not repeated one by one: 2 reseller pool (high), \
from 1970-01-01 00:00 UTC to 1970-01-01 00:01 UTC. They lie in topic alerts.'
        """
        order = sorted(self.counts.items(), key=lambda kv: (-SEVERITIES.index(kv[0][0]), kv[0][1]))
        names: dict[str, str] = {str(kind): name for kind, name in KINDS.items()}
        parts = ", ".join(
            f"{n} {names.get(kind, kind).lower()} ({severity})" for (severity, kind), n in order
        )
        return (
            f"{self.alerts} older alerts about {self.campaigns} campaigns are not repeated one by "
            f"one: {parts}, from {moment(self.since_ms)} to {moment(self.until_ms)}. They lie in "
            f"topic {self.topic}."
        )


@runtime_checkable
class DigestSink(Protocol):
    """A sink that also tells digests; to any other they are no news."""

    async def deliver_digest(self, digest: Digest) -> None:
        """As :meth:`~analyzer.sinks.protocol.Sink.deliver`, with the same promises."""


@dataclass(slots=True)
class Backlog:
    """Old alerts of one partition, until it is known which of them are still news.

    Parameters
    ----------
    topic
        Where they lie.
    """

    topic: str
    _offsets: list[int] = field(default_factory=list)
    """Of all records, also of what is no alert."""
    _latest: dict[str, tuple[int, int, Alert]] = field(default_factory=dict)
    """Of each campaign its last alert, the offset, and when it was written."""
    _counts: Counter[tuple[Severity, str]] = field(default_factory=Counter)
    _times_ms: tuple[int, int] = (0, 0)

    def __bool__(self) -> bool:
        """Whether anything is in it."""
        return bool(self._offsets)

    def add(self, offset: int, written_ms: int, alert: Alert | None) -> None:
        """One more record, later than all before."""
        self._offsets.append(offset)
        if alert is None:
            return
        self._counts[alert.severity, alert.kind] += 1
        self._latest[alert.campaign_id] = (offset, written_ms, alert)
        first_ms = self._times_ms[0] or written_ms
        self._times_ms = first_ms, max(written_ms, self._times_ms[1])

    def sort_out(self, open_since_ms: int) -> Iterator[tuple[int, Alert | None, Digest | None]]:
        """Offset of each record with what is to be said there: an alert, the digest, or nothing.

        The digest comes first, so that none of it counts as told before it is.

        Parameters
        ----------
        open_since_ms
            A campaign whose last alert was written before this is not open any more.
        """
        news = {
            offset: alert
            for offset, written_ms, alert in self._latest.values()
            if alert.activity != "closed" and written_ms >= open_since_ms
        }
        counts = self._counts.copy()
        counts.subtract(Counter((a.severity, str(a.kind)) for a in news.values()))
        digest = Digest(+counts, len(self._latest), *self._times_ms, self.topic)
        for number, offset in enumerate(self._offsets):
            yield offset, news.get(offset), digest if number == 0 and digest.alerts else None
