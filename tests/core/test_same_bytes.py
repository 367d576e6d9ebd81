"""Promise 1: the same events give the same bytes, however they are cut, shuffled or saved."""

from __future__ import annotations

import functools
import os
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from analyzer.core.cohort.window import Window
from analyzer.core.config import CoreConfig
from analyzer.core.contracts.object_kind import Kind
from analyzer.core.contracts.records import Alert, Member, Record, encode_record
from analyzer.core.contracts.step import StepOutput
from analyzer.core.ingest.step import RawBatch
from analyzer.core.kernels.byte_strings import Texts
from analyzer.core.pipeline import Pipeline, Sharding, feed
from analyzer.simulate import generate
from analyzer.testing.reference_run import run

CONFIG = CoreConfig()


@functools.cache
def smoke() -> tuple[bytes, ...]:
    """A small world with one campaign."""
    return tuple(generate("smoke", 5, 0.5, 1.5).lines())


@functools.cache
def usual() -> tuple[bytes, ...]:
    """What one source, one shard and one batch size give."""
    return analyze(smoke())


def analyze(
    lines: tuple[bytes, ...],
    *,
    batch: int = 5_000,
    sources: int = 1,
    shards: int = 1,
    cohort_shards: int = 1,
    save_every: int = 0,
) -> tuple[bytes, ...]:
    """All records of these lines, the lines dealt out over the sources in turn."""
    pipeline = Pipeline(CONFIG, Sharding(("test",) * sources, shards, cohort_shards))
    records: list[Record] = []
    for number, start in enumerate(range(0, len(lines), batch)):
        part = lines[start : start + batch]
        for s in range(sources):
            mine = list(part[s::sources])
            offsets = np.arange(start + s, start + len(part), sources)
            records += pipeline.feed(s, RawBatch(Texts.of(mine), offsets[: len(mine)])).made
        if save_every and number % save_every == 0:
            pipeline = saved(pipeline)
    records += pipeline.finish().made
    return tuple(encode_record(record) for record in records)


def saved(pipeline: Pipeline) -> Pipeline:
    """A new pipeline with the state of the old one."""
    fresh = Pipeline(CONFIG, pipeline.sharding)
    fresh.steps["ingest"] = pipeline.steps["ingest"]
    for name in ("account", "cohort", "campaign"):
        for old, new in zip(pipeline.steps[name], fresh.steps[name], strict=True):
            new.restore(old.snapshot())
    return fresh


def test_the_small_world_has_its_campaign() -> None:
    """The comparisons below compare something: an alert and its members."""
    text = b"\n".join(usual())
    assert b'"kind":"extraction_campaign"' in text
    assert text.count(b'"membership":') >= 30


@pytest.mark.parametrize("batch", [701, 50_000])
def test_batch_sizes_change_nothing(batch: int) -> None:
    """Small and large batches give the same bytes in the same order."""
    assert analyze(smoke(), batch=batch) == usual()


@pytest.mark.parametrize(("shards", "cohort_shards"), [(4, 1), (1, 3), (3, 2)])
def test_shards_change_nothing(shards: int, cohort_shards: int) -> None:
    """Any number of account and cohort shards gives the same bytes in the same order."""
    assert analyze(smoke(), shards=shards, cohort_shards=cohort_shards) == usual()


def test_who_judges_leaves_the_windows_as_they_are() -> None:
    """The campaign step sees the order that it would see in a process of its own.

    scipy 1.17's ``max`` of a sparse matrix sorts the cells of its operand (``sum_duplicates``).
    """
    looked_at = 0

    def call(name: str, step: Any, block: Any) -> StepOutput[Any]:
        nonlocal looked_at
        output = feed(name, step, block)
        feeds = pipeline.steps["cohort"][0].windows
        for window in feeds.due(feeds.stands_at) if name == "campaign" else ():
            as_built = Window(CONFIG, window.population, window.number, window.pane)
            for kind in (Kind.TEMPLATE, Kind.BLOCK, Kind.PAYMENT, Kind.AGENT):
                cells, before = window.usage(kind).matrix, as_built.usage(kind).matrix
                assert cells.indices.tolist() == before.indices.tolist()
                looked_at += len(cells.indices)
        return output

    pipeline = Pipeline(CONFIG, call=call)
    lines = list(smoke())
    pipeline.feed(0, RawBatch(Texts.of(lines), np.arange(len(lines))))
    pipeline.finish()
    assert looked_at > 1_000


def test_sources_change_nothing() -> None:
    """Events spread over three sources give the same bytes."""
    assert analyze(smoke(), sources=3, batch=3_000) == usual()


def test_order_within_the_lateness_changes_nothing() -> None:
    """Events shuffled by up to four minutes (of five allowed) give the same bytes."""
    import msgspec

    rng = np.random.default_rng(3)
    times = np.array([msgspec.json.decode(line)["timestamp_ms"] for line in smoke()])
    order = np.argsort(times + rng.integers(0, 240_000, len(times)), kind="stable")
    assert analyze(tuple(smoke()[i] for i in order)) == usual()


def test_duplicates_count_once() -> None:
    """Every tenth event sent three times gives the same bytes."""
    lines = [copy for i, line in enumerate(smoke()) for copy in [line] * (3 if i % 10 == 0 else 1)]
    assert analyze(tuple(lines)) == usual()


def test_saving_and_restoring_anywhere_changes_nothing() -> None:
    """All four steps saved and restored after every batch give the same bytes."""
    assert analyze(smoke(), batch=4_000, shards=2, save_every=1) == usual()


def test_hash_seeds_change_nothing() -> None:
    """Two processes with different PYTHONHASHSEED give the same bytes."""
    program = (
        "import sys, hashlib; sys.path.insert(0, sys.argv[1]); import test_same_bytes as t;"
        "print(hashlib.sha256(b'\\n'.join(t.usual())).hexdigest())"
    )
    folder = os.path.dirname(__file__)  # noqa: PTH120 - goes on a command line
    digests = {
        subprocess.run(
            [sys.executable, "-c", program, folder],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "77")
    }
    assert len(digests) == 1


def test_members_are_told_with_the_alert() -> None:
    """When a campaign opens, its members are published in the same breath."""
    records = run(smoke(), CONFIG, ends=False).made
    opened = next(r for r in records if isinstance(r, Alert))
    joined = [r for r in records if isinstance(r, Member) and r.joined_ms == opened.detected_at_ms]
    assert len(joined) >= opened.campaign.members_total
