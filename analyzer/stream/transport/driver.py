"""A Faust transport that delivers fetches, not messages: ``batched://host:port``.

Faust loads it by the entry-point group ``faust.transports``. One event is a piece of one
partition's fetch; its value is a :class:`.fetches.Records`. Faust's own book of
acknowledged offsets stays empty: where to read from is asked of the application at every
rebalance (``app.start_offsets``), and offsets are committed by :meth:`Consumer.commit_upto`
alone. So none of the ways in which that book can run ahead of the work matters here.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Coroutine, Mapping
from itertools import chain
from typing import Any, ClassVar, TypeVar, cast

import aiokafka
import faust
from aiokafka.errors import (
    CommitFailedError,
    ConsumerStoppedError,
    IllegalGenerationError,
    IllegalStateError,
    KafkaError,
    RebalanceInProgressError,
    UnknownMemberIdError,
)
from aiokafka.protocol.admin import DescribeGroupsRequest
from aiokafka.structs import OffsetAndMetadata, TopicPartition
from faust.exceptions import ConsumerNotStarted
from faust.serializers.schemas import Schema
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, ConsumerMessage

from analyzer import kafka_clients as clients
from analyzer.kafka_clients import members_of
from analyzer.kafka_metadata import TopicState, topic_id_at, topic_states
from analyzer.stream.transport.fetches import Records
from analyzer.stream.transport.record_batches import read_in_batches

METADATA_PAUSE_S = 0.25
RETRY_PAUSE_S = 0.1
FETCH_WAIT_MS = 50
"""How long the broker may hold an empty fetch. aiokafka has one fetch under way for each
broker: a partition that has just been drained waits for the end of that one."""
REBALANCED = (UnknownMemberIdError, IllegalGenerationError, RebalanceInProgressError)

T = TypeVar("T")

StartOffsets = Callable[[set[TP], int], Awaitable[Mapping[TP, int]]]
"""Asked with the assignment and its generation; answers where to read each partition from."""


class BatchSchema(Schema[Any, Any]):
    """Takes the records as they are."""

    def loads_key(self, *_args: Any, **_options: Any) -> None:
        """No key: each record may have another one."""

    def loads_value(self, app: Any, message: Any, **_options: Any) -> Any:  # noqa: ARG002 - Faust's
        """The :class:`Records` that :meth:`Consumer.getmany` put into the message."""
        return message.value


class App(faust.App):
    """A Faust app that says itself where to read from."""

    start_offsets: StartOffsets
    from_start: Callable[[], Awaitable[object]]
    """Runs beside everything else from the first moment; Faust's own tasks begin only when the
    first partitions have been opened."""

    async def on_start(self) -> None:
        """Start it."""
        await super().on_start()
        self.add_future(self.from_start())


class NothingRead(dict[TP, int | None]):
    """A book of read offsets that is always blank.

    Faust drops messages below what stands there and books gaps above it; both are wrong
    for fetches, and wrong after a seek backwards. The owners check offsets themselves.
    """

    def __missing__(self, _tp: TP) -> None:
        return None

    def __setitem__(self, _tp: TP, _offset: int | None) -> None:
        """Forget it."""

    def update(self, *_others: Any, **_more: Any) -> None:
        """Forget them."""


class Consumer(driver.Consumer):
    """Consumer of fetches with commits pinned to a generation."""

    _thread: BatchedThread

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._read_offset = NothingRead()

    def _new_consumer_thread(self) -> BatchedThread:
        return BatchedThread(self, loop=self.loop, beacon=self.beacon)

    async def getmany(
        self,
        timeout: float,  # noqa: ASYNC109 - the signature is Faust's
    ) -> AsyncIterator[tuple[TP, ConsumerMessage]]:
        """One message per piece of a fetch.

        What arrives while the flow is stopped is dropped: every start of the flow seeks
        first, and an owner that finds a hole rewinds.
        """
        fetched, active = await self._wait_next_records(timeout)
        generation = self.app.consumer_generation_id
        for piece in chain.from_iterable((fetched or {}).values()):
            gone = self.should_stop or not self.flow_active
            if gone or generation != self.app.consumer_generation_id:
                return
            if active is None or piece.tp in active or piece.tp in self._buffered_partitions:
                yield piece.tp, self._to_message(piece.tp, piece)

    def _to_message(self, tp: TP, record: Any) -> ConsumerMessage:
        return ConsumerMessage(
            tp.topic,
            tp.partition,
            record.stop - 1,
            float(record.append_ms[-1]) / 1_000.0 if len(record.append_ms) else 0.0,
            0,
            [],
            None,
            record,  # a Records, as BatchSchema knows
            None,
            -1,
            -1,
            tp,
            generation_id=self.app.consumer_generation_id,
        )

    async def perform_seek(self) -> None:
        """Seek every assigned partition to where the application wants to go on."""
        start_offsets = cast("App", self.app).start_offsets
        offsets = await start_offsets(self.assignment(), self.app.consumer_generation_id)
        await self.seek_all(offsets)

    async def seek_all(self, offsets: Mapping[TP, int]) -> None:
        """Go on reading at these offsets."""
        await self._thread.run(self._thread.seek_all(offsets))

    async def commit_upto(self, offsets: Mapping[TP, tuple[int, str]], generation: int) -> bool:
        """Commit next offset and metadata of each partition, if this generation still rules.

        Returns
        -------
        bool
            False if the group has moved on: the caller no longer owns these partitions.
        """
        return await self._thread.run(self._thread.commit_upto(offsets, generation))

    async def committed(self, tp: TP) -> tuple[int, str] | None:
        """Committed next offset of a partition and its metadata."""
        return await self._thread.run(self._thread.committed(tp))

    async def bounds(self, tp: TP) -> tuple[int, int]:
        """First offset in the log and the one after its last."""
        return await self._thread.run(self._thread.bounds(tp))

    async def ends(self, tps: Collection[TP]) -> dict[TP, int]:
        """The offset after the last one, of each log; one request to each broker."""
        return await self._thread.run(self._thread.ends(tps))

    async def topic_id(self, tp: TP) -> str:
        """Id of the topic as the partition's leader has it; empty if it has no such topic."""
        return await self._thread.run(self._thread.topic_id(tp))

    async def topics(self, names: Collection[str]) -> dict[str, TopicState]:
        """What the broker knows of these topics."""
        return await self._thread.run(self._thread.topics(names))

    async def members(self) -> dict[str, str]:
        """Client id of each member of the group, and where it runs."""
        return await self._thread.run(self._thread.members())

    def verify_event_path(self, now: float, tp: TP) -> None:
        """Do nothing: :mod:`analyzer.stream.health.stall_detector` looks at the work itself."""


