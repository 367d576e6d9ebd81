"""The soak: `pytest tests/stream/test_soak.py --soak 30`, 30 being minutes.

A steady stream, of `--soak-rate` events a second, through two workers. One of them is killed
and started again every two minutes; the other one lives from the first event to the last, and
its memory must stay what it was. In the end every record is what one undisturbed process gives.
"""

from __future__ import annotations

import asyncio
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import count, islice
from pathlib import Path

import numpy as np
import pytest

from analyzer import kafka_clients as clients
from analyzer.ops.process_group import Process
from analyzer.settings import Settings
from analyzer.settings_tables import Worker
from analyzer.testing import brokers, harness, reference_run
from analyzer.testing.worker_pool import WorkerPool

PARTITIONS = 4
WORLD, WORLD_EVENTS, WORLD_MS = "hydra", 727_000, 4 * 86_400_000
LAP_S = 150
"""The world is made so large that it lasts so long, and then begins anew, four days later."""
KILL_EVERY_S = 120
WARM_SHARE = 1 / 3
GROWTH = 0.1
"""Flat: after the first third of the time, the median of the second half of the samples is at
most a tenth above that of the first half."""
WORK_OFF_WITHIN_S = 600.0

pytestmark = [pytest.mark.integration, pytest.mark.timeout(6 * 3_600)]


def world(file: Path, rate: int) -> None:
    """Simulate the world."""
    scale = rate * LAP_S / WORLD_EVENTS
    line = [sys.executable, "-m", "analyzer", "simulate", "--scenario", WORLD]
    line += ["--scale", f"{scale:.3f}", "--out", str(file)]
    subprocess.run(line, check=True, capture_output=True)


def seconds(file: Path, rate: int, number: int) -> Iterator[list[list[bytes]]]:
    """So many seconds of traffic, each by partition; the last one closes every pane."""
    lines = laps(file)
    parts = [list[bytes]() for _ in range(PARTITIONS)]
    for _ in range(number):
        yield (parts := reference_run.by_account(islice(lines, rate), PARTITIONS))
    yield [reference_run.sentinels(part, i) for i, part in enumerate(parts)]


def laps(file: Path) -> Iterator[bytes]:
    """The events of the world, again and again."""
    for lap in count():
        with file.open("rb") as events:
            for line in events:
                yield moved(line.rstrip(), lap)


def moved(line: bytes, lap: int) -> bytes:
    """The event as it is in a later lap.

    Examples
    --------
    >>> moved(b'{"event_id":"a","timestamp_ms":1700000000000}', 1)
    b'{"event_id":"1-a","timestamp_ms":1700345600000}'
    """
    head, _, rest = line.partition(b'"timestamp_ms":')
    at_ms = int(rest[:13]) + lap * WORLD_MS
    head = head.replace(b'"event_id":"', b'"event_id":"%d-' % lap)
    return b'%s"timestamp_ms":%d%s' % (head, at_ms, rest[13:])


def rss_mb(worker: Process) -> float:
    """Resident memory of a process, in MB."""
    pages = int(Path(f"/proc/{worker.popen.pid}/statm").read_text("ascii").split()[1])
    return pages * resource.getpagesize() / 1e6


async def run(
    settings: Settings, pool: WorkerPool, traffic: Iterator[list[list[bytes]]]
) -> list[float]:
    """Send one piece a second, kill, and sample the memory of the worker that is not killed."""
    samples, began = list[float](), time.monotonic()
    async with clients.producer(settings) as producer:
        for second, parts in enumerate(traffic, 1):
            sent = [
                await producer.send(settings.topics.requests, line, partition=number)
                for number, part in enumerate(parts)
                for line in part
            ]
            await asyncio.gather(*sent)
            await asyncio.sleep(max(0.0, began + second - time.monotonic()))
            pool.supervise()
            samples.append(rss_mb(pool.workers[0]))
            if second % KILL_EVERY_S == 0:
                pool.inject(1, "kill")
    behind_s = time.monotonic() - began - len(samples)
    print(f"\nsent in {time.monotonic() - began:.0f} s, {behind_s:.0f} s behind the plan")
    return samples


def test_a_long_time_changes_no_record(pytestconfig: pytest.Config, tmp_path: Path) -> None:
    """Records as undisturbed; no worker ends by itself; memory flat after the first third."""
    minutes, rate = pytestconfig.getoption("--soak", 0), pytestconfig.getoption("--soak-rate", 0)
    jars = harness.jars_of(pytestconfig.rootpath)
    if not minutes or jars is None:
        pytest.skip("only with --soak MINUTES, and with Java and Maven")
    file, number = tmp_path / "world.ndjson", int(minutes * 60)
    world(file, rate)
    with brokers.apache(jars) as broker:
        patient = Worker(snapshot_every_s=10.0, idle_after_s=3_600.0)
        settings = harness.settings_for(broker.url, PARTITIONS, worker=patient)
        harness.create_topics(settings)
        with WorkerPool(settings, tmp_path) as pool:
            samples = asyncio.run(run(settings, pool, seconds(file, rate, number)))
            assert pool.work_off(WORK_OFF_WITHIN_S), harness.left(settings)
            pool.end()
        found = harness.answers(settings)
    undisturbed = reference_run.ReferenceRun(settings.core, PARTITIONS)
    expected = {
        record
        for parts in seconds(file, rate, number)
        for source, part in enumerate(parts)
        for record in undisturbed.feed(source, part)
    }
    warm = np.array(samples[int(len(samples) * WARM_SHARE) :])
    first, last = (float(np.median(half)) for half in np.array_split(warm, 2))
    print(
        f"{len(expected)} records; resident memory, MB: at the start {samples[0]:.0f}, after the "
        f"first third {warm[0]:.0f}, at the end {warm[-1]:.0f}; medians of halves {first:.0f} and "
        f"{last:.0f}, {last / first - 1:+.1%}"
    )
    assert found == sorted(expected)
    assert pool.unexpected == []
    assert last <= first * (1 + GROWTH)
