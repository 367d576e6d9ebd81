"""From the alerts topic to the lanes, and the offsets back when every lane is done.

All that deliver to the same place share a group; who only shows alerts on a terminal is in another
one, so that it takes nothing away, and who would deliver elsewhere is refused.

The offset of a record is committed once every lane has delivered it, passed it over or given
it up; so a crash repeats alerts and loses none. While one sink is away the others go on, up
to ``MAX_WAITING`` alerts ahead; then reading pauses and the alerts wait in their topic.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from datetime import UTC, datetime
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import msgspec
import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaConnectionError, KafkaError
from pydantic import BaseModel, SecretStr

from analyzer import kafka_clients as clients
from analyzer.core.contracts.decode import UNREADABLE
from analyzer.core.contracts.records import Alert
from analyzer.errors import Broken, RetryLater, UsageError
from analyzer.ops.broker_silence import BrokerSilence
from analyzer.settings_tables import Kafka
from analyzer.sinks.console import ConsoleSink
from analyzer.sinks.digest import Backlog
from analyzer.sinks.lane import Item, Lane

if TYPE_CHECKING:
    from collections.abc import Iterable

    from analyzer.settings import Settings

MAX_WAITING = 10_000
POLL_MS = 200
STOP_WITHIN_S = 4.0
LOOK_EVERY_S = 2.0
ANSWER_WITHIN_S = 10.0
GRACE_S = 2.0
CLIENT = "analyzer-notify-"
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
        self._settings = settings
        self._topic = settings.topics.alerts
        self._group = group_of(settings, lanes)
        self._client_id = f"{CLIENT}{destination(settings, lanes)}"
        self._backlogs: dict[TopicPartition, Backlog] = {}
        self.silence = BrokerSilence(time.monotonic, ",".join(settings.bootstrap))
        self._lanes = lanes
        self._committed: dict[TopicPartition, int] = {}
        self._decode = msgspec.json.Decoder(Alert).decode
        self._consumer = AIOKafkaConsumer(
            **clients.options(settings),
            group_id=self._group,
            client_id=self._client_id,
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
        UsageError
            If another notifier of the group delivers to another place.
        """
        await self._refuse_others()
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

    async def _refuse_others(self) -> None:
        """One that was killed stays a member until its session ends; that is waited for."""
        deadline = time.monotonic() + self._settings.kafka.session_timeout_s + GRACE_S
        while True:
            async with clients.admin(self._settings) as admin:
                found = await clients.group_members(admin, self._group)
            ours = {id_: host for id_, host in found.items() if id_.startswith(CLIENT)}
            others = clients.foreign(ours, self._client_id)
            if not others:
                return
            if time.monotonic() >= deadline:
                raise UsageError(
                    f"another notifier of group {self._group} delivers to another place ({others}; "
                    f"here {self._client_id}) and would lose alerts to this one: stop it, or give "
                    "this one another ANALYZER_APP_ID"
                )
            await asyncio.sleep(LOOK_EVERY_S)

    async def close(self) -> None:
        """Commit what is done and leave the group; without a broker nobody waits for that."""
        try:
            async with asyncio.timeout(STOP_WITHIN_S):
                await self.commit()
                with suppress(asyncio.CancelledError):  # of its own fetch, if a broker is away
                    await self._consumer.stop()
        except TimeoutError:
            log.warning("the broker does not answer; some alerts may be repeated")

    def unready(self) -> str | None:
        """What keeps alerts from being read or delivered; None if nothing does."""
        if not self._joined:
            return "waits for its topic or its group"
        parked = (why for lane in self._lanes if (why := lane.unready()))
        return self.silence.unready() or next(parked, None)

    async def ask_forever(self) -> None:
        """Ask the broker something every two seconds, to know whether it is there."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            tps = self._consumer.assignment()
            if not tps:
                continue
            self.silence.asked()
            with suppress(TimeoutError, KafkaError):
                async with asyncio.timeout(ANSWER_WITHIN_S):
                    await self._consumer.end_offsets(list(tps))
                self.silence.answered()

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
        for tp in list(self._backlogs):
            if await self._is_read(tp):
                self._sort_out(tp)
        await self.commit()

    async def _is_read(self, tp: TopicPartition) -> bool:
        """Whether nothing more lies in the partition."""
        end = self._consumer.highwater(tp)
        return end is None or await self._consumer.position(tp) >= end

    def _hand_out(self, tp: TopicPartition, records: Iterable[Any]) -> None:
        old_before_ms = _now_ms() - self._settings.notify.digest_after_s * 1_000
        for record in records:
            alert = self._alert(record)
            if 0 < record.timestamp < old_before_ms:
                backlog = self._backlogs.setdefault(tp, Backlog(self._topic))
                backlog.add(record.offset, record.timestamp, alert)
                continue
            self._sort_out(tp)
            self._put(Item(tp, record.offset, alert))

    def _sort_out(self, tp: TopicPartition) -> None:
        """No older alert follows: say which are still news, and the rest in a digest."""
        backlog = self._backlogs.pop(tp, None)
        if backlog is None:
            return
        open_since_ms = _now_ms() - self._settings.core.close_after_s * 1_000
        for offset, alert, digest in backlog.sort_out(open_since_ms):
            self._put(Item(tp, offset, alert, digest))

    def _put(self, item: Item) -> None:
        for lane in self._lanes:
            lane.put(item)

    def _alert(self, record: Any) -> Alert | None:
        try:
            return self._decode(record.value or b"")
        except UNREADABLE as error:
            self.bad += 1
            place = f"{record.topic}/{record.partition}/{record.offset}"
            log.error(  # noqa: TRY400 - the record is wrong, not we: no traceback
                "a record is no alert.v1 and was passed over", place=place, why=str(error)
            )
            return None

    async def _is_done(self, ends: dict[TopicPartition, int]) -> bool:
        if self._backlogs or any(lane.waiting for lane in self._lanes):
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
            self._backlogs.pop(tp, None)

    async def on_partitions_assigned(self, _assigned: set[TopicPartition]) -> None:
        """Reading starts at the committed offsets."""
        self._joined = True


def group_of(settings: Settings, lanes: list[Lane]) -> str:
    """The consumer group; a terminal takes no alerts away from who delivers them."""
    shown = all(isinstance(lane.sink, ConsoleSink) for lane in lanes)
    return f"{settings.app_id}-notify" + ("-console" if shown else "")


def destination(settings: Settings, lanes: list[Lane]) -> str:
    """Digest of where alerts go: the sinks, and every secret address or key of the settings."""
    tables = [value for _, value in settings if isinstance(value, BaseModel)]
    secrets = [
        f"{name}={value.get_secret_value()}"
        for table in tables
        if not isinstance(table, Kafka)
        for name, value in table
        if isinstance(value, SecretStr)
    ]
    text = "\n".join(sorted([*(lane.sink.name for lane in lanes), *secrets]))
    return blake2b(text.encode(), digest_size=4).hexdigest()


def _now_ms() -> int:
    return round(datetime.now(UTC).timestamp() * 1_000)
