"""Step 4, exactly one: judged cohorts become campaigns, alerts and members."""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from analyzer.core.campaign.baseline import Baseline
from analyzer.core.campaign.campaign_state import CampaignFile
from analyzer.core.campaign.decision import Judged, judge
from analyzer.core.campaign.feedback_rules import Judgements
from analyzer.core.campaign.findings import findings
from analyzer.core.campaign.linker import Book
from analyzer.core.campaign.publish import Publisher
from analyzer.core.cohort.fusion import Fusion
from analyzer.core.cohort.models.anomaly import Strangeness
from analyzer.core.config import CoreConfig
from analyzer.core.contracts.blocks import CohortBlock, from_plain, to_plain
from analyzer.core.contracts.calibration import Calibration, strata_of
from analyzer.core.contracts.columns import FACTS, CohortColumns, Kind, concat_cohorts
from analyzer.core.contracts.event_time import DAY_S
from analyzer.core.contracts.feedback import FeedbackBlock
from analyzer.core.contracts.gate import Gate
from analyzer.core.contracts.hashing import in_turn
from analyzer.core.contracts.records import AlertKind, Record
from analyzer.core.contracts.snapshot_codec import pack, unpack
from analyzer.core.contracts.step import StepOutput, labelled

STATE_VERSION = 7
LEARNED = 64
"""Cohorts of a pane that the strangeness is learned from: enough to know what is usual."""
UNDER_ALERT = 0.2
"""Share of its named accounts in open campaigns from which a cohort is not learned from."""


class CampaignStep:
    """Decides; the only step that speaks to the outside.

    Parameters
    ----------
    sources
        Number of cohort shards; a pane is decided once all have sent it.
    """

    def __init__(self, config: CoreConfig, *, sources: int) -> None:
        self._config = config
        self._gate = Gate(sources)
        self._waiting: list[CohortColumns] = []
        self._fusion = Fusion.shipped()
        self.judgements = Judgements()
        self._publisher = Publisher(config, self._fusion, self.judgements)
        self._book = Book(config)
        self._strangeness = Strangeness(config.seed)
        self._baseline = Baseline(config.calibration or Calibration.shipped())

    @property
    def campaigns(self) -> list[CampaignFile]:
        """All that is known of campaigns, open or closed."""
        return list(self._book.files.values())

    def feed(self, block: CohortBlock) -> StepOutput[Record]:
        """Take the judged cohorts of one shard; records in the order they are to be sent."""
        first = self._gate.take(block.source, block.start, block.stop)
        if first is None:
            return StepOutput()
        rows = block.rows.take((block.rows.pane >= first) & (block.rows.pane < block.stop))
        if len(rows.pane):
            self._waiting.append(rows)
        opened = self._gate.opened()
        if opened is None:
            return StepOutput()
        before = Counter(self._publisher.suppressed)
        records = self._decide(opened[1])
        counts = labelled("suppressed", self._publisher.suppressed - before)
        return StepOutput(records, counts=counts, levels=self._levels())

    def _levels(self) -> dict[tuple[str, str], int]:
        """Campaigns that were spoken of and are open, by kind."""
        told = [file for file in self.campaigns if file.revision and file.state == "open"]
        found = Counter(file.kind for file in told)
        return {("campaigns_open", kind): found[kind] for kind in get_args(AlertKind)}

    def feed_feedback(self, block: FeedbackBlock) -> None:
        """Take what people said; it takes effect in event time, see :mod:`.feedback_queue`."""
        self.judgements.take(block)

    def heard(self, source: str) -> int:
        """How far a source of feedback was taken; 0 if nothing of it was."""
        return self.judgements.inbox.stops.get(source, 0)

    def _decide(self, stop: int) -> list[Record]:
        rows = concat_cohorts(self._waiting)
        self._waiting = [rows.take(rows.pane >= stop)]
        records: list[Record] = []
        for pane in np.unique(rows.pane[rows.pane < stop]).tolist():
            now = rows.take(rows.pane == pane)
            self.judgements.enter((pane + 1) * self._config.pane_ms, self._book)
            outside = self.judgements.outside(now, self._book)
            judged = judge(now, outside, self._fusion, self._baseline, self._config)
            strange = self._strange(now, judged)
            is_old = partial(self._book.is_old, pane=pane)
            for found in findings(now, judged, self._baseline, strange, is_old):
                if (finding := self.judgements.admit(found)) is not None:
                    self.judgements.keep(self._book.take(finding), finding)
            self._book.unite()
            self._book.expire(pane)
            self._learn_usual(now, judged)
            records += self._publisher.publish(self._book, pane)
        return records

    def _strange(self, rows: CohortColumns, judged: Judged) -> list[float | None]:
        """Strangeness of what was found; then some of all cohorts are learned, by hash.

        The model sees one window length, in canonical order.
        """
        strange: list[float | None] = [None] * len(rows.pane)
        order = _canonical(rows)
        for row in order[judged.found[order]].tolist():
            if rows.kind[row] == Kind.ACCOUNT:
                strange[row] = float(rows.facts[row, FACTS.index("strangeness")])
            elif rows.window_s[row] == DAY_S:
                strange[row] = self._strangeness.score_one(rows.features[row])
        days = order[(rows.window_s[order] == DAY_S) & (rows.kind[order] != Kind.ACCOUNT)]
        some = np.argsort(in_turn(rows.object[days], int(rows.pane[0])), kind="stable")[:LEARNED]
        for row in days[np.sort(some)].tolist():
            self._strangeness.learn_one(rows.features[row])
        return strange

    def _learn_usual(self, rows: CohortColumns, judged: Judged) -> None:
        """Take in who is no suspect and has hardly a member in an open campaign."""
        inside = rows.share_of_members(np.isin(rows.member_org, self._book.held()))
        innocent = ~judged.suspect & (rows.kind != Kind.ACCOUNT) & (inside < UNDER_ALERT)
        order = _canonical(rows)
        order = order[innocent[order]]
        self._baseline.learn(strata_of(rows)[order], rows.features[order], judged.suspicion[order])

    def snapshot(self) -> bytes:
        """All state as bytes."""
        return pack(
            "campaign",
            STATE_VERSION,
            {
                "gate": self._gate.state(),
                "waiting": [to_plain(rows) for rows in self._waiting],
                "book": self._book.state(),
                "baseline": self._baseline.state(),
                "strangeness": self._strangeness.snapshot(),
                "judgements": self.judgements.state(),
            },
        )

    def restore(self, data: bytes) -> None:
        """Put back what :meth:`snapshot` gave.

        Raises
        ------
        StateError
            If the bytes are damaged or of another version.
        """
        state = unpack("campaign", STATE_VERSION, data)
        self._gate.restore(state["gate"])
        self._waiting = [from_plain(rows, CohortColumns) for rows in state["waiting"]]
        self._book = Book(self._config)
        self._book.restore(state["book"])
        self._baseline.restore(state["baseline"])
        self._strangeness.restore(state["strangeness"])
        self.judgements.restore(state["judgements"])


def _canonical(rows: CohortColumns) -> NDArray[np.intp]:
    """An order of the cohorts that does not depend on which shard sent them."""
    return np.lexsort((rows.newcomers, rows.window_s, rows.object, rows.kind))
