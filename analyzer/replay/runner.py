"""Runs the pipeline over bounded sources, merging them by event time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from analyzer.core.campaign.feedback_rules import Judgements
from analyzer.core.campaign.step import CampaignStep
from analyzer.core.config import CoreConfig
from analyzer.core.contracts.blocks import PaneBlock
from analyzer.core.contracts.feedback import Feedback, FeedbackBlock
from analyzer.core.contracts.records import DeadLetter, Record
from analyzer.core.ingest.step import IngestOutput, IngestStep, RawBatch
from analyzer.core.pipeline import Pipeline
from analyzer.replay.ahead import ahead
from analyzer.replay.sources import Source

AHEAD = 16
"""Batches whose panes are made while one before is judged: more than the batches of a pane on a
busy day, so that the one thread does not wait while the other judges what a pane has ended."""


@dataclass(slots=True)
class Tally:
    """What went through, counted."""

    events: int = 0
    late: int = 0
    duplicates: int = 0
    first_event_ms: int | None = None
    last_event_ms: int | None = None
    dead: Counter[str] = field(default_factory=Counter)
    records: int = 0
    """Good and bad."""
    ahead: int = 0
    """Events further ahead of their source's time than the lateness."""
    mended: Counter[str] = field(default_factory=Counter)
    """Fields that could not be taken as they stood."""


class Runner:
    """One replay; iterate it once for everything that comes out, in order.

    Reading, ingest and the account step run in a thread of their own, a little ahead of the rest.

    Parameters
    ----------
    sources
        Bounded sources; the one whose event time is furthest behind is read next, so that
        sources are merged by time whatever their length.
    feedback
        What people said; each record takes effect in event time.
    shards, cohort_shards
        How the work is cut; changes no answer.
    campaign
        Decides instead of a new step; it must expect ``cohort_shards`` sources.
    progress
        Called with how much of a source's size was read.
    """

    def __init__(
        self,
        config: CoreConfig,
        sources: list[Source],
        *,
        feedback: Sequence[Feedback] = (),
        shards: int = 1,
        cohort_shards: int = 1,
        campaign: CampaignStep | None = None,
        progress: Callable[[int], None] = lambda _: None,
    ) -> None:
        self.tally = Tally()
        self._progress = progress
        self._batches: dict[int, Iterator[tuple[RawBatch, int]]] = {
            number: source.batches() for number, source in enumerate(sources)
        }
        self._ingest = [
            IngestStep(config, source=number, source_name=source.name, shards=shards)
            for number, source in enumerate(sources)
        ]
        self._pipeline = Pipeline(
            config, sources=len(sources), shards=shards, cohort_shards=cohort_shards
        )
        if campaign is not None:
            self._pipeline.campaign = campaign
        self._pipeline.campaign.feed_feedback(FeedbackBlock("file", len(feedback), list(feedback)))

    @property
    def judgements(self) -> Judgements:
        """All feedback in effect."""
        return self._pipeline.campaign.judgements

    def __iter__(self) -> Iterator[Record | DeadLetter]:
        for output, panes, size in ahead(self._panes(), AHEAD):
            self._count(output)
            yield from output.dead
            yield from self._pipeline.judge(panes)
            self._progress(size)
        self.tally.late += sum(step.late for step in self._pipeline.accounts)
        self.tally.duplicates = sum(step.duplicates for step in self._pipeline.accounts)

    def _panes(self) -> Iterator[tuple[IngestOutput, list[PaneBlock], int]]:
        """As ``_read``, with the panes that each batch seals."""
        for output, size in self._read():
            yield output, list(self._pipeline.panes(output.blocks)), size

    def _read(self) -> Iterator[tuple[IngestOutput, int]]:
        """What ingest makes of each batch, and how much of its source's size that is."""
        while self._batches:
            number = min(self._batches, key=lambda n: (self._ingest[n].watermark_ms, n))
            batch = next(self._batches[number], None)
            if batch is None:
                del self._batches[number]
                yield self._ingest[number].finish(), 0
            else:
                yield self._ingest[number].feed(batch[0]), batch[1]

    def _count(self, output: IngestOutput) -> None:
        tally = self.tally
        tally.late += output.late
        tally.records += output.received
        tally.ahead += output.ahead
        tally.mended.update(output.mended)
        tally.dead.update(letter.reason for letter in output.dead)
        for block in output.blocks:
            if len(block.rows):
                tally.events += len(block.rows)
                low, high = int(block.rows.ts_ms.min()), int(block.rows.ts_ms.max())
                tally.first_event_ms = min(
                    low, low if tally.first_event_ms is None else tally.first_event_ms
                )
                tally.last_event_ms = max(high, tally.last_event_ms or high)
