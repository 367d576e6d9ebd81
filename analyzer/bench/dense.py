"""Replays of days as full as real ones: what each step and each day costs.

:mod:`.events` holds a million events in six hours; here are as many in a week of some six
thousand customers with operations among them, so that there are as many windows to judge as
there are in real life, with a fraction of the events.

Run as ``python -m analyzer.bench.dense NAME FILE``; the file is that of :func:`write`.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from analyzer.bench.timing import Run, Stopwatch, tell
from analyzer.core.contracts.event_time import DAY_S
from analyzer.core.contracts.step import StepOutput
from analyzer.core.pipeline import KINDS, Pipeline, Sharding, feed
from analyzer.precompile import compile_all
from analyzer.replay.sources import FileSource
from analyzer.settings import Settings

STREAMS = {"week": 6.0, "tenth_day": 10.0}
"""Name → days."""
ACCOUNTS, SEED = 6_000, 10
"""A world with eight operations, and 1.17 million events in six days."""
LAST_DAYS = 3


def write(days: float, path: Path, accounts: int = ACCOUNTS) -> None:
    """The world of so many days as a file."""
    from analyzer.simulate.economy.economy import START_MS, economy  # noqa: PLC0415 - heavy

    with path.open("wb") as out:
        out.writelines(economy(SEED, accounts, days, start_ms=START_MS).chunks())


class _Watch:
    """How the steps are fed (a ``Call``), with the processor time that each takes."""

    def __init__(self) -> None:
        self.spent = dict.fromkeys(KINDS, 0.0)

    def __call__(self, name: str, step: Any, block: Any) -> StepOutput[Any]:
        """Feed as always."""
        start = time.process_time()
        output = feed(name, step, block)
        self.spent[name] += time.process_time() - start
        return output


def measure(name: str, path: Path, settings: Settings) -> Run:
    """Feed the file to all steps at shipped settings, in one thread."""
    steps, watch = _Watch(), Stopwatch()
    pipeline = Pipeline(settings.core, Sharding((str(path),)), call=steps)
    compile_all()
    watch.start()
    days = list(_by_day(pipeline, path, settings.core.pane_s))
    events = sum(count for count, _ in days)
    last = days[-LAST_DAYS:]
    extra = {f"{step}_us_per_event": round(s / events * 1e6, 3) for step, s in steps.spent.items()}
    total = sum(steps.spent.values())
    extra |= {f"{step}_share": round(s / total, 3) for step, s in steps.spent.items()}
    extra["last_days_us_per_event"] = round(
        sum(cpu_s for _, cpu_s in last) / sum(count for count, _ in last) * 1e6, 3
    )
    kept = sum(len(pipeline.steps[step][0].snapshot()) for step in ("account", "cohort"))
    known = len(pipeline.steps["cohort"][0].windows.population.accounts)
    extra["state_bytes_per_account"] = round(kept / max(1, known), 1)
    return watch.run(f"{name}, step by step", events, **extra)


def _by_day(pipeline: Pipeline, path: Path, pane_s: int) -> Iterator[tuple[int, float]]:
    """Events and processor time of each day of event time."""
    windows, source = pipeline.steps["cohort"][0].windows, FileSource(str(path), 0)
    events, begun, day = 0, time.process_time(), -1
    for batch, _ in source.batches():
        events += pipeline.feed(0, batch).count("events")
        today = windows.done * pane_s // DAY_S
        if today > day and windows.done:
            if day >= 0:
                yield events, time.process_time() - begun
                events, begun = 0, time.process_time()
            day = today
    events += pipeline.finish().count("events")
    yield events, time.process_time() - begun


if __name__ == "__main__":
    tell(measure(sys.argv[1], Path(sys.argv[2]), Settings.load()))
