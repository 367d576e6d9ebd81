"""``analyzer fit``: the same worlds give the same weights, and what it writes can be read."""

from __future__ import annotations

import functools
from pathlib import Path

import orjson
import pytest
from click.testing import CliRunner

from analyzer.core.cohort.catalog import AGAINST, FAMILIES, NAMES
from analyzer.core.contracts.calibration import Calibration
from analyzer.errors import UsageError
from analyzer.simulate import generate
from analyzer.training.calibration import INNOCENT, fitted_calibration
from analyzer.training.cohorts import Cohort, cohorts_of
from analyzer.training.command import fit
from analyzer.training.fusion import text_of


@functools.cache
def rows() -> tuple[tuple[str, Cohort], ...]:
    """Cohorts of two small worlds, one with a campaign."""
    return tuple(
        (scenario, row)
        for scenario in ("plain", "campus")
        for row in cohorts_of(generate(scenario, 3, scale=0.1, days=2.0))
    )


def test_cohorts_know_what_they_are() -> None:
    """Some are the campaign, most are not; look-alikes are named."""
    groups = {row.group.split(":")[0] for _, row in rows()}
    assert {"campaign", "look", "object"} <= groups
    assert any(row.extraction >= 0.7 for _, row in rows())
    assert all(0 <= row.extraction <= 1 for _, row in rows())


def test_the_same_cohorts_give_the_same_weights() -> None:
    """Whatever their order; every signal is named, none below what a family must weigh."""
    text = text_of(rows())
    assert text_of(rows()) == text
    both, without_identity = orjson.loads(text)["models"]
    weighed = {name for name, family in zip(NAMES, FAMILIES, strict=True) if family != AGAINST}
    assert weighed <= both["weights"].keys()
    assert "payment_sharing" not in without_identity["weights"]
    assert min(both["weights"][name] for name in weighed) >= 0.3


def test_a_calibration_from_small_worlds_is_a_calibration() -> None:
    """It names its signals; twice the same."""
    first, second = (fitted_calibration((4,), 0.15) for _ in range(2))
    assert first == second
    assert Calibration.model_validate_json(first).signals == NAMES
    assert "quiet" in INNOCENT


@pytest.mark.parametrize("line", [["fusion"], ["--check", "weights"]])
def test_wrong_use_says_what_to_do(line: list[str]) -> None:
    """Nothing to do, or nothing of that name."""
    result = CliRunner().invoke(fit, line)
    assert isinstance(result.exception, UsageError)
    assert "give" in str(result.exception)


def test_what_is_fitted_is_installed() -> None:
    """Every file of the list is there."""
    from analyzer.training.catalog import FITTED

    assert all(Path(fitted.file).exists() for fitted in FITTED)