class BatchedThread(driver.AIOKafkaConsumerThread):
    """The thread that runs aiokafka's consumer; every method here runs on its loop."""

    async def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Await ``work`` on the thread's loop, from any other loop.

        Raises
        ------
        ConsumerNotStarted
            If the worker is on its way down and the loop is closed.
        """
        try:
            done = asyncio.run_coroutine_threadsafe(work, self.thread_loop)
        except RuntimeError as error:
            work.close()
            raise ConsumerNotStarted("the consumer has stopped") from error
        return await asyncio.wrap_future(done)

    async def on_start(self) -> None:
        """Start the consumer."""
        await super().on_start()
        read_in_batches(self._ensure_consumer())

    def _create_consumer(self, loop: asyncio.AbstractEventLoop) -> aiokafka.AIOKafkaConsumer:
        consumer = super()._create_consumer(loop=loop)
        consumer._fetch_max_wait_ms = FETCH_WAIT_MS  # noqa: SLF001 - Faust fixes it at 1,500
        consumer._isolation_level = clients.ISOLATION  # noqa: SLF001 - Faust asks for less
        pause_after_failed_refresh(consumer._client)  # noqa: SLF001 - no public way to it
        return consumer

    async def _fetch_records(
        self,
        consumer: aiokafka.AIOKafkaConsumer,
        active_partitions: set[TP],
        timeout: float | None = None,  # noqa: ASYNC109 - the signature is Faust's
        max_records: int | None = None,
    ) -> Any:
        if not self.consumer.flow_active:
            return {}
        fetcher = consumer._fetcher  # noqa: SLF001 - Faust's own driver goes the same way
        with fetcher._subscriptions.fetch_context():  # noqa: SLF001 - as above
            found = await self._drain(consumer, active_partitions, max_records)
            if found or not timeout:
                return found
            waiter = fetcher._create_fetch_waiter()  # noqa: SLF001 - as above
            await asyncio.wait([waiter], timeout=timeout)
            if not waiter.done():
                waiter.cancel()
                return {}
            return await self._drain(consumer, active_partitions, max_records)

    async def _drain(
        self, consumer: aiokafka.AIOKafkaConsumer, partitions: set[TP], max_records: int | None
    ) -> dict[TP, list[Records]]:
        """What has been fetched."""
        fetcher = consumer._fetcher  # noqa: SLF001 - as above
        if consumer._closed or fetcher._closed:  # noqa: SLF001 - as above
            raise ConsumerStoppedError
        if fetcher._subscriptions.reassignment_in_progress:  # noqa: SLF001 - as above
            return {}
        pieces = await fetcher.fetched_records(partitions, timeout=0, max_records=max_records)
        return cast("dict[TP, list[Records]]", pieces)

    async def seek_all(self, offsets: Mapping[TP, int]) -> None:
        """See :meth:`Consumer.seek_all`."""
        consumer = self._ensure_consumer()
        for tp, offset in offsets.items():
            consumer.seek(TopicPartition(*tp), offset)

    async def commit_upto(self, offsets: Mapping[TP, tuple[int, str]], generation: int) -> bool:
        """See :meth:`Consumer.commit_upto`."""
        coordinator = self._ensure_consumer()._coordinator  # noqa: SLF001 - generation is not public
        pairs = {TopicPartition(*tp): OffsetAndMetadata(*pair) for tp, pair in offsets.items()}
        while True:
            await coordinator.ensure_coordinator_known()
            if coordinator.generation != generation:
                return False
            try:
                # Builds its request before it first waits, hence of the generation just seen.
                await coordinator._do_commit_offsets(None, pairs)  # noqa: SLF001 - as above
            except (CommitFailedError, IllegalStateError, *REBALANCED):
                return False
            except KafkaError as error:
                if not error.retriable:
                    raise
                await asyncio.sleep(RETRY_PAUSE_S)
            else:
                return True

    async def committed(self, tp: TP) -> tuple[int, str] | None:
        """See :meth:`Consumer.committed`."""
        coordinator = self._ensure_consumer()._coordinator  # noqa: SLF001 - metadata is not public
        key = TopicPartition(*tp)
        found = (await coordinator.fetch_committed_offsets([key])).get(key)
        return None if found is None or found.offset < 0 else (found.offset, found.metadata or "")

    async def bounds(self, tp: TP) -> tuple[int, int]:
        """See :meth:`Consumer.bounds`."""
        consumer, key = self._ensure_consumer(), TopicPartition(*tp)
        first = await consumer.beginning_offsets([key])
        end = await consumer.end_offsets([key])
        return first[key], end[key]

    async def ends(self, tps: Collection[TP]) -> dict[TP, int]:
        """See :meth:`Consumer.ends`."""
        found = await self._ensure_consumer().end_offsets([TopicPartition(*tp) for tp in tps])
        return {TP(*key): end for key, end in found.items()}

    async def topic_id(self, tp: TP) -> str:
        """See :meth:`Consumer.topic_id`."""
        client = self._ensure_consumer()._client  # noqa: SLF001 - no public way to it
        leader = client.cluster.leader_for_partition(TopicPartition(*tp))
        if leader is None or leader < 0:
            leader = client.get_random_node()
        return await topic_id_at(client, leader, tp.topic)

    async def topics(self, names: Collection[str]) -> dict[str, TopicState]:
        """See :meth:`Consumer.topics`."""
        client = self._ensure_consumer()._client  # noqa: SLF001 - no public way to it
        return await topic_states(client, names)

    async def members(self) -> dict[str, str]:
        """See :meth:`Consumer.members`."""
        consumer = self._ensure_consumer()
        node = consumer._coordinator.coordinator_id  # noqa: SLF001 - as above
        if node is None:
            return {}
        request = DescribeGroupsRequest([consumer._group_id])  # noqa: SLF001 - as above
        return members_of([await consumer._client.send(node, request)])  # noqa: SLF001 - as above


def pause_after_failed_refresh(client: aiokafka.client.AIOKafkaClient) -> None:
    """Sleep after a failed refresh of the metadata; aiokafka would ask on without a pause."""
    refresh = client._metadata_update  # noqa: SLF001 - no public way to it

    async def gently(*args: Any, **kwargs: Any) -> bool:
        done = bool(await refresh(*args, **kwargs))
        if not done:
            await asyncio.sleep(METADATA_PAUSE_S)
        return done

    client._metadata_update = gently  # noqa: SLF001 - as above


class Producer(driver.Producer):
    """Faust's producer with the same pause after a failed refresh."""

    def _new_producer(self, transactional_id: str | None = None) -> aiokafka.AIOKafkaProducer:
        producer = super()._new_producer(transactional_id)
        pause_after_failed_refresh(producer.client)
        return producer


class Transport(driver.Transport):
    """What ``batched://`` stands for."""

    Consumer: ClassVar[type] = Consumer
    Producer: ClassVar[type] = Producer


def batch_topic(app: faust.App, name: str) -> faust.TopicT:
    """A topic whose events are fetches."""
    return app.topic(name, schema=BatchSchema(), acks=False, internal=False)
