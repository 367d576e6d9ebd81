"""Judged cohorts as they travel to the campaign step: vectors, figures and members."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from analyzer.core.cohort.catalog import NAMES
from analyzer.core.cohort.selection import Cohorts
from analyzer.core.contracts.cohort_columns import FACTS, CohortColumns

F64 = NDArray[np.float64]

SHOWN = 0.2
"""Cohorts that score less travel without members: nothing will be made of them."""


def describe(cohorts: Cohorts, features: F64, score: F64) -> CohortColumns:
    """Columns of these cohorts; members only where the score is worth it."""
    window = cohorts.window
    n = len(cohorts)
    facts = np.stack(
        [
            cohorts.size,
            cohorts.requests,
            cohorts.requests_on_object,
            cohorts.requests / cohorts.size / window.usual_requests,
            np.full(n, np.nan),
        ],
        axis=1,
    )
    members = cohorts.matrix
    size = np.diff(members.indptr)
    shown = np.repeat(score >= SHOWN, size)
    return CohortColumns(
        pane=np.full(n, window.pane - 1),
        kind=cohorts.kind,
        object=cohorts.key,
        window_s=np.full(n, window.length_s),
        newcomers=cohorts.newcomers,
        features=features,
        facts=facts,
        member_row=np.repeat(np.arange(n), size)[shown],
        member_org=window.of_orgs("key")[members.indices[shown]],
    )


def describe_accounts(accounts: Cohorts, anomaly: F64) -> CohortColumns:
    """Columns of cohorts of one; no signal is known of these."""
    unknown = np.full((len(accounts), len(NAMES)), np.nan)
    columns = describe(accounts, unknown, np.ones(len(accounts)))
    columns.facts[:, FACTS.index("anomaly")] = anomaly
    return columns
