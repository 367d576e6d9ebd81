"""What would have changed a verdict is asked of the same model and guard, and is so."""

from __future__ import annotations

import numpy as np
import pytest

from analyzer.core.campaign.campaign_state import Campaign, CampaignState, Reading
from analyzer.core.campaign.kind import EXTRACTION, SAID
from analyzer.core.campaign.measure import FEATURES
from analyzer.core.campaign.models.kind_model import KindModel
from analyzer.core.campaign.verdict import verdict_of
from analyzer.core.contracts.event_time import DAY_S
from analyzer.core.contracts.records import AlertKind

MODEL = KindModel.shipped()
OPERATION = {
    "balance": 0.9, "entanglement": 1.0, "client_homogeneity": 1.0, "payment_sharing": 1.0,
    "narrowness": 1.0, "work_queue": 1.0, "output_length": 1.0, "creation_scan": 1.0,
    "thinning": 0.0, "thinning_others": -1.0, "diversity": -0.5,
}  # fmt: skip


def campaign(kind: AlertKind, features: dict[str, float]) -> Campaign:
    """A campaign of sixty, measured once with these features."""
    made = Campaign(CampaignState("c", "group", opened_pane=0, last_pane=9, kind=kind))
    made.members.add(np.arange(1, 61, dtype=np.uint64), 0, hits=3)
    vector = np.array([[features.get(name, np.nan) for name in FEATURES]])
    sure = float(MODEL.extraction(MODEL.probabilities(vector, DAY_S))[0])
    made.state.readings = {
        DAY_S: Reading(9, DAY_S, features, {}, {"organisations": 60.0}, {}, sure)
    }
    made.state.extraction = sure
    return made


def test_an_operation_names_the_evidence_that_decides() -> None:
    """Its conditions are figures beside thresholds, each as the model itself says."""
    found = {c.name: c for c in verdict_of(campaign(EXTRACTION, OPERATION), MODEL, needed=6)}
    assert found["extraction"].threshold == SAID
    assert found["found_twice"].holds
    assert found["severity_high"].value == 60
    assert any(name.startswith("without_") for name in found)
    for condition in found.values():
        assert condition.holds == (condition.value >= condition.threshold)


@pytest.mark.parametrize(
    ("missing", "name"),
    [("thinning", "one_stream"), ("diversity", "one_work"), ("all_repeat", "new_prompts")],
)
def test_what_alone_is_missing_is_named(missing: str, name: str) -> None:
    """One feature away from an operation, that feature is what was missing."""
    other = {"thinning": 2.0, "diversity": 2.0, "all_repeat": 0.5}[missing]
    features = OPERATION | {missing: other}
    if missing == "diversity":
        features |= {"work_queue": 0.0, "narrowness": 0.0}
    if missing in {"all_repeat", "thinning"}:  # neither is missed where all else shows
        features |= {"payment_sharing": 0.0, "output_length": 0.0}
    found = verdict_of(campaign("linked_accounts", features), MODEL, needed=6)
    assert name in [condition.name for condition in found]


def test_far_from_an_operation_more_than_one_thing_is_missing() -> None:
    """People who share a tool lack several things, and no single one is promised."""
    found = verdict_of(campaign("shared_tool", {"narrowness": 1.0}), MODEL, needed=6)
    assert [c.name for c in found if not c.holds][-1] == "evidence"
