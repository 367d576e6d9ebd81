"""How long after the event that closes a pane its alerts are in the topic.

A small scenario is produced faster than life but slowly enough for the worker to keep up;
afterwards the broker's own timestamps tell the delay of each alert.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from bisect import bisect_left
from collections.abc import Iterable
from pathlib import Path

import msgspec
import numpy as np
from aiokafka import TopicPartition

from analyzer import kafka_clients as clients
from analyzer.bench.timing import Run
from analyzer.settings import Settings
from analyzer.testing import harness, reference_run

RATE = 3_000
"""Events a second."""
BURST = 150


class _Alert(msgspec.Struct):
    detected_at_ms: int


class _Event(msgspec.Struct):
    timestamp_ms: int


def measure(settings: Settings, lines: list[bytes], partitions: int) -> Run:
    """Run a worker over the lines and look at every alert."""
    parts = reference_run.by_account(lines, partitions)
    parts = [part + reference_run.sentinels(lines, i) for i, part in enumerate(parts)]
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        with harness.worker(settings, Path(folder) / "worker.log") as worker:
            asyncio.run(_produce(settings, parts))
            harness.wait_until(lambda: harness.lag(settings) == 0, 60.0, 0.5)
            worker.terminate()
        seconds = time.perf_counter() - began
    delays = _delays(settings)
    extra = {f"p{q}_s": round(float(np.quantile(delays, q / 100)), 3) for q in (50, 99)}
    return Run(
        "event to alert", len(lines), round(seconds, 3), RATE, 0.0, {"alerts": len(delays), **extra}
    )


async def _produce(settings: Settings, parts: list[list[bytes]]) -> None:
    merged = sorted(
        (
            (msgspec.json.decode(v, type=_Event).timestamp_ms, i, v)
            for i, p in enumerate(parts)
            for v in p
        )
    )
    async with clients.producer(settings) as client:
        for start in range(0, len(merged), BURST):
            burst = merged[start : start + BURST]
            sent = [
                await client.send(settings.topics.requests, v, partition=i) for _, i, v in burst
            ]
            await asyncio.gather(*sent, asyncio.sleep(BURST / RATE))


def _delays(settings: Settings) -> list[float]:
    """Seconds between the append of the event that let a pane close and that of each alert."""
    raw = asyncio.run(_stamped(settings, settings.topics.requests))
    alerts = asyncio.run(_stamped(settings, settings.topics.alerts))
    lateness_ms = settings.core.lateness_s * 1_000
    reached = [_reached(records) for records in raw]
    delays = []
    for appended_ms, value in (record for partition in alerts for record in partition):
        due_ms = msgspec.json.decode(value, type=_Alert).detected_at_ms + lateness_ms
        closed_ms = max(stamps[bisect_left(times, due_ms)] for times, stamps in reached)
        delays.append((appended_ms - closed_ms) / 1_000)
    return delays


def _reached(records: Iterable[tuple[int, bytes]]) -> tuple[list[int], list[int]]:
    """Greatest event time so far, and the append time, of each record of a partition."""
    times, stamps, greatest = [], [], 0
    for appended_ms, value in records:
        greatest = max(greatest, msgspec.json.decode(value, type=_Event).timestamp_ms)
        times.append(greatest)
        stamps.append(appended_ms)
    return times, stamps


async def _stamped(settings: Settings, topic: str) -> list[list[tuple[int, bytes]]]:
    found = []
    async with clients.reader(settings) as client:
        await client._client.add_topic(topic)  # noqa: SLF001 - partitions before a subscription
        for number in sorted(client.partitions_for_topic(topic) or ()):
            tp = TopicPartition(topic, number)
            client.assign([tp])
            end = (await client.end_offsets([tp]))[tp]
            await client.seek_to_beginning(tp)
            records: list[tuple[int, bytes]] = []
            while await client.position(tp) < end:
                got = await client.getmany(tp, timeout_ms=500)
                records += [(r.timestamp, r.value) for r in got.get(tp, [])]
            found.append(records)
    return found
