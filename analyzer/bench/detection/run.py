"""One run: a world through the same steps as replay, with the families left out beside it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from analyzer.bench.detection.ablation import Beside
from analyzer.bench.detection.judge import judge
from analyzer.bench.detection.result import WHOLE, Result, Task
from analyzer.bench.detection.truth import truth_of
from analyzer.core.config import CoreConfig
from analyzer.core.contracts.records import Record
from analyzer.core.ingest.step import RawBatch
from analyzer.core.kernels.byte_strings import Texts
from analyzer.core.pipeline import Pipeline, Sharding
from analyzer.simulate import World, generate
from analyzer.simulate.economy import Economy

BATCH = 50_000


def perform(task: Task) -> Result:
    """Make the world, run it, judge it."""
    world = generate(task.scenario, task.seed, scale=task.scale, days=task.days)
    names, records = replay(world, task.dropped)
    truth = truth_of(world, names)
    outcomes = {dropped: judge(found, truth) for dropped, found in records.items()}
    if not task.peers:
        return Result(task, outcomes)
    from analyzer.bench.detection.peers.oracle import found_by_peers  # noqa: PLC0415 - an extra

    return Result(task, outcomes, found_by_peers(world, names, truth, task.peers))


def replay(
    world: World | Economy, dropped: tuple[str, ...] = ()
) -> tuple[list[str], dict[str, list[Record]]]:
    """Account id of every event, and all records by the family left out."""
    config = CoreConfig()
    beside = Beside(config, dropped)
    pipeline = Pipeline(config, Sharding((world.labels["scenario"],)), call=beside)
    names: list[str] = []
    records: list[Record] = []
    for batch in _batches(world, names):
        records += pipeline.feed(0, batch).made
    records += pipeline.finish().made
    return names, {WHOLE: records, **beside.records}


def _batches(world: World | Economy, names: list[str]) -> Iterator[RawBatch]:
    values: list[bytes] = []
    for key, line in world.keyed_lines():
        names.append(key.decode())
        values.append(line)
        if len(values) == BATCH:
            yield RawBatch(Texts.of(values), np.arange(len(names) - BATCH, len(names)))
            values = []
    yield RawBatch(Texts.of(values), np.arange(len(names) - len(values), len(names)))
