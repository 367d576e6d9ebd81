"""What a stream must give: the same events through the steps in one process.

Used by tests and measurements; no clock, no broker.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable

import msgspec
import numpy as np

from analyzer.core.alerts import encode_record
from analyzer.core.config import CoreConfig
from analyzer.core.ingest import IngestStep, RawBatch
from analyzer.core.pipeline import Pipeline

FAR_FUTURE_MS = 2**52


class _Account(msgspec.Struct):
    account_id: str
    timestamp_ms: int


def by_account(lines: Iterable[bytes], partitions: int) -> list[list[bytes]]:
    """The lines of each partition, chosen by account as a producer would, and a sentinel each.

    The sentinels come long after the last event, so that every earlier pane closes.
    """
    found: list[list[bytes]] = [[] for _ in range(partitions)]
    last_ms = 0
    for line in lines:
        event = msgspec.json.decode(line, type=_Account)
        found[zlib.crc32(event.account_id.encode()) % partitions].append(line)
        last_ms = max(last_ms, event.timestamp_ms)
    for number, part in enumerate(found):
        part.append(sentinel(number, last_ms + 2 * 3_600_000))
    return found


def sentinel(number: int, timestamp_ms: int) -> bytes:
    """An event whose only purpose is its time."""
    return msgspec.json.encode(
        {
            "event_id": f"sentinel-{number}",
            "timestamp_ms": timestamp_ms,
            "account_id": f"sentinel-{number}",
            "model": "sentinel",
            "input_tokens": 0,
            "output_tokens": 0,
            "status": "ok",
        }
    )


def records(config: CoreConfig, parts: list[list[bytes]], batch: int = 5_000) -> list[bytes]:
    """Every record that these partitions give, none of them closed at its end."""
    steps = [
        IngestStep(config, source=i, source_name="llm.requests", shards=1)
        for i in range(len(parts))
    ]
    pipeline = Pipeline(config, sources=len(parts))
    found: list[bytes] = []
    for start in range(0, max(map(len, parts)), batch):
        for step, part in zip(steps, parts, strict=True):
            values = part[start : start + batch]
            if values:
                offsets = np.arange(start, start + len(values), dtype=np.int64)
                raw = RawBatch(values, offsets, np.full(len(values), FAR_FUTURE_MS))
                found += map(encode_record, pipeline.feed(step.feed(raw).blocks))
    return found
