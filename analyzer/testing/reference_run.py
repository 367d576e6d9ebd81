"""What a stream must give: the same events through the steps in one process.

Used by tests and measurements; no clock, no broker.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from typing import Any

import msgspec

from analyzer.core.config import CoreConfig
from analyzer.core.contracts.blocks import CohortBlock, PaneBlock
from analyzer.core.contracts.records import encode_record
from analyzer.core.contracts.step import StepOutput
from analyzer.core.pipeline import Pipeline, Sharding, feed
from analyzer.replay.lines import raw_batch, run

__all__ = (
    "ReferenceRun",
    "by_account",
    "campaign_blocks",
    "raw_batch",
    "records",
    "run",
    "sentinels",
)

FAR_FUTURE_MS = 2**52
STEP_MS, CLOSING = 8 * 3_600_000, 21
"""Closing events: a clock believes a time that 16 accounts one after another have reached, and the
longest window is empty three days after the last event; each hour more is hops that are judged."""


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
    """Events that close every pane and empty every window: three a day after the last line."""
    last_ms = max(msgspec.json.decode(line, type=_Event).timestamp_ms for line in lines)
    return [_sentinel(f"{number}-{n}", last_ms + n * STEP_MS) for n in range(1, CLOSING + 1)]


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
    run = ReferenceRun(config, len(parts))
    found: list[bytes] = []
    for start in range(0, max(map(len, parts)), batch):
        for source, part in enumerate(parts):
            found += run.feed(source, part[start : start + batch])
    return found


def campaign_blocks(
    config: CoreConfig, lines: list[bytes], batch: int = 5_000
) -> tuple[CohortBlock | PaneBlock, ...]:
    """What the campaign step is sent of these events, in its order."""
    found: list[CohortBlock | PaneBlock] = []

    def keep(name: str, step: Any, block: Any) -> StepOutput[Any]:
        if name == "campaign":
            found.append(block)
        return feed(name, step, block)

    pipeline = Pipeline(config, call=keep)
    for start in range(0, len(lines), batch):
        pipeline.feed(0, raw_batch(lines[start : start + batch], start))
    pipeline.finish()
    return tuple(found)


class ReferenceRun:
    """The steps in one process, fed batch by batch.

    Parameters
    ----------
    sources
        Number of partitions.
    """

    def __init__(self, config: CoreConfig, sources: int) -> None:
        self._pipeline = Pipeline(config, Sharding(("llm.requests",) * sources))
        self._next = [0] * sources

    def feed(self, source: int, lines: list[bytes]) -> list[bytes]:
        """Every record that follows from the next lines of a partition."""
        if not lines:
            return []
        raw = raw_batch(lines, self._next[source], append_ms=FAR_FUTURE_MS)
        self._next[source] += len(lines)
        return [encode_record(record) for record in self._pipeline.feed(source, raw).made]
