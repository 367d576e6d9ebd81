"""The whole way of an event on one page.

::

    raw bytes ─► IngestStep ─► AccountStep ─► CohortStep ─► CampaignStep ─► alerts, campaigns,
                 one per       one per        one per       one              members
                 source        account shard  cohort shard

Three shells run these steps: the live worker (each arrow is a Kafka topic), replay and
tests (each arrow is a function call, this module). What a step is given, it is given in
blocks that say which range of which source they cover (:mod:`analyzer.core.contracts.blocks`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from analyzer.core.account.step import AccountStep
from analyzer.core.campaign.step import CampaignStep
from analyzer.core.cohort.step import CohortStep
from analyzer.core.config import CoreConfig
from analyzer.core.contracts.blocks import CohortBlock, EventBlock, PaneBlock
from analyzer.core.contracts.records import Record


class Pipeline:
    """All steps after ingest in one process, for any number of sources and shards.

    Parameters
    ----------
    sources
        Number of raw partitions or files.
    shards, cohort_shards
        Number of account and cohort shards; neither changes an answer.
    """

    def __init__(
        self, config: CoreConfig, *, sources: int, shards: int = 1, cohort_shards: int = 1
    ) -> None:
        self.accounts = [AccountStep(config, shard=s, sources=sources) for s in range(shards)]
        self.cohorts = [
            CohortStep(config, shard=s, shards=cohort_shards, sources=shards)
            for s in range(cohort_shards)
        ]
        alone = self.cohorts[0].windows if cohort_shards == 1 else None
        self.campaign = CampaignStep(
            config, sources=cohort_shards, account_shards=shards, windows=alone
        )

    def feed(self, blocks: list[EventBlock]) -> Iterator[Record]:
        """Take one block per account shard; the records that follow from them."""
        return self.judge(self.panes(blocks))

    def panes(self, blocks: list[EventBlock]) -> Iterator[PaneBlock]:
        """The first half of the way: what happened in the panes that these blocks seal."""
        for step, block in zip(self.accounts, blocks, strict=True):
            yield from step.feed(block)

    def judge(self, panes: Iterable[PaneBlock]) -> Iterator[Record]:
        """The second half: the records that follow from what happened."""
        for block in panes:
            yield from self.campaign.feed(block)
            for step in self.cohorts:
                yield from self._to_campaign(step.feed(block))

    def _to_campaign(self, cohorts: Iterable[CohortBlock]) -> Iterator[Record]:
        for block in cohorts:
            yield from self.campaign.feed(block)
