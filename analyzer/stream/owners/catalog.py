"""The live worker's owners: the table of steps, with a Kafka topic in the place of each arrow."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from faust.types import TP

from analyzer.core.contracts import blocks
from analyzer.core.contracts.blocks import PaneBlock
from analyzer.core.contracts.records import (
    Alert,
    Campaign,
    Member,
    Record,
    ShadowAlert,
    encode_record,
    record_key,
)
from analyzer.core.pipeline import STEPS, Judging, StepKind
from analyzer.stream.owners.assignment import Owner
from analyzer.stream.owners.context import Context
from analyzer.stream.owners.feedback import FeedbackListener
from analyzer.stream.owners.ingest import IngestOwner
from analyzer.stream.owners.outbox import Outbox
from analyzer.stream.owners.shard import Forward, LiveStep, StepOwner
from analyzer.stream.topics.catalog import agents

LISTENERS = {"campaign": FeedbackListener}
"""Steps that listen to a second topic."""


def owner_maker(context: Context) -> Callable[[TP, int], Owner]:
    """What makes an owner for a partition of any of our topics."""
    topics = agents(context.settings)
    live = {topics[kind.name]: live_step(context, kind) for kind in STEPS if kind.name in topics}

    def make(tp: TP, generation: int) -> Owner:
        step = live[tp.topic]
        if step.name == "ingest":
            return IngestOwner(context, step, tp, generation)
        return StepOwner(context, step, tp, generation)

    return make


def live_step(context: Context, kind: StepKind) -> LiveStep:
    """A line of the table as the live worker runs it."""
    core, shadow, sharding = context.settings.core, context.settings.shadow_core, context.sharding
    one_judges = not kind.to and sharding.cohort_shards == 1

    def make(shard: int) -> Any:
        step = Judging(core, sharding) if one_judges else kind.make(core, sharding, shard)
        if shadow is not None and not kind.to:
            step.shadow(shadow)
        return step

    return LiveStep(
        kind.name,
        (PaneBlock,) if one_judges else kind.takes,
        make,
        _to_steps(context, kind) if kind.to else _to_people(context),
        LISTENERS.get(kind.name),
    )


def _to_steps(context: Context, kind: StepKind) -> Forward:
    topics, sharding = agents(context.settings), context.sharding
    stamp = context.settings.stamp

    async def forward(outbox: Outbox, made: Iterable[blocks.Block]) -> None:
        for number, block in enumerate(made):
            data = blocks.encode(block, stamp)
            for name, shards in kind.targets(sharding, number):
                if name in topics:
                    await outbox.put_block(topics[name], block, data, shards)

    return forward


def _to_people(context: Context) -> Forward:
    names = context.settings.topics
    topics = {
        Alert: names.alerts,
        ShadowAlert: names.shadow_alerts,
        Campaign: names.campaigns,
        Member: names.members,
    }

    async def forward(outbox: Outbox, made: Iterable[Record]) -> None:
        for record in made:
            topic = topics[type(record)]
            await outbox.put(topic, encode_record(record), key=record_key(record))

    return forward
