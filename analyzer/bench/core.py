"""The core alone: processor time an event and bytes of state, by number of accounts.

Run as ``python -m analyzer.bench.core ACCOUNTS EVENTS``.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from analyzer.bench.events import events
from analyzer.bench.timing import Stopwatch, tell
from analyzer.core.config import CoreConfig
from analyzer.core.ingest import IngestStep, RawBatch
from analyzer.core.pipeline import Pipeline

BATCH = 5_000


def main(accounts: int, count: int) -> None:
    """Feed events of so many accounts to all steps."""
    config = CoreConfig(warmup_s=0)
    ingest = IngestStep(config, source=0, source_name="bench", shards=1)
    pipeline, watch, at = Pipeline(config, sources=1), Stopwatch(), 0
    lines = list(events(count, accounts))
    watch.start()
    for start in range(0, count, BATCH):
        values = lines[start : start + BATCH]
        offsets = np.arange(at, at + len(values), dtype=np.int64)
        at += len(values)
        output = ingest.feed(RawBatch(values, offsets))
        for _ in pipeline.feed(output.blocks):
            pass
    run = watch.run(f"core, {accounts:,} accounts", count)
    steps: list[Any] = [*pipeline.accounts, *pipeline.cohorts, pipeline.campaign]
    state = sum(len(step.snapshot()) for step in steps)
    run.extra["state_bytes"] = state
    run.extra["state_bytes_per_account"] = round(state / accounts, 1)
    tell(run)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
