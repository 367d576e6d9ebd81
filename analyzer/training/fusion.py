"""The weights of the fusion, fitted to cohorts of simulated worlds.

Two non-negative logistic models (with and without identity). A cohort is positive if at least
70 % of its organisations belong to one extraction campaign and negative if less than 20 % do;
mixtures are left out, and so is what one hand runs that extracts nothing (pools, fleets,
agencies): it is coordinated, and the kinds tell it apart by what is measured of the whole group.
Every (group, window, kind) weighs the same. A ridge holds the weights near 1.5, so that no signal
of this simulator is trusted alone. The bias is set so that a stated share of innocent cohorts
passes one half: the fusion is a door, and error control and kinds stand behind it.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from analyzer.core.cohort.catalog import AGAINST, FAMILIES, NAMES
from analyzer.core.cohort.fusion import FAMILIES_NEEDED, SIGNS, strong_families
from analyzer.simulate import generate
from analyzer.training.cohorts import ONE_HAND, Cohort, cohorts_of

F64 = NDArray[np.float64]
Bool = NDArray[np.bool_]

VERSION = "fit-3"
CAMPAIGNS = (
    "plain", "evasive", "residential", "burst", "churn", "pivot", "embedded_in_reseller",
    "viral_cover", "fragmented_templates", "hydra", "low_and_slow",
)  # fmt: skip
INNOCENT = ("quiet", "viral", "campus", "course", "reseller")
SEEDS = (1,)
SCALE = 0.25
PURE, MIXED = 0.7, 0.2
RIDGE, TOWARDS = 0.02, 1.5
PASSES = 0.002
"""Share of innocent cohorts that each model lets pass. A share, for the greatest score of all is
one draw of chance, and moves the bias by whole nats from fit to fit."""
LEAST, MOST = 0.3, 8.0


def fitted_fusion(seeds: Sequence[int] = SEEDS, scale: float = SCALE) -> str:
    """The text of ``fusion.json``, from these worlds."""
    rows = [
        (f"{scenario}-{seed}", row)
        for scenario in (*CAMPAIGNS, *INNOCENT)
        for seed in seeds
        for row in cohorts_of(generate(scenario, seed, scale=scale))
    ]
    return text_of(rows)


def text_of(rows: Iterable[tuple[str, Cohort]]) -> str:
    """The text of ``fusion.json`` from cohorts, each with the name of its world."""
    kept = [(world, row) for world, row in rows if _tells(row)]
    x = np.nan_to_num(np.array([row.features for _, row in kept]))
    y = np.array([row.extraction >= PURE for _, row in kept])
    sorts = [(world, row.group, row.window_s, row.kind) for world, row in kept]
    counts = Counter(sorts)
    weight = np.array([1 / counts[sort] for sort in sorts])
    eligible = strong_families(x) >= FAMILIES_NEEDED
    identity = np.array([family in {"identity", "client"} for family in FAMILIES])
    models = []
    for use in (np.ones(len(NAMES), np.bool_), ~identity):
        weights = np.round(_weights(x, y, weight, use), 1)
        bias = -_passed_by(((x * SIGNS) @ weights)[~y], eligible[~y], weight[~y])
        named = {n: float(w) for n, w in zip(NAMES, weights, strict=True) if w}
        models.append({"bias": round(bias, 1), "weights": named})
    return json.dumps({"version": VERSION, "models": models}, indent=2) + "\n"


def _tells(row: Cohort) -> bool:
    """Whether a cohort is clearly extraction, or clearly not coordinated."""
    if row.extraction >= PURE:
        return True
    return row.extraction < MIXED and row.group.split(":")[0] not in ONE_HAND


def _passed_by(raw: F64, eligible: Bool, weight: F64) -> float:
    """What :data:`PASSES` of these cohorts exceed, among those that can pass at all."""
    order = np.argsort(-raw[eligible])
    beyond = np.cumsum(weight[eligible][order])
    first = int(np.searchsorted(beyond, PASSES * weight.sum(), side="right"))
    return float(raw[eligible][order[min(first, len(order) - 1)]])


def _weights(x: F64, y: Bool, weight: F64, use: Bool) -> F64:
    """Non-negative weights of one model; 0 where a signal is not used."""
    signed = x * SIGNS * use
    weight = np.where(y, weight / weight[y].sum(), weight / weight[~y].sum())
    target = np.where(y, 1.0, -1.0)

    def loss(p: F64) -> tuple[float, F64]:
        margin = target * (signed @ p[:-1] + p[-1])
        value = float((weight * np.logaddexp(0, -margin)).sum())
        slope = -weight * target / (1 + np.exp(margin))
        gradient = np.append(signed.T @ slope + RIDGE * (p[:-1] - TOWARDS), slope.sum())
        return value + RIDGE / 2 * float(((p[:-1] - TOWARDS) ** 2).sum()), gradient

    against = [family == AGAINST for family in FAMILIES]
    least = [0.0 if a else LEAST for a in against]
    bounds = [(low, MOST) if u else (0.0, 0.0) for u, low in zip(use, least, strict=True)]
    start = np.append(use * TOWARDS, -3.0)
    found = minimize(loss, start, jac=True, bounds=[*bounds, (-20, 20)], method="L-BFGS-B")
    return np.asarray(found.x[:-1] * use)
