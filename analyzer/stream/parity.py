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
DAY_MS = 86_400_000
DAYS = 5


class _Event(msgspec.Struct):
    account_id: str
    timestamp_ms: int


def by_account(lines: Iterable[bytes], partitions: int) -> list[list[bytes]]:
    """The lines of each partition, chosen by account as a producer would."""
    found: list[list[bytes]] = [[] for _ in range(partitions)]
    for line in lines:
        account = msgspec.json.decode(line, type=_Event).account_id
        found[zlib.crc32(account.encode()) % partitions].append(line)
    return found


def sentinels(lines: Iterable[bytes], number: int) -> list[bytes]:
    """Events that close every pane and empty every window: one a day after the last line."""
    last_ms = max(msgspec.json.decode(line, type=_Event).timestamp_ms for line in lines)
    return [_sentinel(f"{number}-{day}", last_ms + day * DAY_MS) for day in range(1, DAYS + 1)]


def _sentinel(name: str, timestamp_ms: int) -> bytes:
    return msgspec.json.encode(
        {
            "event_id": f"sentinel-{name}",
            "timestamp_ms": timestamp_ms,
            "account_id": f"sentinel-{name}",
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
