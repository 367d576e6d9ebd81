"""What every owner of a partition is given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from faust.types import TP

from analyzer.core.pipeline import Sharding
from analyzer.errors import Broken
from analyzer.kafka_metadata import NO_ID
from analyzer.ops.metrics import WORKER, Meter
from analyzer.settings import Settings
from analyzer.stream.state.kafka_log import ReadOn, Send, read_on
from analyzer.stream.topics.catalog import Layout
from analyzer.stream.transport.position import ConsumerPort
from analyzer.stream.transport.same_topic import SameTopic

ENOUGH = 1_000
REMEMBERED = 20_000


@dataclass(slots=True)
class BadShare:
    """Which share of the recent input of this worker is bad.

    Examples
    --------
    >>> share = BadShare(0.5)
    >>> share.count(received=1_000, bad=400)
    >>> share.count(received=1_000, bad=900)
    Traceback (most recent call last):
    ...
    analyzer.errors.Broken: 65% of the last 2000 records are bad (worker.max_bad_share is 50%): \
is this the right topic, in the right format?
    """

    limit: float
    received: float = 0
    bad: float = 0

    def count(self, *, received: int, bad: int, why: str = "") -> None:
        """Add a batch, with the reason of most of what is bad in it.

        Raises
        ------
        Broken
            If more than the limit is bad, judged over at least 1,000 records.
        """
        self.received += received
        self.bad += bad
        if self.received >= ENOUGH and self.bad > self.limit * self.received:
            most = f", most of them {why}" if why else ""
            raise Broken(
                f"{self.bad / self.received:.0%} of the last {self.received:.0f} records are bad "
                f"(worker.max_bad_share is {self.limit:.0%}){most}: is this the right topic, in "
                "the right format?"
            )
        if self.received > REMEMBERED:
            self.received /= 2
            self.bad /= 2


@dataclass(frozen=True, slots=True)
class Context:
    """Settings, the broker's topics, and the two ways to the broker."""

    settings: Settings
    layout: Layout
    consumer: ConsumerPort
    same_topic: SameTopic
    """Of the topic of requests."""
    send: Send
    clock: Callable[[], float]
    """Seconds of a clock that never goes back."""
    bad_share: BadShare
    skip_lost: bool = False
    meter: Meter = field(default_factory=lambda: Meter(WORKER))
    read: ReadOn | None = None
    """Reads a partition outside every group; None: by a client of Kafka."""
    part_bytes: int | None = None
    """A block longer than this travels in parts; None: as usual."""
    page_bytes: int | None = None
    """Size of the pages of a snapshot; None: as usual."""

    async def read_on(
        self, tp: TP, start: int | None, *, once: bool = False
    ) -> tuple[list[Any], int]:
        """All records from an offset, or the beginning, and the offset after them.

        Parameters
        ----------
        once
            True: only those of the first fetch.
        """
        return await (self.read or partial(read_on, self.settings))(tp, start, once=once)

    @property
    def sharding(self) -> Sharding:
        """How the work is cut: by the partitions of the raw topic, and by the settings."""
        settings = self.settings
        requests = settings.topics.requests
        return Sharding(
            (requests,) * self.layout.partitions[requests],
            settings.shards,
            settings.cohort_shards,
            self.origin,
        )

    @property
    def origin(self) -> str:
        """Identity of the topic of requests; empty where the broker gives none."""
        topic_id = self.layout.id_of(self.settings.topics.requests)
        return "" if topic_id == NO_ID else topic_id
