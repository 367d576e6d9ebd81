"""The Faust app: an agent for each step and its topic, and who owns what."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import faust
import structlog
from faust.types import TP
from yarl import URL

from analyzer import kafka_clients as clients
from analyzer.ops import metrics
from analyzer.ops.broker_silence import BrokerSilence
from analyzer.ops.leaving import leave_soon
from analyzer.ops.loop_watchdog import LoopWatchdog
from analyzer.settings import Settings
from analyzer.stream.health.stall_detector import StallDetector, save_forever, tick_forever
from analyzer.stream.health.supervisor import EXIT_FAILED, Supervisor, cancelled
from analyzer.stream.health.topic_watch import TopicWatch
from analyzer.stream.owners.assignment import Owner, Ownership
from analyzer.stream.owners.context import BadShare, Context
from analyzer.stream.topics.catalog import Layout, agents
from analyzer.stream.transport.driver import App, batch_topic
from analyzer.stream.transport.fetches import Records
from analyzer.stream.transport.position import ConsumerPort
from analyzer.stream.transport.same_topic import SameTopic

log = structlog.get_logger("analyzer.stream")

MAX_POLL_PIECES = 4
MAX_FETCH_BYTES = 4 * 1_048_576
MAX_BATCH_BYTES = 1_048_576
BUFFERED_FETCHES = 4
REQUEST_TIMEOUT_S = 90.0
OPEN_AGAIN_AFTER_S = 0.5
ASK_AFTER_S = 1.5
LEAVE_WITHIN_S = 4.0
"""For the way down after all was saved; together with two questions well below ten seconds."""
METADATA_AGE_MS = 15_000
"""So soon a partition that was added is seen."""


@dataclass(frozen=True, slots=True)
class Live:
    """The app with what is in it."""

    app: App
    supervisor: Supervisor
    context: Context
    ownership: Ownership
    watch: StallDetector
    watchdog: LoopWatchdog

    def unhealthy(self) -> str | None:
        """Why the worker should be started again; None if it is well."""
        return self.watchdog.unhealthy() or self.watch.unhealthy()


OwnerMaker = Callable[[Context], Callable[[TP, int], Owner]]


def make_app(
    settings: Settings,
    layout: Layout,
    *,
    owner_maker: OwnerMaker,
    data: Path,
    skip_lost: bool = False,
) -> Live:
    """An app ready to be run by :func:`analyzer.stream.run.run`.

    Parameters
    ----------
    owner_maker
        What makes the owner of each partition (see :mod:`analyzer.stream.owners.catalog`).
    data
        Folder that Faust wants to have; nothing is kept in it.
    """
    app = App(settings.app_id, **options(settings), datadir=data)
    consumer = cast("ConsumerPort", _Late(app))
    context = Context(
        settings=settings,
        layout=layout,
        consumer=consumer,
        same_topic=SameTopic(consumer, layout.id_of(settings.topics.requests)),
        send=_sender(app),
        clock=time.monotonic,
        bad_share=BadShare(settings.worker.max_bad_share),
        skip_lost=skip_lost,
    )
    ownership = Ownership(owner_maker(context))
    supervisor = Supervisor(app, ownership)
    app.start_offsets = _guarded_open(supervisor, ownership)
    _add_agents(app, supervisor, ownership, agents(settings))
    silence = BrokerSilence(context.clock, ",".join(settings.bootstrap))
    context.meter.follow(metrics.BROKER_SILENT, lambda: silence.lasts_s)
    watch = StallDetector(context, ownership, silence)
    watchdog = LoopWatchdog(settings.worker.stuck_after_s)
    for work in (
        watchdog.beat,
        lambda: save_forever(context, ownership),
        lambda: tick_forever(context, ownership),
        watch.forever,
        TopicWatch(context).forever,
        silence.tell_forever,
    ):
        _add_task(app, supervisor, work)
    _add_hooks(app, supervisor, watch)
    app.from_start = lambda: supervisor.run(watch.opening())
    return Live(app, supervisor, context, ownership, watch, watchdog)


def options(settings: Settings) -> dict[str, Any]:
    """Settings of Faust, each for a reason told in the design."""
    session_s = settings.kafka.session_timeout_s
    return {
        "broker": [URL(f"batched://{host_port}") for host_port in settings.bootstrap],
        "broker_client_id": settings.client_id,
        "broker_credentials": clients.credentials(settings.kafka),
        "broker_max_poll_records": MAX_POLL_PIECES,
        "broker_session_timeout": session_s,
        "broker_heartbeat_interval": session_s / 4,
        "broker_request_timeout": REQUEST_TIMEOUT_S,
        "broker_commit_interval": 3600.0,  # we commit ourselves
        "consumer_max_fetch_size": MAX_FETCH_BYTES,
        "consumer_auto_offset_reset": "earliest",
        "consumer_metadata_max_age_ms": METADATA_AGE_MS,
        "producer_acks": -1,
        "producer_linger": 0,
        "producer_compression_type": None,  # blocks and pages are compressed where they are made
        "producer_max_batch_size": MAX_BATCH_BYTES,
        "producer_max_request_size": clients.MAX_REQUEST_BYTES,
        "stream_buffer_maxsize": BUFFERED_FETCHES,
        "stream_wait_empty": False,
        "topic_disable_leader": True,
        "topic_allow_declare": False,
        "web_enabled": False,
        "worker_redirect_stdouts": False,
        "autodiscover": False,
    }


class _Late:
    """The app's consumer, which does not exist before the app runs."""

    def __init__(self, app: faust.App) -> None:
        self._app = app

    def __getattr__(self, name: str) -> Any:
        return getattr(self._app.consumer, name)


