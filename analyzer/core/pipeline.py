"""The whole way of an event on one page: the table of steps, and all of them in one process.

::

    raw bytes ─► ingest ─► account ─┬─► cohort ─► campaign ─► alerts, campaigns, members
                 one per    one per │   one per      ▲
                 source     shard   └───shard────────┘ one

The table :data:`STEPS` is the only place that says which step takes what, who makes it and where
its output goes. The live worker (each arrow is a Kafka topic) and :class:`Pipeline` (each arrow
is a function call; for replay, tests and benches) both run what it says. What a step is given, it
is given in blocks that say which range of which source they cover
(:mod:`analyzer.core.contracts.blocks`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from analyzer.core.account.step import AccountStep
from analyzer.core.campaign.step import CampaignStep
from analyzer.core.cohort.step import CohortStep
from analyzer.core.cohort.window_feed import END_PANE
from analyzer.core.config import CoreConfig
from analyzer.core.contracts.blocks import CohortBlock, EventBlock, PaneBlock
from analyzer.core.contracts.feedback import FeedbackBlock
from analyzer.core.contracts.records import Record
from analyzer.core.contracts.snapshot_codec import pack, restoring, unpack
from analyzer.core.contracts.step import StepOutput
from analyzer.core.ingest.step import IngestStep, RawBatch
from analyzer.core.ingest.translation import Translator


@dataclass(frozen=True, slots=True)
class Sharding:
    """How the work is cut, which changes no answer."""

    sources: tuple[str, ...] = ("source",)
    """Topic or file of each raw partition or file, as dead letters name it."""
    shards: int = 1
    """Of the account step."""
    cohort_shards: int = 1
    origin: str = ""
    """Identity of the raw topic: one that was deleted and created anew has another."""

    def source_name(self, number: int) -> str:
        """Name of a source; of one that was added since, that of the last."""
        return self.sources[min(number, len(self.sources) - 1)]


@dataclass(frozen=True, slots=True)
class StepKind:
    """One line of the table."""

    name: str
    takes: tuple[type, ...]
    """Types of the blocks that it is fed."""
    make: Callable[[CoreConfig, Sharding, int], Any]
    """A blank step for one of its shards."""
    shards: Callable[[Sharding], int]
    """How many there are."""
    to: tuple[str, ...] = ()
    """Steps that get what it makes; none: it speaks to people."""
    one_each: bool = False
    """True: its n-th block goes to shard n alone. False: each block goes to every shard."""

    def targets(self, sharding: Sharding, number: int) -> Iterator[tuple[str, range]]:
        """Which shards of which steps get the block of this number."""
        for name in self.to:
            count = KINDS[name].shards(sharding)
            yield name, range(number, number + 1) if self.one_each else range(count)


STEPS = (
    StepKind(
        "ingest",
        (RawBatch,),
        lambda config, cut, n: IngestStep(
            config, source=n, source_name=cut.source_name(n), shards=cut.shards
        ),
        lambda cut: len(cut.sources),
        to=("account",),
        one_each=True,
    ),
    StepKind(
        "account",
        (EventBlock,),
        lambda config, cut, n: AccountStep(
            config, shard=n, sources=len(cut.sources), origin=cut.origin
        ),
        lambda cut: cut.shards,
        to=("cohort", "campaign"),
    ),
    StepKind(
        "cohort",
        (PaneBlock,),
        lambda config, cut, n: CohortStep(
            config, shard=n, shards=cut.cohort_shards, sources=cut.shards
        ),
        lambda cut: cut.cohort_shards,
        to=("campaign",),
    ),
    StepKind(
        "campaign",
        (CohortBlock, PaneBlock),
        lambda config, cut, _: CampaignStep(
            config, sources=cut.cohort_shards, account_shards=cut.shards
        ),
        lambda _: 1,
    ),
)
"""From the raw record to the alert, in order. A step may send to several steps after it."""
KINDS = {kind.name: kind for kind in STEPS}

STATE_VERSION = 1
"""Of :class:`Judging`; each of its steps has its own."""

Call = Callable[[str, Any, Any], StepOutput[Any]]
"""How a step is fed: given its name, the step and a block. Whoever wants to see or time what goes
in and out gives one of their own."""


def feed(_name: str, step: Any, block: Any) -> StepOutput[Any]:
    """Feed the step; None stands for the end of a source."""
    output: StepOutput[Any] = step.finish() if block is None else step.feed(block)
    return output


class Pipeline:
    """All steps in one process, for any number of sources and shards.

    Its way has three parts, for whoever runs them in several threads; :meth:`feed` is all three.

    Parameters
    ----------
    call
        How each step is fed.
    kinds
        The steps that there are; all, or those of the last part alone.
    """

    def __init__(
        self,
        config: CoreConfig,
        sharding: Sharding | None = None,
        *,
        call: Call = feed,
        kinds: Sequence[StepKind] = STEPS,
    ) -> None:
        self.sharding = sharding or Sharding()
        self.steps: dict[str, list[Any]] = {
            kind.name: [
                kind.make(config, self.sharding, n) for n in range(kind.shards(self.sharding))
            ]
            for kind in kinds
        }
        self._call = call
        self.hop = min(window.hop_s for window in config.windows) // config.pane_s
        self._longest = max(window.length_s for window in config.windows) // config.pane_s
        if self.sharding.cohort_shards == 1:
            self.campaign.look_on(self.steps["cohort"][0].windows)

    def understand(self, translator: Translator | None) -> None:
        """Take raw records that are not native as well."""
        for step in self.steps["ingest"]:
            step.understand(translator)

    @property
    def campaign(self) -> CampaignStep:
        """The one step that decides."""
        return cast("CampaignStep", self.steps["campaign"][0])

    def watermark_ms(self, source: int) -> int:
        """Event time that a source has reached."""
        return cast("IngestStep", self.steps["ingest"][source]).watermark_ms

    def feed(self, source: int, batch: RawBatch | None) -> StepOutput[Record]:
        """The records that follow from the next batch of a source; None: the source has ended."""
        read = self.read(source, batch)
        panes = self.gather(read.made)
        before = StepOutput[Record]([], read.dead, read.counts + panes.counts)
        return before + self.judge(panes.made)

    def finish(self) -> StepOutput[Record]:
        """All sources have ended: what was still open."""
        return _sum(self.feed(source, None) for source in range(len(self.steps["ingest"])))

    def read(self, source: int, batch: RawBatch | None) -> StepOutput[EventBlock]:
        """First part: what ingest makes of a batch."""
        return self._call("ingest", self.steps["ingest"][source], batch)

    def gather(self, blocks: Iterable[EventBlock]) -> StepOutput[PaneBlock]:
        """Second part: what happened in the panes that these blocks seal."""
        return self._send("ingest", blocks, until="account")

    def judge(self, panes: Iterable[PaneBlock]) -> StepOutput[Record]:
        """Third part: the records that follow from what happened.

        Pane by window's end, so that all steps see the same window at the same time: in one
        process its organisations are counted once.
        """
        return _sum(
            self._send("account", [piece]) for block in panes for piece in self.pieces(block)
        )

    def pieces(self, block: PaneBlock) -> Iterator[PaneBlock]:
        """The block cut wherever a window ends that may hold something.

        That is after each pane with rows, of this block or the last before, until the longest
        window has passed it: however long a silence is, it costs no more. Where the input ends,
        windows end with the rows.
        """
        windows = self.steps["cohort"][0].windows
        panes = np.unique(np.append(block.rows.org_pane, windows.reach - 1))
        buckets = np.unique(panes[panes >= 0] // self.hop)
        most = block.stop // self.hop - buckets.min(initial=END_PANE)
        ends = buckets[:, None] + np.arange(1, min(self._longest // self.hop + 1, most) + 1)
        stops = np.unique(ends) * self.hop
        if block.stop >= END_PANE:
            stops = stops[stops <= panes.max(initial=-1) + 1]
        stops = stops[(stops > block.start) & (stops < block.stop)]
        return block.cut(stops.tolist())

    def _send(self, sender: str, made: Iterable[Any], until: str = "") -> StepOutput[Any]:
        """Feed to the steps after it what a step made, one by one, each to the end of the way."""
        return _sum(
            self._feed(name, n, block, until)
            for number, block in enumerate(made)
            for name, shards in KINDS[sender].targets(self.sharding, number)
            for n in shards
        )

    def _feed(self, name: str, shard: int, block: Any, until: str) -> StepOutput[Any]:
        output = self._call(name, self.steps[name][shard], block)
        ends_here = name == until or not KINDS[name].to
        after = StepOutput(output.made) if ends_here else self._send(name, output.made, until)
        return after + StepOutput([], output.dead, output.counts, output.levels)


class Judging:
    """The last part of the way as one step, for a worker: the one cohort shard and campaign.

    Who uses what is counted once, where the two apart would each count it.
    """

    def __init__(self, config: CoreConfig, sharding: Sharding) -> None:
        self._pipeline = Pipeline(config, sharding, kinds=[KINDS["cohort"], KINDS["campaign"]])
        self._campaign = self._pipeline.campaign

    def shadow(self, config: CoreConfig) -> None:
        """Judge by a second configuration too; see :meth:`CampaignStep.shadow`."""
        self._campaign.shadow(config)

    def feed(self, block: PaneBlock) -> StepOutput[Record]:
        """Take the panes of one account shard; records in the order they are sent."""
        return self._pipeline.judge([block])

    def heard(self, source: str) -> int:
        """How far a source of feedback was taken; 0 if nothing of it was."""
        return self._campaign.heard(source)

    def feed_feedback(self, block: FeedbackBlock) -> None:
        """Take what people said."""
        self._campaign.feed_feedback(block)

    def snapshot(self) -> bytes:
        """The state of both steps as bytes."""
        both = {name: step.snapshot() for name, (step,) in self._pipeline.steps.items()}
        return pack("judging", STATE_VERSION, both)

    @restoring("judging")
    def restore(self, data: bytes) -> None:
        """Put back what :meth:`snapshot` gave.

        Raises
        ------
        StateError
            If the bytes are damaged or of another version.
        """
        both = unpack("judging", STATE_VERSION, data)
        for name, (step,) in self._pipeline.steps.items():
            step.restore(both[name])


def _sum(outputs: Iterable[StepOutput[Any]]) -> StepOutput[Any]:
    total: StepOutput[Any] = StepOutput([])
    for output in outputs:
        total += output
    return total
