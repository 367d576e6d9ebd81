"""The steps that judge give in a worker what they give in one process with all others."""

from __future__ import annotations

import functools
from collections import defaultdict
from itertools import pairwise
from typing import Any

import msgspec
import numpy as np
import pytest

from analyzer.core.campaign.step import CampaignStep
from analyzer.core.config import CoreConfig
from analyzer.core.contracts.blocks import CohortBlock, PaneBlock
from analyzer.core.contracts.records import encode_record
from analyzer.core.contracts.step import StepOutput
from analyzer.core.pipeline import Judging, Pipeline, Sharding, feed
from analyzer.simulate import generate
from analyzer.testing.reference_run import raw_batch

CONFIG = CoreConfig()
HOUR_MS = 3_600_000
QUIET_H, QUIET_FROM = 7, 0.75
CUTS = [Sharding(), Sharding(("a", "b"), 3, 2), Sharding(shards=2)]
Blocks = tuple[CohortBlock | PaneBlock, ...]


@functools.cache
def lines(*, quiet: bool) -> tuple[bytes, ...]:
    """A small world with one campaign; ``quiet``: with hours in which nobody asks anything."""
    found = list(generate("smoke", 5, 0.5, 1.5).lines())
    if quiet:
        later = int(QUIET_FROM * len(found))
        found[later:] = [_later(line) for line in found[later:]]
    return tuple(found)


def _later(line: bytes) -> bytes:
    event = msgspec.json.decode(line)
    return msgspec.json.encode(event | {"timestamp_ms": event["timestamp_ms"] + QUIET_H * HOUR_MS})


@functools.cache
def beside(cut: int, *, quiet: bool = False) -> tuple[Blocks, tuple[bytes, ...]]:
    """What the campaign step is sent in one process, and what it says."""
    sharding, blocks, said = CUTS[cut], list[CohortBlock | PaneBlock](), list[bytes]()

    def keep(name: str, step: Any, block: Any) -> StepOutput[Any]:
        if name == "campaign":
            blocks.append(block)
        return feed(name, step, block)

    pipeline, everything = Pipeline(CONFIG, sharding, call=keep), lines(quiet=quiet)
    first_later = int(QUIET_FROM * len(everything)) + 1  # the silence ends as a batch does
    for start, stop in pairwise([*range(0, first_later, 4_000), first_later, len(everything)]):
        part = everything[start:stop]
        for source in range(len(sharding.sources)):
            mine = part[source :: len(sharding.sources)]
            said += map(encode_record, pipeline.feed(source, raw_batch(list(mine), start)).made)
    said += map(encode_record, pipeline.finish().made)
    return tuple(blocks), tuple(said)


def alone(blocks: Blocks, cut: int, *, seed: int, saves: float = 0.0) -> tuple[bytes, ...]:
    """What the step says by itself, the blocks of each sender in order but mixed at random."""
    rng, waiting = np.random.default_rng(seed), defaultdict[Any, list[Any]](list)
    panes_alone = CUTS[cut].cohort_shards == 1
    for block in blocks:
        if panes_alone and isinstance(block, CohortBlock):
            continue
        waiting[type(block).__name__, block.source].append(block)
    senders = np.repeat(np.arange(len(waiting)), [len(queue) for queue in waiting.values()])
    queues = [iter(queue) for queue in waiting.values()]
    step, said = _step(cut), list[bytes]()
    for sender in rng.permutation(senders).tolist():
        if rng.random() < saves:
            saved, step = step.snapshot(), _step(cut)
            step.restore(saved)
        said += map(encode_record, step.feed(next(queues[sender])).made)
    return tuple(said)


def _step(cut: int) -> CampaignStep | Judging:
    """As a worker has it."""
    sharding = CUTS[cut]
    if sharding.cohort_shards == 1:
        return Judging(CONFIG, sharding)
    return CampaignStep(CONFIG, sources=sharding.cohort_shards, account_shards=sharding.shards)


def test_the_world_has_something_to_say() -> None:
    """The comparisons below compare a campaign and its members; hours of silence change it."""
    said = beside(0)[1]
    assert any(b'"kind":"extraction_campaign"' in record for record in said)
    assert beside(0, quiet=True)[1] != said


@pytest.mark.parametrize(("cut", "seed"), [(0, 1), (1, 1), (1, 2)])
def test_any_mixture_of_blocks_gives_the_same_bytes(cut: int, seed: int) -> None:
    """Panes may come long before the cohorts, or after, from any number of shards."""
    blocks, _ = beside(cut)
    assert alone(blocks, cut, seed=seed) == beside(0)[1]


@pytest.mark.parametrize("cut", [0, 1])
def test_saved_and_restored_anywhere_it_says_the_same(cut: int) -> None:
    """Before any block, whatever waits of panes and cohorts, and in the middle of a campaign."""
    blocks, _ = beside(cut)
    assert alone(blocks, cut, seed=3, saves=0.2) == beside(0)[1]


@pytest.mark.parametrize("cut", range(len(CUTS)))
def test_hours_without_traffic_are_decided_one_by_one(cut: int) -> None:
    """Windows that end while nobody asks anything are judged by both."""
    blocks, said = beside(cut, quiet=True)
    assert alone(blocks, cut, seed=4) == said == beside(0, quiet=True)[1]
