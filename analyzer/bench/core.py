"""The core alone: processor time of each step, and its state, by number of accounts.

Run as ``python -m analyzer.bench.core ACCOUNTS EVENTS``.
"""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable
from itertools import islice
from typing import Any, TypeVar

import numpy as np

from analyzer.bench.events import events
from analyzer.bench.timing import Run, tell
from analyzer.core.config import CoreConfig
from analyzer.core.ingest.step import IngestOutput, IngestStep, RawBatch
from analyzer.core.kernels.byte_strings import Texts
from analyzer.core.pipeline import Pipeline
from analyzer.precompile import warm

BATCH = 5_000
STEPS = ("ingest", "account", "cohort", "campaign")

A = TypeVar("A")
B = TypeVar("B")


def main(accounts: int, count: int) -> None:
    """Feed events of so many accounts to all steps."""
    config = CoreConfig(warmup_s=0)
    ingest = IngestStep(config, source=0, source_name="bench", shards=1)
    pipeline = Pipeline(config, sources=1)
    [account], [cohort], campaign = pipeline.accounts, pipeline.cohorts, pipeline.campaign
    kept: dict[str, Any] = {"account": account, "cohort": cohort, "campaign": campaign}
    lines, spent, panes = events(count, accounts), dict.fromkeys(STEPS, 0.0), 0
    warm()

    def timed(step: str, feed: Callable[[A], B], block: A) -> B:
        start = time.process_time()
        out = feed(block)
        spent[step] += time.process_time() - start
        return out

    def read(values: list[bytes]) -> IngestOutput:
        offsets = np.arange(ingest.position, ingest.position + len(values), dtype=np.int64)
        return ingest.feed(RawBatch(Texts.of(values), offsets))

    for _ in range(0, count, BATCH):
        values = list(islice(lines, BATCH))
        for events_block in timed("ingest", read, values).blocks:
            for pane_block in timed("account", account.feed, events_block):
                panes += len(np.unique(pane_block.rows.org_pane))
                for cohort_block in timed("cohort", cohort.feed, pane_block):
                    timed("campaign", campaign.feed, cohort_block)
    extra = {"events_per_account": count / accounts}
    extra |= {f"{step}_us_per_event": round(spent[step] / count * 1e6, 3) for step in STEPS}
    extra |= {f"{step}_ms_per_pane": round(spent[step] / panes * 1e3, 1) for step in STEPS}
    sizes = {name: len(step.snapshot()) for name, step in kept.items()}
    extra |= {
        f"{name}_bytes_per_account": round(size / accounts, 1) for name, size in sizes.items()
    }
    extra["state_bytes_per_account"] = round(sum(sizes.values()) / accounts, 1)
    extra["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    seconds = sum(spent.values())
    tell(
        Run(
            name=f"core, {accounts:,} accounts",
            events=count,
            seconds=round(seconds, 3),
            events_per_s=round(count / seconds, 1),
            cpu_us_per_event=round(seconds / count * 1e6, 3),
            extra=extra,
        )
    )


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
