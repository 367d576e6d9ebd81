"""The operator who adapts: what he tries is what he can pay for, and the world runs it."""

from __future__ import annotations

import numpy as np
import pytest

from analyzer.bench.detection.adversary import (
    ANSWERS,
    BUDGET,
    DAY_H,
    DAYS,
    changed,
    cost_of,
    drawn,
)
from analyzer.simulate.economy import economy
from analyzer.simulate.economy.styles import Style


def answers(style: Style) -> float:
    """Answers that are neither cover nor repeats."""
    sent = style.n * style.per_day * (DAYS - style.start_h / DAY_H)
    return sent * (1 - style.camo) * (1 - style.repeats)


@pytest.mark.parametrize("seed", range(20))
def test_every_attempt_brings_the_same_answers_within_the_budget(seed: int) -> None:
    """However many choices are made anew."""
    rng = np.random.default_rng(seed)
    style = drawn(rng)
    for _ in range(5):
        assert answers(style) == pytest.approx(ANSWERS)
        assert cost_of(style) <= BUDGET
        other = changed(rng, style)
        assert other != style
        style = other


def test_a_world_runs_the_styles_that_it_is_given() -> None:
    """These operations and no others, among the same innocents."""
    style = drawn(np.random.default_rng(3))
    world = economy(5_001, 300, 3.0, styles=(style,))
    [operation] = world.operations
    assert operation.style == style
    assert not economy(5_001, 300, 3.0, styles=()).operations
