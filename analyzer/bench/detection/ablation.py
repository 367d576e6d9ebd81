"""What each family of signals is worth: the same cohorts decided again without it.

Signals are measured once. Behind the cohort step, one campaign step more per family takes the
same blocks with the family's columns unknown (NaN), which is also what a cohort looks like when
the traffic lacks those fields. Cohorts that travel without members (scored below 0.2 with all
families) stay so; without ``against``, which only lowers scores, the figures are therefore a
bound.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from analyzer.core.cohort.catalog import FAMILIES
from analyzer.core.config import CoreConfig
from analyzer.core.contracts.blocks import CohortBlock
from analyzer.core.contracts.records import Record
from analyzer.core.contracts.step import StepOutput
from analyzer.core.pipeline import KINDS, Sharding, feed

EVERY_FAMILY = tuple(dict.fromkeys(FAMILIES))


class Beside:
    """How the steps of a pipeline are fed (a ``Call``), with a campaign step more per family.

    Parameters
    ----------
    dropped
        Families to leave out, one at a time.
    """

    def __init__(self, config: CoreConfig, dropped: tuple[str, ...]) -> None:
        self.records: dict[str, list[Record]] = {family: [] for family in dropped}
        """What was decided without each family."""
        self._others = {family: KINDS["campaign"].make(config, Sharding(), 0) for family in dropped}

    def __call__(self, name: str, step: Any, block: Any) -> StepOutput[Any]:
        """Feed as always; what goes to the campaign step goes to the others too."""
        if name == "campaign":
            for family, other in self._others.items():
                dropped = without(block, family) if isinstance(block, CohortBlock) else block
                self.records[family] += other.feed(dropped).made
        return feed(name, step, block)


def without(block: CohortBlock, family: str) -> CohortBlock:
    """The block with the columns of one family unknown."""
    if not len(block.rows.pane):
        return block
    features = block.rows.features.copy()
    features[:, np.array([name == family for name in FAMILIES])] = np.nan
    return replace(block, rows=replace(block.rows, features=features))
