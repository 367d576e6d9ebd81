"""The four kinds of owners: which step reads which topic, and where it sends what it gives."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from faust.types import TP

from analyzer.core.account.step import AccountStep
from analyzer.core.campaign.step import CampaignStep
from analyzer.core.cohort.step import CohortStep
from analyzer.core.contracts import blocks
from analyzer.core.contracts.blocks import CohortBlock, EventBlock, PaneBlock
from analyzer.core.contracts.records import (
    Alert,
    Campaign,
    Member,
    Record,
    encode_record,
    record_key,
)
from analyzer.stream.owners.assignment import Owner
from analyzer.stream.owners.context import Context
from analyzer.stream.owners.feedback import FeedbackListener
from analyzer.stream.owners.ingest import IngestOwner
from analyzer.stream.owners.outbox import Outbox
from analyzer.stream.owners.shard import Kind, StepOwner


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
