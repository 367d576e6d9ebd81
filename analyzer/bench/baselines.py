"""Peers on the same topic: bare aiokafka, and Faust as it comes.

Run as ``python -m analyzer.bench.baselines NAME EVENTS``; settings come from the environment.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import tempfile
from collections.abc import Callable
from typing import Any, cast

import faust
import orjson
from aiokafka import AIOKafkaConsumer, TopicPartition

from analyzer import kafka_clients as clients
from analyzer.bench.events import KEYS, WINDOWS
from analyzer.bench.timing import Stopwatch, tell
from analyzer.settings import Settings
from analyzer.stream.run import leave

Use = Callable[[dict[str, Any]], None]


def bare(settings: Settings, events: int) -> None:
    """``getmany`` and ``orjson.loads``, nothing else."""
    tell(asyncio.run(_bare(settings, events)))


async def _bare(settings: Settings, events: int) -> Any:
    client = AIOKafkaConsumer(
        **clients.options(settings),
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=4 * 1_048_576,
    )
    topic, watch, seen = settings.topics.requests, Stopwatch(), 0
    await client.start()
    await client._client.add_topic(topic)  # noqa: SLF001 - partitions before a subscription
    client.assign([TopicPartition(topic, p) for p in client.partitions_for_topic(topic) or ()])
    watch.start()
    while seen < events:
        for records in (await client.getmany(timeout_ms=1_000, max_records=5_000)).values():
            for record in records:
                orjson.loads(record.value)
            seen += len(records)
    run = watch.run("bare aiokafka + orjson", seen)
    await client.stop()
    return run


def stock(settings: Settings, events: int) -> None:
    """A Faust agent that gets one event at a time."""
    _faust(settings, events, "stock Faust, one event at a time", _nothing)


def tables(settings: Settings, events: int) -> None:
    """A Faust agent that counts by our keys in hopping tables of our windows.

    It does not group by the second and third key first, as an application would have to.
    """
    _faust(settings, events, "stock Faust, hopping tables", _hopping)


def _nothing(_app: faust.App, _settings: Settings) -> Use:
    return lambda _event: None


def _hopping(app: faust.App, settings: Settings) -> Use:
    counted = [
        (
            key,
            app.Table(f"{name}_{window.length_s}", default=int, partitions=4).hopping(
                window.length_s, window.hop_s, expires=window.length_s
            ),
        )
        for name, key in KEYS.items()
        for window in settings.core.windows[:WINDOWS]
    ]

    def count(event: dict[str, Any]) -> None:
        for key, table in counted:
            table[key(event)] += 1

    return count


def _faust(
    settings: Settings, events: int, name: str, make: Callable[[faust.App, Settings], Use]
) -> None:
    logging.disable(logging.CRITICAL)
    host_ports = ";".join(f"kafka://{host_port}" for host_port in settings.bootstrap)
    app = faust.App(
        f"{settings.app_id}-{name.replace(' ', '-').replace('/', '-').replace(',', '')}",
        broker=host_ports,
        datadir=tempfile.mkdtemp(prefix="analyzer-bench-"),
        web_enabled=False,
        topic_disable_leader=True,
        topic_partitions=4,
        worker_redirect_stdouts=False,
        stream_wait_empty=False,
    )
    topic = app.topic(settings.topics.requests, value_serializer="json")
    use, watch = make(app, settings), Stopwatch()

    @app.agent(topic)
    async def work(stream: Any) -> None:
        seen = 0
        async for event in stream:
            if not seen:
                watch.start()
            use(cast("dict[str, Any]", event))
            seen += 1
            if seen >= events:
                tell(watch.run(name, seen))
                leave(0)

    worker = faust.Worker(app, redirect_stdouts=False, override_logging=False, quiet=True)
    worker.spinner = None
    worker.execute_from_commandline()


RIVALS = {"bare": bare, "stock": stock, "tables": tables}

if __name__ == "__main__":
    RIVALS[sys.argv[1]](Settings.load(), int(sys.argv[2]))
