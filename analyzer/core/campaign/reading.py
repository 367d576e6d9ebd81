"""Readings: each open campaign measured at the end of each window, and what kind that makes it."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from analyzer.core.campaign.baseline import Baseline
from analyzer.core.campaign.campaign_state import Campaign, Reading
from analyzer.core.campaign.kind import decide_kind, held_back
from analyzer.core.campaign.linker import Registry
from analyzer.core.campaign.measure import FEATURES, cohorts_of, measure
from analyzer.core.campaign.models.kind_learner import KindLearner
from analyzer.core.campaign.thinning import FEWEST
from analyzer.core.cohort.catalog import NAMES
from analyzer.core.cohort.selection import Cohorts
from analyzer.core.cohort.window import Window
from analyzer.core.config import CoreConfig
from analyzer.core.contracts.calibration import strata_of_groups

F64 = NDArray[np.float64]


class Reader:
    """Measures campaigns; every reading is of all members, in one window."""

    def __init__(self, config: CoreConfig, kinds: KindLearner, baseline: Baseline) -> None:
        self._config, self._kinds, self._baseline = config, kinds, baseline
        self.unknown: frozenset[str] = frozenset()
        """Features to leave out, as if nothing were known of them; none, but for an ablation."""

    def read(self, registry: Registry, due: list[Window], pane: int) -> None:
        """Measure every open group of enough active members in each window that ends here."""
        for window in due:
            found, members = [], []
            campaigns = [*registry.open("group"), *registry.open("inside")]
            of_each = window.numbers_of_each([campaign.members.key for campaign in campaigns])
            for campaign, numbers in zip(campaigns, of_each, strict=True):
                if len(numbers) >= FEWEST:
                    found.append(campaign)
                    members.append(numbers)
            if found:
                self._measure(found, cohorts_of(window, members), pane)
        model = self._kinds.model
        classes = dict(zip(model.kinds, model.classes, strict=True))
        scale = dict(zip(FEATURES, model.scale.tolist(), strict=True))
        for campaign in registry.open("group"):
            before = campaign.state.kind
            decide_kind(campaign.state, pane, self._config, classes, scale)
            if campaign.state.kind != before or campaign.state.revision == 0:
                registry.touched[campaign.id] = None

    def _measure(self, campaigns: list[Campaign], groups: Cohorts, pane: int) -> None:
        window = groups.window
        features = measure(groups)
        features[:, [name in self.unknown for name in FEATURES]] = np.nan
        model = self._kinds.model
        probabilities = model.probabilities(features, window.length_s)
        sure = held_back(features, model.extraction(probabilities))
        usual, _ = self._baseline.usual(strata_of_groups(groups.size))
        since = groups.total((window.pane - window.of_orgs("first_pane")).astype(np.float64))
        known_s = since / groups.size * self._config.pane_s
        means = [dict(zip(NAMES, row, strict=True)) for row in usual.tolist()]
        kinds = probabilities.round(6).tolist()
        for row, (campaign, values) in enumerate(zip(campaigns, features.tolist(), strict=True)):
            campaign.state.readings[window.length_s] = Reading(
                pane=pane,
                window_s=window.length_s,
                features={n: v for n, v in zip(FEATURES, values, strict=True) if not math.isnan(v)},
                usual=means[row],
                facts={
                    "organisations": float(groups.size[row]),
                    "requests": float(groups.requests[row]),
                    "known_s": float(known_s[row]),
                },
                kinds=dict(zip(model.kinds, kinds[row], strict=True)),
                extraction=float(sure[row]),
            )
