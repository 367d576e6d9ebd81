"""The four kinds of owners: which step reads which topic, and where it sends what it gives."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from faust.types import TP

from analyzer.core import blocks
from analyzer.core.account import AccountStep
from analyzer.core.alerts import Alert, Campaign, Member, Record, encode_record, record_key
from analyzer.core.blocks import CohortBlock, EventBlock, PaneBlock
from analyzer.core.campaign import CampaignStep
from analyzer.core.cohort import CohortStep
from analyzer.stream.context import Context
from analyzer.stream.feedback import FeedbackListener
from analyzer.stream.ingest import IngestOwner
from analyzer.stream.outbox import Outbox
from analyzer.stream.ownership import Owner
from analyzer.stream.steps import Kind, StepOwner


def owner_maker(context: Context) -> Callable[[TP, int], Owner]:
    """What makes an owner for a partition of any of our topics."""
    kinds = _kinds(context)

    def make(tp: TP, generation: int) -> Owner:
        kind = kinds.get(tp.topic)
        if kind is None:
            return IngestOwner(context, tp, generation)
        return StepOwner(context, kind, tp, generation)

    return make


def _kinds(context: Context) -> dict[str, Kind]:
    settings = context.settings
    core, names, shards = settings.core, settings.topics, settings.cohort_shards
    sources = context.layout.partitions[names.requests]
    return {
        names.account: Kind(
            "account",
            EventBlock,
            lambda shard: AccountStep(core, shard=shard, sources=sources),
            _to_blocks(names.cohort, range(shards)),
        ),
        names.cohort: Kind(
            "cohort",
            PaneBlock,
            lambda shard: CohortStep(core, shard=shard, shards=shards, sources=settings.shards),
            _to_blocks(names.campaign, range(1)),
        ),
        names.campaign: Kind(
            "campaign",
            CohortBlock,
            lambda _shard: CampaignStep(core, sources=shards),
            partial(_to_people, context),
            FeedbackListener,
        ),
    }


def _to_blocks(topic: str, partitions: range) -> Callable[[Outbox, Any], Awaitable[None]]:
    async def forward(outbox: Outbox, block: PaneBlock | CohortBlock) -> None:
        data = blocks.encode(block)
        await outbox.put_block(topic, data, partitions, source=block.source, stop=block.stop)

    return forward


async def _to_people(context: Context, outbox: Outbox, record: Record) -> None:
    names = context.settings.topics
    topics = {Alert: names.alerts, Campaign: names.campaigns, Member: names.members}
    topic = topics[type(record)]
    await outbox.put(topic, encode_record(record), key=record_key(record))
