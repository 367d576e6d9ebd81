"""Runs the pipeline over bounded sources, merging them by event time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, fields
from dataclasses import replace as replace_blocks
from typing import Any

import numpy as np
from msgspec.structs import replace

from analyzer.core.campaign.step import CampaignStep
from analyzer.core.config import CoreConfig
from analyzer.core.contracts.blocks import EventBlock, PaneBlock
from analyzer.core.contracts.feedback import Feedback, FeedbackBlock
from analyzer.core.contracts.records import Alert, DeadLetter, Record
from analyzer.core.contracts.step import StepOutput
from analyzer.core.ingest.step import RawBatch
from analyzer.core.ingest.translation import PASSED_OVER, Translator
from analyzer.core.kernels.byte_strings import Texts
from analyzer.core.pipeline import Call, Pipeline, Sharding, feed
from analyzer.replay.ahead import ahead
from analyzer.replay.sources import Batches, Source, in_turn
from analyzer.replay.span import Span

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
    """Events ahead of their source's time after which others fell back."""
    mended: Counter[str] = field(default_factory=Counter)
    """Fields that could not be taken as they stood."""
    passed_over: Counter[str] = field(default_factory=Counter)
    events_of: Counter[str] = field(default_factory=Counter)
    """By the name of their source."""
    dead_of: Counter[str] = field(default_factory=Counter)
    """The same of what could not be counted."""

    @property
    def unread(self) -> list[str]:
        """Sources with records, none of which was counted."""
        return sorted(set(self.dead_of) - set(self.events_of))


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
    translator
        Knows the records that are not native.
    call
        How each step is fed, to see what goes in and out; from two threads.
    progress
        Called with how much of a source's size was read.
    span
        The part of time that counts; all of it by default.
    stop
        Asked before each batch; once true, what was read is finished, and no more is read.
    """

    def __init__(
        self,
        config: CoreConfig,
        sources: list[Source],
        *,
        feedback: Sequence[Feedback] = (),
        shards: int = 1,
        cohort_shards: int = 1,
        translator: Translator | None = None,
        call: Call = feed,
        progress: Callable[[int], None] = lambda _: None,
        span: Span | None = None,
        stop: Callable[[], bool] = lambda: False,
    ) -> None:
        self.tally = Tally()
        self._stop = stop
        self.stopped = False
        """True if it was asked to stop before its sources had ended."""
        self.next_offsets = dict.fromkeys(range(len(sources)), 0)
        """First offset of each source that was not read; of one that has ended, it is left out."""
        self._span = span or Span()
        self._progress = progress
        self._batches: Batches = {number: source.batches() for number, source in enumerate(sources)}
        self._names = tuple(source.name for source in sources)
        self._pipeline = Pipeline(config, Sharding(self._names, shards, cohort_shards), call=call)
        self._pipeline.understand(translator)
        self._pipeline.campaign.feed_feedback(FeedbackBlock("file", len(feedback), list(feedback)))

    @property
    def campaign(self) -> CampaignStep:
        """The step that decides, with all feedback in effect and all campaigns."""
        return self._pipeline.campaign

    def __iter__(self) -> Iterator[Record | DeadLetter]:
        for read, panes, size in ahead(self._panes(), AHEAD):
            yield from read.dead
            judged = self._pipeline.judge(panes.made)
            yield from map(_replayed, filter(self._span.tells, judged.made))
            self._count(read, panes, judged)
            self._progress(size)

    def state(self) -> dict[str, Any]:
        """All of it once it has stopped, as plain data: for :meth:`go_on` of another runner."""
        steps = self._pipeline.steps
        return {
            "next_offsets": list(self.next_offsets.items()),
            "steps": {name: [step.snapshot() for step in steps[name]] for name in steps},
            "tally": {f.name: getattr(self.tally, f.name) for f in fields(self.tally)},
        }

    def go_on(self, state: dict[str, Any]) -> None:
        """Go on where another runner with the same sources has stopped.

        Raises
        ------
        StateError
            If the state is damaged or of another version.
        """
        self.next_offsets = dict(state["next_offsets"])
        self._batches = {
            number: _from(batches, self.next_offsets[number])
            for number, batches in self._batches.items()
            if number in self.next_offsets
        }
        for name, saved in state["steps"].items():
            for step, data in zip(self._pipeline.steps[name], saved, strict=True):
                step.restore(data)
        for name, value in state["tally"].items():
            plain = Counter(value) if isinstance(value, dict) else value
            setattr(self.tally, name, plain)

    def _panes(self) -> Iterator[tuple[StepOutput[EventBlock], StepOutput[PaneBlock], int]]:
        """What ingest makes of each batch, the panes it seals, and how much of its source it is."""
        pipeline = self._pipeline
        turns = in_turn(self._batches, pipeline.watermark_ms)
        while self._batches:
            if self._stop():
                self.stopped = True
                return
            number, batch = next(turns)
            if batch is None:
                del self.next_offsets[number]
            elif len(batch[0].offsets):
                self.next_offsets[number] = int(batch[0].offsets[-1]) + 1
            raw, size = batch or (None, 0)
            read = pipeline.read(number, raw)
            read = replace_blocks(read, made=[self._span.cut(block) for block in read.made])
            yield read, pipeline.gather(read.made), size

    def _count(self, read: StepOutput[EventBlock], *after: StepOutput[Any]) -> None:
        tally = self.tally
        tally.dead.update(letter.reason for letter in read.dead)
        tally.dead_of.update(letter.source for letter in read.dead)
        tally.records += read.count("events")
        tally.ahead += read.count("ahead")
        for (what, label), times in read.counts.items():
            if what == "mended":
                tally.mended[label] += times
            elif what == PASSED_OVER:
                tally.passed_over[label] += times
        for output in (read, *after):
            tally.late += output.count("late")
            tally.duplicates += output.count("duplicates")
        for block in read.made:
            if len(block.rows):
                tally.events += len(block.rows)
                tally.events_of[self._names[block.source]] += len(block.rows)
                low, high = int(block.rows.ts_ms.min()), int(block.rows.ts_ms.max())
                tally.first_event_ms = min(
                    low, low if tally.first_event_ms is None else tally.first_event_ms
                )
                tally.last_event_ms = max(high, tally.last_event_ms or high)


def _from(batches: Iterator[tuple[RawBatch, int]], offset: int) -> Iterator[tuple[RawBatch, int]]:
    """The batches from this offset on; what is before counts as read."""
    passed = 0
    for raw, size in batches:
        new = raw.offsets >= offset
        if not new.any():
            passed += size
            continue
        if not new.all():
            rows = np.flatnonzero(new)
            append_ms = None if raw.append_ms is None else raw.append_ms[rows]
            values = Texts.of([raw.values[row] for row in rows.tolist()])
            raw = RawBatch(values, raw.offsets[rows], append_ms)  # noqa: PLW2901 - what is left of it
        yield raw, size + passed
        passed = 0


def _replayed(record: Record) -> Record:
    """The record; an alert says that it comes from a replay."""
    if isinstance(record, Alert):
        return replace(record, provenance=replace(record.provenance, replay=True))
    return record
