"""``analyzer fit``: the same worlds give the same weights, and what it writes can be read."""

from __future__ import annotations

import dataclasses
import functools
from collections import Counter
from pathlib import Path

import numpy as np
import orjson
import pytest
from click.testing import CliRunner

from analyzer.core.cohort.catalog import AGAINST, FAMILIES, NAMES
from analyzer.core.contracts.calibration import Calibration
from analyzer.errors import UsageError
from analyzer.simulate import generate
from analyzer.training.calibration import INNOCENT, fitted_calibration
from analyzer.training.cohorts import Cohort, cohorts_of, coordinated
from analyzer.training.command import fit
from analyzer.training.fusion import text_of
from analyzer.training.readings import label_of


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
    assert {"campaign", "course", "object"} <= groups
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


@pytest.mark.parametrize("label", ["reseller_pool", "customer_fleet", "agency"])
def test_what_one_hand_runs_is_no_example_of_innocence(label: str) -> None:
    """A pool that shows every signal moves neither weights nor bias."""
    strongest = np.where([family == AGAINST for family in FAMILIES], 0.0, 1.0)
    row = Cohort(strongest, f"{label}:1", 0.0, 86_400, 1)
    assert text_of([*rows(), ("a world", row)]) == text_of(rows())
    innocent = dataclasses.replace(row, group="office_nat:1")
    assert text_of([*rows(), ("a world", innocent)]) != text_of(rows())


def test_who_is_run_by_one_hand() -> None:
    """Accounts of operations and pools, and of fleets and agencies; of no class, say."""
    labels = generate("quiet", 3, scale=0.1, days=2.0).labels
    groups = {item["type"]: item["accounts"] for item in labels["lookalikes"]}
    found = coordinated(labels)
    assert found == sorted(set(found))
    assert {*groups["customer_fleet"], *groups["agency"]} <= set(found)
    assert {*labels["campaigns"][0]["accounts"]} <= set(found)
    assert not {*groups["class"]} & set(found)


@pytest.mark.parametrize(
    ("votes", "label", "right"),
    [
        ({"campaign:3": 80, "reseller:1": 20}, "reseller:1", 100),
        ({"campaign:3": 95, "reseller:1": 5}, "campaign:3", 95),
        ({"campaign:3": 80, "course:1": 20}, "campaign:3", 80),
        ({"campaign:3": 20, "router:1": 80}, "router:1", 80),
        ({}, "none", 0),
    ],
)
def test_a_pool_with_an_operation_inside_is_the_pool(
    votes: dict[str, int], label: str, right: int
) -> None:
    """However many of its accounts the operation has; a few customers make no pool."""
    assert label_of(Counter(votes)) == (label, right)


def test_a_calibration_from_small_worlds_is_a_calibration() -> None:
    """It names its signals; twice the same."""
    first, second = (fitted_calibration((4,), 0.05, 2.0) for _ in range(2))
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
