"""What each family of signals is worth: the same cohorts decided again without it.

Signals are measured once. Behind the cohort step, one campaign step more per family takes the
same blocks with the family's columns unknown (NaN), which is also what a cohort looks like when
the traffic lacks those fields. Cohorts that travel without members (scored below 0.2 with all
families) stay so; without ``against``, which only lowers scores, the figures are therefore a
bound.
"""

from __future__ import annotations

from dataclasses import replace

import msgspec
import numpy as np

from analyzer.core.campaign.step import CampaignStep
from analyzer.core.cohort.catalog import FAMILIES
from analyzer.core.cohort.describe import CohortNote
from analyzer.core.config import CoreConfig
from analyzer.core.contracts.blocks import CohortBlock
from analyzer.core.contracts.records import Record

EVERY_FAMILY = tuple(dict.fromkeys(FAMILIES))
_NO_NOTE = msgspec.json.encode(CohortNote("", [], [], [], [])).decode()


class Beside(CampaignStep):
    """The campaign step as shipped, and beside it one more per family left out.

    Parameters
    ----------
    dropped
        Families to leave out, one at a time.
    """

    def __init__(self, config: CoreConfig, dropped: tuple[str, ...]) -> None:
        super().__init__(config, sources=1)
        self.records: dict[str, list[Record]] = {family: [] for family in dropped}
        self._others = {family: CampaignStep(config, sources=1) for family in dropped}

    def feed(self, block: CohortBlock) -> list[Record]:
        """Records as shipped; those of the others are kept in :attr:`records`."""
        for family, step in self._others.items():
            self.records[family] += step.feed(without(block, family))
        return super().feed(block)


def without(block: CohortBlock, family: str) -> CohortBlock:
    """The block with the columns of one family unknown."""
    if not len(block.rows.pane):
        return block
    features = block.rows.features.copy()
    features[:, np.array([name == family for name in FAMILIES])] = np.nan
    note = [text or _NO_NOTE for text in block.rows.note]
    return replace(block, rows=replace(block.rows, features=features, note=note))
