"""A replay of lines that are in memory: for fits, tests and measurements."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from analyzer.core.cohort.step import OnMeasured
from analyzer.core.config import CoreConfig
from analyzer.core.contracts.records import Record
from analyzer.core.contracts.step import StepOutput
from analyzer.core.ingest.step import RawBatch
from analyzer.core.kernels.byte_strings import Texts
from analyzer.core.pipeline import Pipeline


def raw_batch(lines: Sequence[bytes], start: int = 0, append_ms: int | None = None) -> RawBatch:
    """These lines as consecutive records of a source.

    Parameters
    ----------
    start
        Offset of the first.
    append_ms
        When Kafka got them, epoch ms; None: they come from a file.
    """
    offsets = np.arange(start, start + len(lines), dtype=np.int64)
    appended = None if append_ms is None else np.full(len(lines), append_ms)
    return RawBatch(Texts.of(lines), offsets, appended)


def run(
    lines: Sequence[bytes],
    config: CoreConfig | None = None,
    *,
    batch: int = 50_000,
    ends: bool = True,
    on_measured: OnMeasured | None = None,
) -> StepOutput[Record]:
    """All that one source of these lines gives.

    Parameters
    ----------
    ends
        Whether the source ends; if it does not, its last panes stay open.
    on_measured
        Is told every cohort that is measured.
    """
    pipeline = Pipeline(config or CoreConfig())
    for step in pipeline.steps["cohort"]:
        step.on_measured = on_measured
    found: StepOutput[Record] = StepOutput()
    for start in range(0, len(lines), batch):
        found += pipeline.feed(0, raw_batch(lines[start : start + batch], start))
    return found + pipeline.finish() if ends else found
