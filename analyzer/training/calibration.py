"""The calibration that ships with the package, fitted to simulated innocent worlds.

Each seed gives one world of every innocent scenario, at full size. What one hand runs is no cohort
of accounts that have nothing to do with each other: pools, fleets and agencies are labelled, and
left out as ``analyzer calibrate`` leaves out what people call guilty.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from analyzer.core.cohort.catalog import NAMES
from analyzer.core.cohort.fusion import Fusion
from analyzer.core.config import CoreConfig
from analyzer.core.contracts.calibration import Calibration, Stratum
from analyzer.core.contracts.cohort_columns import CohortColumns, concat_cohorts
from analyzer.core.contracts.feedback import Feedback, Target
from analyzer.core.pipeline import Pipeline
from analyzer.replay.calibrate import History, calibration_of
from analyzer.replay.lines import raw_batch
from analyzer.simulate import generate
from analyzer.simulate.world import Labels
from analyzer.training.cohorts import coordinated

NOTHING_KNOWN = Calibration(
    version="calibration-1",
    fusion=Fusion.shipped().version,
    signals=NAMES,
    strata=(
        Stratum(
            kind="template",
            newcomers=0,
            size=8,
            objects=1,
            suspicion=1.0,
            mean=(None,) * len(NAMES),
            high=(None,) * len(NAMES),
        ),
    ),
)
"""To begin with, so that the fit does not depend on the one before, nor on its signals."""
INNOCENT = ("quiet", "viral", "campus", "course", "reseller")
SEEDS = (1, 2, 3, 4, 5)
BATCH = 50_000


def fitted_calibration(
    seeds: Sequence[int] = SEEDS, scale: float = 1.0, days: float | None = None
) -> str:
    """The text of ``calibration.json``, from these worlds; ``days``: each one's own if None."""
    worlds = [cohorts_of(scenario, seed, scale, days) for seed in seeds for scenario in INNOCENT]
    return calibration_of(concat_cohorts(worlds)).model_dump_json() + "\n"


def cohorts_of(scenario: str, seed: int, scale: float, days: float | None) -> CohortColumns:
    """Innocent cohorts of one world."""
    world = generate(scenario, seed, scale=scale, days=days)
    history = History()
    pipeline = Pipeline(CoreConfig(calibration=NOTHING_KNOWN), call=history)
    lines = list(world.lines())
    for start in range(0, len(lines), BATCH):
        pipeline.feed(0, raw_batch(lines[start : start + BATCH], start))
    pipeline.finish()
    found = history.benign(pipeline.campaign, verdicts(world.labels))
    # Worlds use the same blocks and clients, which are other objects in each of them.
    own = np.uint64(2 * (seed * len(INNOCENT) + INNOCENT.index(scenario)) + 1)
    return replace(found, object=found.object * own)


def verdicts(labels: Labels) -> list[Feedback]:
    """The truth about every account that one hand runs with others."""
    return [
        Feedback(name, Target("account", name), "true_positive", "simulated", "simulator", 0)
        for name in coordinated(labels)
    ]
