"""How far one partition has been read, and what happens when a fetch does not fit on.

::

    next ────────────┐
    [ old fetch ]    │          stop ≤ next           dropped
         [ overlapping ]        start < next < stop   records below next are dropped
                     [ next ]   start = next          taken
                         [ far ]                      a hole: the consumer is sent back,
                                                      unless the broker has deleted the rest
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Protocol

import structlog
from faust.types import TP

from analyzer.errors import Broken
from analyzer.kafka_metadata import TopicState
from analyzer.stream.transport.fetches import Records

log = structlog.get_logger("analyzer.stream")

SKIP_LOST = "--skip-lost"


class ConsumerPort(Protocol):
    """What an owner needs of the consumer; every method but one waits for the broker."""

    def assignment(self) -> Collection[TP]:
        """What the group has assigned to us; does not wait."""

    async def seek_all(self, offsets: Mapping[TP, int]) -> None:
        """Go on reading at these offsets."""

    async def commit_upto(self, offsets: Mapping[TP, tuple[int, str]], generation: int) -> bool:
        """Commit if this generation still rules; False if it does not."""

    async def committed(self, tp: TP) -> tuple[int, str] | None:
        """Committed next offset and its metadata."""

    async def bounds(self, tp: TP) -> tuple[int, int]:
        """First offset in the log, and the one after its last."""

    async def ends(self, tps: Collection[TP]) -> dict[TP, int]:
        """The offset after the last one, of each log."""

    async def topic_id(self, tp: TP) -> str:
        """Id of the topic as the partition's leader has it; empty if it has no such topic."""

    async def topics(self, names: Collection[str]) -> dict[str, TopicState]:
        """What the broker knows of these topics; nothing if it does not tell."""

    async def members(self) -> dict[str, str]:
        """Client id of each member of the group, and where it runs; nothing if it can't be told."""


class Reading:
    """The next offset of one partition.

    Parameters
    ----------
    skip_lost
        Go on after records that the broker deleted before they were read; otherwise stop.
    """

    def __init__(
        self, consumer: ConsumerPort, tp: TP, next_offset: int, *, skip_lost: bool
    ) -> None:
        self.next = next_offset
        self._consumer = consumer
        self._tp = tp
        self._skip_lost = skip_lost

    async def admit(self, records: Records) -> Records | None:
        """What is new in this fetch; None if nothing is or if the consumer was sent back.

        Raises
        ------
        Broken
            If records were deleted before they were read.
        """
        if records.stop <= self.next:
            return None
        if records.start > self.next:
            first, _ = await self._consumer.bounds(self._tp)
            if first <= self.next:
                log.info("rewind", partition=str(self._tp), to=self.next, was_at=records.start)
                await self._consumer.seek_all({self._tp: self.next})
                return None
            self.lost(first)
        new = records.since(self.next)
        if len(new.offsets) and int(new.offsets[0]) > new.start:
            first, _ = await self._consumer.bounds(self._tp)
            if first > new.start:
                self.lost(first)
        return new

    def lost(self, first: int) -> None:
        """Offsets below ``first`` are gone although they were not read: stop, or say it and go on.

        Raises
        ------
        Broken
            Unless that is to be put up with.
        """
        text = deleted(self._tp, self.next, first)
        if not self._skip_lost:
            raise Broken(f"{text}, and start once with {SKIP_LOST} to go on without them")
        log.error("records lost", detail=text)


def deleted(tp: TP, start: int, stop: int) -> str:
    """What has happened, in words."""
    return (
        f"{tp.topic}/{tp.partition}: the broker has deleted offsets {start} to {stop} before they "
        "were read; raise the topic's retention.ms"
    )
