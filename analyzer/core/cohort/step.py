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
from analyzer.core.cohort.catalog import measure_all
from analyzer.core.cohort.describe import describe, describe_accounts
from analyzer.core.cohort.fusion import Fusion
from analyzer.core.cohort.models.triage import Triage
from analyzer.core.cohort.population import Population
from analyzer.core.cohort.selection import Cohorts, find_cohorts
from analyzer.core.cohort.window import Window
from analyzer.core.config import CoreConfig
from analyzer.core.contracts.blocks import CohortBlock, PaneBlock, from_plain, to_plain
from analyzer.core.contracts.columns import CohortColumns, PaneColumns, concat, concat_cohorts
from analyzer.core.contracts.event_time import DAY_S
from analyzer.core.contracts.gate import Gate
from analyzer.core.contracts.snapshot_codec import pack, unpack
from analyzer.core.contracts.step import StepOutput, labelled

STATE_VERSION = 10
OnMeasured = Callable[[Cohorts, NDArray[np.float64], NDArray[np.float64]], None]
"""Is told the cohorts of each window with their features and scores, before they travel on."""
END_PANE = 2**40
"""A pane beyond this comes from a watermark at the end of time: the input has ended."""


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
        self._gate = Gate(sources)
        self._waiting: dict[int, dict[int, PaneColumns]] = {}
        """Pane → account shard → its rows, until every shard has sent the pane."""
        self._population = Population(config)
        self._fusion = Fusion.shipped()
        self._triage = Triage(config.seed)
        """Used by the first shard only."""
        self._reach = 0
        self.on_measured: OnMeasured | None = None

    def feed(self, block: PaneBlock) -> StepOutput[CohortBlock]:
        """Take the panes of one account shard; at most one block for the campaign step."""
        first = self._gate.take(block.source, block.start, block.stop)
        if first is None:
            return StepOutput()
        rows = block.rows if first == block.start else block.rows.between(first, block.stop)
        self._keep(block.source, rows)
        opened = self._gate.opened()
        if opened is None:
            return StepOutput()
        start, stop = opened
        before = Counter(self._population.refused)
        judged = concat_cohorts(self._count(start, stop))
        # All shards refuse the same; the first tells.
        refused = self._population.refused - before if self._shard == 0 else Counter[str]()
        made = [CohortBlock(self._shard, start, stop, judged)]
        return StepOutput(made, counts=labelled("refused", refused))

    def _keep(self, source: int, rows: PaneColumns) -> None:
        """Keep the rows of each pane until all account shards have sent it."""
        panes = np.unique(rows.org_pane).tolist()
        for pane in panes:
            own = rows if len(panes) == 1 else rows.between(pane, pane + 1)
            self._waiting.setdefault(pane, {})[source] = own
            self._reach = max(self._reach, pane + 1)

    def _count(self, start: int, stop: int) -> list[CohortColumns]:
        """Count panes ``[start, stop)`` and judge at every end of a window in ``(start, stop]``."""
        judged: list[CohortColumns] = []
        reached = start
        for pane in sorted(pane for pane in self._waiting if pane < stop):
            by_shard = self._waiting.pop(pane)
            rows = concat([by_shard[shard] for shard in sorted(by_shard)])
            judged += self._judge_between(reached, pane)
            self._population.advance(pane)
            self._population.ingest(pane, rows)
            reached = pane
        last = stop if stop < END_PANE else max(reached, self._reach)
        return judged + self._judge_between(reached, last)

    def _judge_between(self, after: int, until: int) -> list[CohortColumns]:
        """Judge at every end of a window in ``(after, until]``, while windows hold anything."""
        hop = min(window.hop_s for window in self._config.windows) // self._config.pane_s
        judged: list[CohortColumns] = []
        for pane in range((after // hop + 1) * hop, until + 1, hop):
            self._population.advance(pane)
            if self._population.empty:
                break
            judged += self._judge(pane)
        return judged

    def _judge(self, pane: int) -> list[CohortColumns]:
        population, config = self._population, self._config
        if (pane - population.first_pane) * config.pane_s < config.warmup_s:
            return []
        judged = []
        for number, span in enumerate(config.windows):
            if pane % (span.hop_s // config.pane_s) == 0:
                window = Window(config, population, number, pane)
                cohorts = find_cohorts(window, self._shard, self._shards)
                if cohorts is not None:
                    features = measure_all(cohorts)
                    score = self._fusion.score(features)
                    if self.on_measured is not None:
                        self.on_measured(cohorts, features, score)
                    hit = (score >= config.alert_threshold) & (cohorts.newcomers == 0)
                    population.remember_hits(cohorts.object[hit & (cohorts.object >= 0)], pane)
                    judged.append(describe(cohorts, features, score))
                if self._shard == 0 and span.length_s == DAY_S:
                    alone = strange_accounts(window, self._triage)
                    if alone is not None:
                        judged.append(describe_accounts(*alone))
        return judged

    def snapshot(self) -> bytes:
        """All state as bytes."""
        return pack(
            "cohort",
            STATE_VERSION,
            {
                "gate": self._gate.state(),
                "waiting": [
                    (pane, shard, to_plain(rows))
                    for pane, by_shard in self._waiting.items()
                    for shard, rows in by_shard.items()
                ],
                "population": self._population.state(),
                "triage": self._triage.snapshot(),
                "reach": self._reach,
            },
        )

    def restore(self, data: bytes) -> None:
        """Put back what :meth:`snapshot` gave.

        Raises
        ------
        StateError
            If the bytes are damaged or of another version.
        """
        state = unpack("cohort", STATE_VERSION, data)
        self._gate.restore(state["gate"])
        self._waiting = {}
        for pane, shard, rows in state["waiting"]:
            self._waiting.setdefault(pane, {})[shard] = from_plain(rows, PaneColumns)
        self._population = Population(self._config)
        self._population.restore(state["population"])
        self._triage.restore(state["triage"])
        self._reach = state["reach"]
