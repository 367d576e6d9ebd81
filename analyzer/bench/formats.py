"""What reading each raw format costs beside the native one, in one process.

Run as ``python -m analyzer.bench.formats EVENTS``. The same events in every format, through the
whole ingest step: decoding, hashing, columns. Rounds are interleaved; medians count. A LiteLLM
payload of the wild is some 14 KB, most of which is skipped; here it is as short as can be.
"""

from __future__ import annotations

import sys
import time
from itertools import islice
from statistics import median

import numpy as np
import orjson

from analyzer.bench.events import events
from analyzer.bench.timing import Run, tell
from analyzer.core.config import CoreConfig
from analyzer.core.ingest.step import IngestStep, RawBatch
from analyzer.core.kernels.byte_strings import Texts
from analyzer.formats.options import FormatSettings
from analyzer.formats.reader import Reader
from analyzer.precompile import compile_all
from analyzer.testing.gateway_records import RENDERERS

BATCH, ROUNDS = 5_000, 3


def measure(count: int) -> list[Run]:
    """Processor time per event of each format."""
    compile_all()
    plain = [orjson.loads(line) for line in islice(events(count, 1_000), count)]
    records = {name: [render(event) for event in plain] for name, render in RENDERERS.items()}
    spent: dict[str, list[float]] = {name: [] for name in records}
    for _ in range(ROUNDS):
        for name, values in records.items():
            spent[name].append(_ingest(values))
    costs = {name: median(found) / count * 1e6 for name, found in spent.items()}
    return [_run(name, count, cost, costs["native"], records[name]) for name, cost in costs.items()]


def _ingest(values: list[bytes]) -> float:
    config = CoreConfig()
    step = IngestStep(config, source=0, source_name="bench", shards=1)
    step.understand(Reader(FormatSettings(), config.max_record_bytes))
    batches = [
        RawBatch(Texts.of(values[at : at + BATCH]), np.arange(at, min(at + BATCH, len(values))))
        for at in range(0, len(values), BATCH)
    ]
    start = time.process_time()
    for batch in batches:
        step.feed(batch)
    return time.process_time() - start


def _run(name: str, count: int, cost: float, native: float, records: list[bytes]) -> Run:
    return Run(
        name=f"ingest, {name}",
        events=count,
        seconds=round(cost * count / 1e6, 3),
        events_per_s=round(1e6 / cost, 1),
        cpu_us_per_event=round(cost, 3),
        extra={
            "over_native": round(cost / native, 2),
            "bytes_per_event": round(sum(map(len, records)) / count, 1),
        },
    )


if __name__ == "__main__":
    for found in measure(int(sys.argv[1])):
        tell(found)
