"""From the alerts topic to the lanes, and the offsets back when every lane is done.

The offset of a record is committed once every lane has delivered it, passed it over or given
it up; so a crash repeats alerts and loses none. While one sink is away the others go on, up
to ``MAX_WAITING`` alerts ahead; then reading pauses and the alerts wait in their topic.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import msgspec
import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaConnectionError, KafkaError

from analyzer import kafka_clients as clients
from analyzer.core.contracts.records import Alert
from analyzer.errors import Broken, RetryLater, UsageError
from analyzer.sinks.lane import Item, Lane

if TYPE_CHECKING:
    from collections.abc import Iterable

    from analyzer.settings import Settings

MAX_WAITING = 10_000
POLL_MS = 200
STOP_WITHIN_S = 5.0
LOOK_EVERY_S = 2.0
MAKE_IT = "run `analyzer worker --create-topics`"

log = structlog.get_logger("analyzer.sinks")


class Feed(ConsumerRebalanceListener):  # type: ignore[misc] # aiokafka ships no types
    """Reads the alerts topic for all lanes.

    Parameters
    ----------
    lanes
        One per sink; the caller runs them.
    """

    def __init__(self, settings: Settings, lanes: list[Lane]) -> None:
        self.bad = 0
        """Records that were no alert.v1."""
        self._joined = False
        self._topic = settings.topics.alerts
        self._lanes = lanes
        self._committed: dict[TopicPartition, int] = {}
        self._decode = msgspec.json.Decoder(Alert).decode
        self._consumer = AIOKafkaConsumer(
            **clients.options(settings),
            group_id=f"{settings.app_id}-notify",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            session_timeout_ms=int(settings.kafka.session_timeout_s * 1_000),
            heartbeat_interval_ms=int(settings.kafka.session_timeout_s * 300),
        )

    async def start(self) -> None:
        """Join the group.

        Raises
        ------
        RetryLater
            If no broker answers.
        """
        try:
            await self._consumer.start()
        except KafkaConnectionError as error:
            await self._consumer.stop()
            raise RetryLater(f"no broker answers: {error}") from error
        except KafkaError as error:
            await self._consumer.stop()
            raise Broken(f"the broker refuses us: {error!r}; try `analyzer doctor`") from error

    async def run(self, stop: asyncio.Event, *, once: bool) -> None:
        """Feed the lanes until told to stop or, with ``once``, until all that is there is done.

        Raises
        ------
        UsageError
            With ``once``, if the topic is missing.
        Broken
            If the broker refuses what can't succeed later.
        """
        await self._wait_for_topic(stop, once=once)
        self._consumer.subscribe([self._topic], listener=self)
        ends: dict[TopicPartition, int] | None = None
        while not stop.is_set():
            await self._turn()
            if once and ends is None and self._joined:
                ends = await self._consumer.end_offsets(list(self._consumer.assignment()))
            if ends is not None and await self._is_done(ends):
                return

    async def close(self) -> None:
        """Commit what is done and leave the group."""
        await self.commit()
        await asyncio.wait_for(self._consumer.stop(), STOP_WITHIN_S)

    def unready(self) -> str | None:
        """What keeps alerts from being read; None if nothing does."""
        return None if self._joined else "waits for its topic or its group"

    async def _wait_for_topic(self, stop: asyncio.Event, *, once: bool) -> None:
        """A subscription to a missing topic would sleep for minutes, or create it wrongly."""
        told = False
        while self._topic not in await self._consumer.topics():
            if once:
                raise UsageError(f"topic {self._topic} is missing; {MAKE_IT}")
            if not told:
                log.warning(
                    "the topic of alerts is missing; waiting", topic=self._topic, do=MAKE_IT
                )
                told = True
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), LOOK_EVERY_S)
            if stop.is_set():
                return

    async def _turn(self) -> None:
        tps = self._consumer.assignment()
        if max((lane.waiting for lane in self._lanes), default=0) > MAX_WAITING:
            self._consumer.pause(*tps)
        else:
            self._consumer.resume(*tps)
        try:
            batches = await self._consumer.getmany(timeout_ms=POLL_MS)
        except KafkaError as error:
            if not error.retriable:
                raise Broken(f"topic {self._topic}: {error!r}") from error
            log.warning("the broker is not able now", why=repr(error))
            await asyncio.sleep(1.0)
            return
        for tp, records in batches.items():
            self._hand_out(tp, records)
        await self.commit()

    def _hand_out(self, tp: TopicPartition, records: Iterable[Any]) -> None:
        for record in records:
            item = Item(tp, record.offset, self._alert(record))
            for lane in self._lanes:
                lane.put(item)

    def _alert(self, record: Any) -> Alert | None:
        try:
            return self._decode(record.value or b"")
        except msgspec.MsgspecError as error:
            self.bad += 1
            place = f"{record.topic}/{record.partition}/{record.offset}"
            log.error(  # noqa: TRY400 - the record is wrong, not we: no traceback
                "a record is no alert.v1 and was passed over", place=place, why=str(error)
            )
            return None

    async def _is_done(self, ends: dict[TopicPartition, int]) -> bool:
        if any(lane.waiting for lane in self._lanes):
            return False
        held = self._consumer.assignment()
        for tp in held & set(ends):
            if await self._consumer.position(tp) < ends[tp]:
                return False
        return True

    def _done(self) -> dict[TopicPartition, int]:
        """Next offset of each partition with which no lane has anything left to do."""
        tps = set.intersection(*(set(lane.positions) for lane in self._lanes))
        return {tp: min(lane.positions[tp] for lane in self._lanes) for tp in tps}

    async def commit(self) -> None:
        """Commit what every lane has dealt with."""
        held = self._consumer.assignment()
        news = {
            tp: offset
            for tp, offset in self._done().items()
            if tp in held and self._committed.get(tp) != offset
        }
        if not news:
            return
        try:
            await self._consumer.commit(news)
        except (CommitFailedError, IllegalStateError) as error:
            log.warning("another notifier took over; some alerts may be repeated", why=repr(error))
        except KafkaError as error:
            log.warning("offsets not committed yet", why=repr(error))
        else:
            self._committed |= news

    async def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        """Commit what is done and forget the rest: its next owner reads it again."""
        await self.commit()
        for lane in self._lanes:
            lane.forget(set(revoked))
        for tp in revoked:
            self._committed.pop(tp, None)

    async def on_partitions_assigned(self, _assigned: set[TopicPartition]) -> None:
        """Reading starts at the committed offsets."""
        self._joined = True
