"""The core alone: processor time of each step, and its state, by number of accounts.

Run as ``python -m analyzer.bench.core ACCOUNTS EVENTS``.
"""

from __future__ import annotations

import resource
import sys
import time
from itertools import islice
from typing import Any

import numpy as np

from analyzer.bench.events import events
from analyzer.bench.timing import Run, tell
from analyzer.core.config import CoreConfig
from analyzer.core.contracts.blocks import PaneBlock
from analyzer.core.contracts.step import StepOutput
from analyzer.core.ingest.step import RawBatch
from analyzer.core.kernels.byte_strings import Texts
from analyzer.core.pipeline import KINDS, Pipeline, feed
from analyzer.precompile import compile_all

BATCH = 5_000
STEPS = tuple(KINDS)


class _Watch:
    """How the steps are fed (a ``Call``), with the processor time that each takes."""

    def __init__(self) -> None:
        self.spent = dict.fromkeys(STEPS, 0.0)
        self.panes = 0

    def __call__(self, name: str, step: Any, block: Any) -> StepOutput[Any]:
        """Feed as always."""
        start = time.process_time()
        output = feed(name, step, block)
        self.spent[name] += time.process_time() - start
        if isinstance(block, PaneBlock):
            self.panes += len(np.unique(block.rows.org_pane))
        return output


def main(accounts: int, count: int) -> None:
    """Feed events of so many accounts to all steps."""
    watch = _Watch()
    pipeline = Pipeline(CoreConfig(warmup_s=0), call=watch)
    lines = events(count, accounts)
    compile_all()
    for start in range(0, count, BATCH):
        values = Texts.of(list(islice(lines, BATCH)))
        offsets = np.arange(start, start + len(values), dtype=np.int64)
        pipeline.feed(0, RawBatch(values, offsets))
    spent, panes = watch.spent, watch.panes
    kept = {name: pipeline.steps[name][0] for name in STEPS[1:]}
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
