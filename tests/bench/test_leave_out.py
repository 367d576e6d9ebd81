"""Leaving out: a kind that the fit never saw is judged by what its readings show."""

from __future__ import annotations

import numpy as np
import pytest

from analyzer.bench.detection.leave_out import Judged, Seen, judge_all, tell
from analyzer.core.campaign.measure import FEATURES
from analyzer.core.contracts.event_time import DAY_S
from analyzer.training.kinds import kinds_and_groups, rows_of
from analyzer.training.readings import Readings

WORLDS = ("economy-1", "economy-2", "plain-1", "plain-2")
HOP = 12
EVIDENCE = {
    "client_homogeneity": 0.9, "private_blocks": 0.9, "thinning": 0.0, "thinning_others": -1.0,
    "entanglement": 0.9, "rotation": 0.9, "narrowness": 0.9, "hand_over": 0.9, "all_repeat": -0.05,
}  # fmt: skip
KINDS = {
    "campaign:0": EVIDENCE,
    "course#0": {"repeated_items": 0.9, "all_repeat": 0.6, "one_block": 0.8},
    "vendor#0": EVIDENCE | {"thinning": 2.0, "thinning_others": 0.0},
}
"""What each group shows; the vendor's users show all that an operation does, but no one stream."""


def readings() -> Readings:
    """Four worlds, with a group of each kind, six readings each."""
    made, rng = Readings(), np.random.default_rng(1)
    for world in WORLDS:
        for label, shown in KINDS.items():
            for number in range(6):
                made.add(
                    world=world, group=f"c-{label}", found=True, label=label, purity=1.0,
                    pane=1_000 + HOP * number, age=100 + HOP * number, window_s=DAY_S, size=50,
                    hits=50, features=_vector(rng, shown),
                )  # fmt: skip
    return made


def _vector(rng: np.random.Generator, shown: dict[str, float]) -> np.ndarray:
    return np.array([shown.get(n, 0.1) + rng.normal(0, 0.03) for n in FEATURES])


@pytest.fixture(name="table", scope="module")
def _table() -> dict[str, Judged]:
    made = readings()
    styles = {(world, "campaign:0"): "pool" for world in WORLDS}
    seen = Seen(made, *kinds_and_groups(made, styles))
    return {judged.left_out: judged for judged in judge_all(seen, rows_of(made, styles))}


def test_who_is_unlike_an_operation_is_left_alone(table: dict[str, Judged]) -> None:
    """Though the fit knows nothing of it."""
    course = table["course"]
    assert (course.worlds, course.groups, course.said, course.unguarded) == (4, 4, 0, 0)


def test_the_guard_holds_whom_the_model_would_accuse(table: dict[str, Judged]) -> None:
    """Who looks like an operation to a model that never saw them, and is none."""
    vendor = table["vendor"]
    assert vendor.unguarded == 4
    assert (vendor.said, vendor.worlds_said) == (0, 0)


def test_a_generator_is_judged_by_the_other(table: dict[str, Judged]) -> None:
    """Operations are found, innocents left alone, in each by kinds fitted to the other."""
    for name in ("economies", "scenarios"):
        assert table[f"{name}, operations"].said == 2
        assert table[f"{name}, innocents"].said == 0
    assert len(tell([*table.values()])) == 1 + len(table)
