"""Worker processes as they are deployed, on one topic: one, two, and one that comes back."""

from __future__ import annotations

import asyncio
import re
import resource
import tempfile
import time
from pathlib import Path
from urllib.request import urlopen

from aiokafka import TopicPartition

from analyzer import kafka_clients as clients
from analyzer.bench.timing import Run, spent_cpu_s
from analyzer.errors import Broken
from analyzer.ops import metrics
from analyzer.settings import Settings
from analyzer.settings_tables import Health
from analyzer.stream.topics import catalog as topics
from analyzer.testing import brokers, harness

WITHIN_S = 600.0


def measure(settings: Settings, events: int, workers: int) -> Run:
    """Let so many workers do what lies in the topic; until the last block between two steps.

    Processor time is that of their whole lives, start included.

    Raises
    ------
    Broken
        If they were not done in time.
    """
    spent_s = spent_cpu_s(resource.RUSAGE_CHILDREN)
    with tempfile.TemporaryDirectory(prefix="analyzer-bench-") as folder:
        logs = [Path(folder) / f"{number}.log" for number in range(workers)]
        with harness.workers(settings, logs):
            began = time.time()  # noqa: TID251 - the broker stamps its records by it
            if not harness.caught_up(settings, WITHIN_S):
                raise Broken(f"{workers} workers were not done within {WITHIN_S:.0f} s")
    seconds = asyncio.run(_last_append_s(settings)) - began
    name = "one worker process" if workers == 1 else f"{workers} worker processes"
    return Run(
        name,
        events,
        round(seconds, 3),
        round(events / seconds, 1),
        round((spent_cpu_s(resource.RUSAGE_CHILDREN) - spent_s) / events * 1e6, 3),
    )


def come_back(settings: Settings) -> Run:
    """Start a worker where others have left their state; seconds that its shards took."""
    answering = settings.model_copy(update={"health": Health(port=brokers.free_port())})
    with tempfile.TemporaryDirectory(prefix="analyzer-bench-") as folder:
        began = time.perf_counter()
        with harness.worker(answering, Path(folder) / "worker.log"):
            seconds = time.perf_counter() - began
            with urlopen(f"http://127.0.0.1:{answering.health.port}/metrics") as answer:
                text = answer.read().decode()
    took = [float(value) for value in re.findall(rf"{metrics.RESTORE.name}{{.*}} (\S+)", text)]
    extra = {"restore_s": round(sum(took), 3), "shards": float(len(took))}
    return Run("start of a worker with state", 0, round(seconds, 3), 0.0, 0.0, extra)


async def _last_append_s(settings: Settings) -> float:
    """When the last record came to any topic between two steps, in seconds since the epoch."""
    last_ms = 0
    async with clients.reader(settings) as client:
        for topic in topics.agents(settings).values():
            if topic == settings.topics.requests:
                continue
            await client._client.add_topic(topic)  # noqa: SLF001 - partitions before a subscription
            tps = [TopicPartition(topic, p) for p in client.partitions_for_topic(topic) or ()]
            for tp, end in (await client.end_offsets(tps)).items():
                if end:
                    client.assign([tp])
                    client.seek(tp, end - 1)
                    last_ms = max(last_ms, (await client.getone(tp)).timestamp)
    return last_ms / 1_000
