"""Step 3, one per cohort shard: panes of all organisations become judged cohorts.

Every shard sees every row, because a null model needs what the members do *elsewhere*; each
shard judges only the objects that fall to it. Rows are counted in one canonical order, so
that all shards remember exactly the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from analyzer.core.cohort.account_triage import strange_accounts
from analyzer.core.cohort.catalog import NAMES, measure_all
from analyzer.core.cohort.describe import describe, describe_accounts
from analyzer.core.cohort.fusion import Fusion
from analyzer.core.cohort.models.triage import Triage
from analyzer.core.cohort.selection import Cohorts, find_cohorts
from analyzer.core.cohort.window import Window
from analyzer.core.cohort.window_feed import WindowFeed
from analyzer.core.config import CoreConfig
from analyzer.core.contracts.blocks import CohortBlock, PaneBlock
from analyzer.core.contracts.cohort_columns import CohortColumns, concat_cohorts
from analyzer.core.contracts.event_time import DAY_S
from analyzer.core.contracts.snapshot_codec import pack, restoring, unpack
from analyzer.core.contracts.step import StepOutput, labelled

STATE_VERSION = 13
OnMeasured = Callable[[Cohorts, NDArray[np.float64], NDArray[np.float64]], None]
"""Is told the cohorts of each window with their features and scores, before they travel on."""


class CohortStep:
    """Counts sealed panes and judges cohorts where a window ends.

    Parameters
    ----------
    shard, shards
        Which of the cohort shards this is.
    sources
        Number of account shards; a pane is counted once all have sent it.
    """

    def __init__(self, config: CoreConfig, *, shard: int, shards: int, sources: int) -> None:
        self._config = config
        self._shard, self._shards = shard, shards
        self.windows = WindowFeed(config, sources=sources)
        self._fusion = Fusion.shipped()
        self._triage = Triage(config.seed)
        """Used by the first shard only."""
        self.on_measured: OnMeasured | None = None

    def feed(self, block: PaneBlock) -> StepOutput[CohortBlock]:
        """Take the panes of one account shard; a block for each end of a window, and the rest."""
        self.windows.take(block)
        start, stop = self.windows.done, self.windows.ready
        if stop <= start:
            return StepOutput()
        before = Counter(self.windows.population.refused)
        made = []
        for pane in self.windows.advance(stop):
            judged = concat_cohorts(self._judge(pane))
            made.append(CohortBlock(self._shard, start, pane, judged, list(NAMES)))
            start = pane
        if start < stop:
            made.append(CohortBlock(self._shard, start, stop, signals=list(NAMES)))
        refused = self.windows.population.refused - before
        # All shards refuse the same; the first tells.
        counts = labelled("refused", refused if self._shard == 0 else Counter())
        counts["cohorts", ""] = sum(len(block.rows.pane) for block in made)
        return StepOutput(made, counts=counts)

    def _judge(self, pane: int) -> list[CohortColumns]:
        if not self.windows.warm:
            return []
        judged = []
        for window in self.windows.due(pane):
            cohorts = find_cohorts(window, self._shard, self._shards)
            if cohorts is not None:
                features = measure_all(cohorts)
                score = self._fusion.score(features)
                if self.on_measured is not None:
                    self.on_measured(cohorts, features, score)
                hit = (score >= self._config.alert_threshold) & (cohorts.newcomers == 0)
                objects = cohorts.object[hit & (cohorts.object >= 0)]
                self.windows.population.remember_hits(objects, pane)
                judged.append(describe(cohorts, features, score))
            judged += self._alone(window)
        return judged

    def _alone(self, window: Window) -> list[CohortColumns]:
        """Single accounts worth a look, told by the first shard once a day's window ends."""
        if self._shard or window.length_s != DAY_S:
            return []
        alone = strange_accounts(window, self._triage)
        return [describe_accounts(*alone)] if alone is not None else []

    def snapshot(self) -> bytes:
        """All state as bytes."""
        state = {"windows": self.windows.state(), "triage": self._triage.snapshot()}
        return pack("cohort", STATE_VERSION, state)

    @restoring("cohort")
    def restore(self, data: bytes) -> None:
        """Put back what :meth:`snapshot` gave.

        Raises
        ------
        StateError
            If the bytes are damaged or of another version.
        """
        state = unpack("cohort", STATE_VERSION, data)
        self.windows.restore(state["windows"])
        self._triage.restore(state["triage"])
