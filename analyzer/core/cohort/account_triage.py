"""Single accounts worth a look: a day's volume far beyond the usual, and long answers.

A customer may well be heavy, so this is said at low severity, and apart from campaigns.
"""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from analyzer.core.cohort.models.triage import Triage
from analyzer.core.cohort.population import PROMPTED, REPEATED, REQUESTS
from analyzer.core.cohort.selection import Cohorts
from analyzer.core.cohort.window import Window
from analyzer.core.contracts.object_kind import Kind
from analyzer.core.kernels.matrix_sums import row_maxima

F64 = NDArray[np.float64]

HEAVIEST, SOME = 32, 64
"""Organisations looked at each time: those with most requests, and some by hash."""
LEAST_REQUESTS = 1_000
TIMES_USUAL = 150.0
LONGER = 1.5
"""Mean log output beyond the population's, in its deviations."""
FEW_TEMPLATES = 0.5
"""Share of requests on one template from which an account has one thing to do."""


def strange_accounts(window: Window, triage: Triage) -> tuple[Cohorts, F64] | None:
    """Organisations of the window that stand alone, as cohorts of one, and how strange each is.

    Named are those that the online model finds strange and that send at least 1,000 requests
    and 150 times the median, with answers 1.5 deviations longer than usual and half of their
    requests on one template.
    """
    if not window.n_active:
        return None
    totals = window.totals.astype(np.float64)
    requests = np.maximum(totals[:, REQUESTS], 1.0)
    z = window.deviation(window.log_output)
    times = totals[:, REQUESTS] / window.usual_requests
    work = window.usage(Kind.TEMPLATE).matrix
    most = row_maxima(work.indptr, work.data)
    focus = most / requests
    fresh = np.where(
        totals[:, PROMPTED] > 0, 1 - totals[:, REPEATED] / np.maximum(totals[:, PROMPTED], 1), 0.5
    )
    vectors = np.stack(
        [np.log10(np.maximum(times, 1.0)) / 4, 0.5 + z / 8, focus, fresh], axis=1
    ).clip(0.0, 1.0)
    heaviest, some = _looked_at(window)
    anomaly = triage.judge(vectors[heaviest])
    triage.learn(vectors[some])
    heavy = (totals[:, REQUESTS] >= LEAST_REQUESTS) & (times >= TIMES_USUAL)
    named = heavy & (z >= LONGER) & (focus >= FEW_TEMPLATES)
    kept = named[heaviest] & (anomaly > 0)
    if not kept.any():
        return None
    org = heaviest[kept]
    one_each = (totals[org, REQUESTS], (np.arange(len(org)), org))
    cohorts = Cohorts(
        window=window,
        key=window.of_orgs("key")[org],
        object=np.full(len(org), -1, np.int32),
        kind=np.full(len(org), int(Kind.ACCOUNT)),
        newcomers=np.zeros(len(org), np.int64),
        matrix=sp.csr_matrix(one_each, shape=(len(org), len(totals))),
    )
    return cohorts, anomaly[kept]


def _looked_at(window: Window) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The heaviest organisations, to be judged, and some of all sorts, to be learned from."""
    keys = window.of_orgs("key")
    heaviest = np.lexsort((keys, -window.totals[:, REQUESTS]))[:HEAVIEST]
    turn = np.uint64((window.pane * 0x9E3779B97F4A7C15) % 2**64)
    some = np.argsort(keys ^ turn, kind="stable")[:SOME]
    return heaviest, some