def _sender(app: faust.App) -> Any:
    async def send(
        topic: str, partition: int | None, key: bytes | None, value: bytes | None
    ) -> Awaitable[object]:
        sent: Awaitable[object] = await app.producer.send(topic, key, value, partition, None, None)
        return sent

    return send


def _guarded_open(supervisor: Supervisor, ownership: Ownership) -> Any:
    async def start_offsets(assigned: set[TP], generation: int) -> dict[TP, int]:
        while True:
            try:
                return await ownership.open(assigned, generation)
            except asyncio.CancelledError:
                if cancelled():
                    raise
                # Faust would take it for our end, and this worker would hold its partitions and
                # never open them.
                log.warning("opening was interrupted; trying again", generation=generation)
                await asyncio.sleep(OPEN_AGAIN_AFTER_S)
            except Exception as error:
                await supervisor.fail(error)
                raise

    return start_offsets


def _add_agents(
    app: faust.App, supervisor: Supervisor, ownership: Ownership, topics: dict[str, str]
) -> None:
    async def work(stream: faust.StreamT[Records]) -> None:
        async for records in cast("Any", stream).noack():
            if not await supervisor.run(ownership.take(records)):
                return

    for name, topic in topics.items():
        app.agent(batch_topic(app, topic), name=name)(work)


def _add_hooks(app: faust.App, supervisor: Supervisor, watch: StallDetector) -> None:
    ownership = watch.ownership

    async def release(*_args: Any, **_kwargs: Any) -> None:
        await supervisor.run(ownership.release())

    async def shut_down(*_args: Any, **_kwargs: Any) -> None:
        await supervisor.run(_release_or_give_up(watch))
        leave_soon(EXIT_FAILED if supervisor.error else 0, LEAVE_WITHIN_S)

    app.on_partitions_revoked.connect(release, weak=False)
    app.on_before_shutdown.connect(shut_down, weak=False)


async def _release_or_give_up(watch: StallDetector) -> None:
    """Save and own nothing; without a broker that takes it, nobody waits for that."""
    saving = asyncio.ensure_future(watch.ownership.release())
    while not (await asyncio.wait([saving], timeout=ASK_AFTER_S))[0]:
        if not await watch.broker_answers(ASK_AFTER_S):
            log.warning("the broker does not answer; the next owner goes on from the last snapshot")
            saving.cancel()
            return
    await saving


def _add_task(app: faust.App, supervisor: Supervisor, work: Callable[[], Awaitable[None]]) -> None:
    async def task(_app: Any = None) -> None:
        await supervisor.run(work())

    app.task(task)
