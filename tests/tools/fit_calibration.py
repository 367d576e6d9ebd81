"""Fit the calibration that ships with the package to simulated innocent worlds.

    python tests/tools/fit_calibration.py OUT.json SEED…

Each seed gives one world of every innocent scenario, at full size. A reseller's pool is no
innocent cohort: its accounts are labelled, and left out as ``analyzer calibrate`` leaves out
what people call guilty.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

from analyzer.core.cohort.catalog import NAMES
from analyzer.core.cohort.fusion import Fusion
from analyzer.core.config import CoreConfig
from analyzer.core.contracts.calibration import Calibration, Stratum
from analyzer.core.contracts.columns import CohortColumns, concat_cohorts
from analyzer.core.contracts.feedback import Feedback, Target
from analyzer.core.pipeline import Pipeline
from analyzer.replay.calibrate import History, calibration_of
from analyzer.simulate import generate
from analyzer.simulate.world import Labels
from analyzer.testing.reference_run import raw_batch

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
BATCH = 50_000


def verdicts(labels: Labels) -> list[Feedback]:
    """The truth about every account of a pool or campaign."""
    accounts = sorted({name for group in labels["campaigns"] for name in group["accounts"]})
    return [
        Feedback(name, Target("account", name), "true_positive", "simulated", "simulator", 0)
        for name in accounts
    ]


def cohorts_of(scenario: str, seed: int) -> CohortColumns:
    """Innocent cohorts of one world."""
    config = CoreConfig(calibration=NOTHING_KNOWN)
    world = generate(scenario, seed)
    history = History()
    pipeline = Pipeline(config, call=history)
    lines = list(world.lines())
    for start in range(0, len(lines), BATCH):
        pipeline.feed(0, raw_batch(lines[start : start + BATCH], start))
    pipeline.finish()
    found = history.innocent(pipeline.campaign.campaigns, verdicts(world.labels))
    # Worlds use the same blocks and clients, which are other objects in each of them.
    own = np.uint64(2 * (seed * len(INNOCENT) + INNOCENT.index(scenario)) + 1)
    return replace(found, object=found.object * own)


def main(out: str, *seeds: str) -> None:
    """Simulate, leave out, fit, write."""
    worlds = [cohorts_of(scenario, int(seed)) for seed in seeds for scenario in INNOCENT]
    found = calibration_of(concat_cohorts(worlds))
    Path(out).write_text(found.model_dump_json() + "\n", "utf-8")
    for stratum in found.strata:
        print(
            f"{stratum.kind:9} newcomers {stratum.newcomers} size {stratum.size:3} "
            f"objects {stratum.objects:6} suspicion {stratum.suspicion:.3g}"
        )


if __name__ == "__main__":
    main(*sys.argv[1:])
