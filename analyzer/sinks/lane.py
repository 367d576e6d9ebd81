"""One sink's lane: its own queue, its own pauses, its own memory.

A lane works through its items one by one, in the order of the topic. An alert that can't be
delivered now is tried again before any later one, so the order of a campaign's thread is
kept; the other lanes do not wait for it.
"""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict, deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from analyzer.core.contracts.records import SEVERITIES, Alert, Severity
from analyzer.errors import AddressRefused, BadRecord, RetryLater
from analyzer.ops.metrics import DELIVERED, FAILURES, NOTIFIER, PARKED, RETRIES, WAITING, Meter
from analyzer.sinks.digest import Digest, DigestSink

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from aiokafka import TopicPartition

    from analyzer.sinks.protocol import Sink

FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 60.0
REMEMBERED = 10_000
TOLD = {"delivered": DELIVERED, "retries": RETRIES, "given_up": FAILURES}


@dataclass(frozen=True, slots=True)
class Item:
    """One record of the alerts topic."""

    partition: TopicPartition
    offset: int
    alert: Alert | None
    """None for a record that is no alert, or old news; it only moves the position."""
    digest: Digest | None = None
    """Old news to be told before it."""


class Lane:
    """Delivers to one sink.

    Parameters
    ----------
    sink
        Where alerts go; entered by the caller.
    min_severity
        Lesser alerts are passed over.
    first_pause_s
        Pause before the first repetition, in seconds; doubles up to a minute.
    meter
        Is told what became of the alerts.
    """

    def __init__(
        self,
        sink: Sink,
        min_severity: Severity,
        *,
        first_pause_s: float = FIRST_PAUSE_S,
        meter: Meter | None = None,
    ) -> None:
        self.sink = sink
        self.counts: Counter[str] = Counter()
        """Alerts by what became of them: delivered, repeated, lesser, given_up, digested; and
        retries."""
        self.parked: str | None = None
        """Why the other side takes nothing at all, as it answered last; None if it does."""
        self.positions: dict[TopicPartition, int] = {}
        """Next offset of each partition that this lane has not dealt with."""
        self._least = SEVERITIES.index(min_severity)
        self._first_pause_s = first_pause_s
        self._items: deque[Item] = deque()
        self._more = asyncio.Event()
        self._delivered: OrderedDict[str, None] = OrderedDict()
        self._meter = meter or Meter(NOTIFIER)
        for metric in TOLD.values():
            self._meter.add(metric, 0, sink=sink.name)  # so that a first failure is a rise
        self._meter.follow(WAITING, lambda: self.waiting, sink=sink.name)
        self._meter.follow(PARKED, lambda: float(self.parked is not None), sink=sink.name)
        self._log = structlog.get_logger("analyzer.sinks").bind(sink=sink.name)

    @property
    def waiting(self) -> int:
        """Items not dealt with."""
        return len(self._items)

    def put(self, item: Item) -> None:
        """Add an item; never blocks."""
        self.positions.setdefault(item.partition, item.offset)
        self._items.append(item)
        self._more.set()

    def forget(self, partitions: set[TopicPartition]) -> None:
        """Drop everything about partitions that were taken away."""
        self._items = deque(item for item in self._items if item.partition not in partitions)
        for partition in partitions:
            self.positions.pop(partition, None)

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            while not self._items:
                self._more.clear()
                await self._more.wait()
            item = self._items[0]
            if item.digest is not None:
                await self._tell(item, item.digest)
            if item.alert is not None:
                await self._handle(item, item.alert)
            if self._is_ours(item):
                self._items.popleft()
                self.positions[item.partition] = item.offset + 1

    def _is_ours(self, item: Item) -> bool:
        """Whether the item was not taken away meanwhile."""
        return bool(self._items) and self._items[0] is item

    async def _handle(self, item: Item, alert: Alert) -> None:
        if SEVERITIES.index(alert.severity) < self._least:
            self.counts["lesser"] += 1
        elif alert.alert_id in self._delivered:
            self.counts["repeated"] += 1
        else:
            await self._deliver(item, alert)

    async def _deliver(self, item: Item, alert: Alert) -> None:
        done = await self._persist(item, lambda: self.sink.deliver(alert), alert.alert_id)
        if isinstance(done, str):
            self._give_up(alert, done)
        elif done:
            self._remember(alert)

    async def _tell(self, item: Item, whole: Digest) -> None:
        digest, sink = whole.at_least(SEVERITIES[self._least]), self.sink
        if digest is None:
            return
        self.counts["digested"] += digest.alerts
        self._log.info("old alerts are not sent one by one", digest=digest.text())
        if isinstance(sink, DigestSink):
            done = await self._persist(item, lambda: sink.deliver_digest(digest), "digest")
            if isinstance(done, str):
                self._log.error("the digest was refused", why=done)

    async def _persist(
        self, item: Item, attempt: Callable[[], Awaitable[None]], name: str
    ) -> bool | str:
        """Try until it is done; False if the item was taken away; why it never will be, if so."""
        pause_s = least_s = self._first_pause_s
        while self._is_ours(item):
            try:
                await attempt()
            except RetryLater as error:
                wait_s = pause_s if error.after_s is None else max(error.after_s, least_s)
                self._retry(name, error, wait_s)
                await asyncio.sleep(wait_s)
                pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
            except BadRecord as error:
                self.parked = None
                return str(error)
            except Exception as error:  # noqa: BLE001 - the guard of this adapter: a sink's own mistake
                return repr(error)
            else:
                self.parked = None
                return True
        return False

    def _count(self, what: str) -> None:
        self.counts[what] += 1
        self._meter.add(TOLD[what], sink=self.sink.name)

    def _retry(self, name: str, error: RetryLater, wait_s: float) -> None:
        self._count("retries")
        self.parked = str(error) if isinstance(error, AddressRefused) else None
        tell = self._log.error if self.parked else self._log.warning
        tell(
            "alerts are PARKED until a setting is changed" if self.parked else "not delivered yet",
            why=str(error),
            again_in_s=round(wait_s, 1),
            alert_id=name,
            waiting=self.waiting,
        )

    def unready(self) -> str | None:
        """Why alerts wait for somebody; None if they don't. May be called from any thread."""
        why = self.parked
        return why and f"{self.sink.name}: {self.waiting} alerts are parked: {why}"

    def _give_up(self, alert: Alert, why: str) -> None:
        self._count("given_up")
        self._log.error(
            "alert GIVEN UP, it was not delivered",
            why=why,
            alert_id=alert.alert_id,
            campaign_id=alert.campaign_id,
            severity=alert.severity,
            summary=alert.summary,
        )

    def _remember(self, alert: Alert) -> None:
        self._count("delivered")
        self._delivered[alert.alert_id] = None
        if len(self._delivered) > REMEMBERED:
            self._delivered.popitem(last=False)
