"""Hand-over: accounts that take over from one another, and accounts that come and go."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import orjson
import pytest
from numpy.typing import NDArray

from analyzer.core.cohort.selection import Cohorts
from analyzer.core.cohort.signals import hand_over
from analyzer.core.contracts.event_time import DAY_S
from analyzer.core.contracts.object_kind import Kind
from analyzer.testing.reference_run import run

F64 = NDArray[np.float64]
START_MS = 1_772_323_200_000
HOUR_MS = 3_600_000
PLACES, LIFE_H, HOURS = 6, 18, 72


def events(rng: np.random.Generator, *, pause_h: float) -> Iterator[tuple[int, bytes]]:
    """Three days of two hundred ordinary accounts, and of places held by one after another.

    ::

        place 1   ├─── a ───┤├─── b ───┤├─── c ───┤      pause_h = 0
        place 2      ├─── d ───┤├─── e ───┤├─── f ───┤
    """
    for account in range(200):
        for at in rng.uniform(0, HOURS, 30).tolist():
            yield event(f"usual-{account}", f"tpl-{account % 40}", at)
    for place in range(PLACES):
        begin, holder = rng.uniform(0, LIFE_H), 0
        while begin < HOURS:
            end = begin + LIFE_H
            for at in np.arange(begin, min(end, HOURS), 0.25).tolist():
                yield event(f"place-{place}-{holder}", "tpl-work", at)
            begin, holder = end + rng.uniform(0, 2 * pause_h), holder + 1


def event(account: str, template: str, at_h: float) -> tuple[int, bytes]:
    """One request at an hour after the start."""
    at_ms = START_MS + int(at_h * HOUR_MS)
    fields = {"account_id": account, "prompt_template_id": template, "timestamp_ms": at_ms}
    usual = {"model": "m", "input_tokens": 9, "output_tokens": 9, "status": "ok"}
    return at_ms, orjson.dumps(fields | usual | {"event_id": f"{account}:{at_ms}"})


def measured(seed: int, *, pause_h: float) -> float:
    """The signal of the cohort on the common work in the last three days."""
    found = [np.nan]

    def keep(cohorts: Cohorts, _features: F64, _score: F64) -> None:
        templates = np.flatnonzero(cohorts.kind == Kind.TEMPLATE)
        names = cohorts.window.population.object_texts(cohorts.object[templates])
        mine = np.isin(np.arange(len(cohorts)), templates[np.array(names) == "tpl-work"])
        if cohorts.window.length_s == 3 * DAY_S and mine.any():
            found[0] = float(hand_over.measure(cohorts)[mine][0])

    lines = [line for _, line in sorted(events(np.random.default_rng(seed), pause_h=pause_h))]
    run(lines, on_measured=keep)
    return found[0]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_who_takes_over_at_once_is_seen(seed: int) -> None:
    """Within the hour; the same work with a pause of half a day on average is none."""
    assert measured(seed, pause_h=0.1) >= 0.35
    assert measured(seed, pause_h=6) < 0.35
