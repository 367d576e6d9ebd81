"""What kind of group a campaign is: the guard, the readings, and how long a kind stays."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzer.core.campaign.alert_text import summarise_campaign
from analyzer.core.campaign.campaign_state import Campaign, CampaignState, Reading
from analyzer.core.campaign.kind import (
    EXTRACTION,
    MOST_CHANGES,
    SAID,
    VIEWS,
    decide_kind,
    guarded,
)
from analyzer.core.campaign.measure import FEATURES
from analyzer.core.campaign.models.kind_model import KindModel
from analyzer.core.campaign.severity import CRITICAL, MANY, severity_of
from analyzer.core.cohort.fusion import unfitted
from analyzer.core.config import CoreConfig
from analyzer.core.contracts.calibration import Calibration
from analyzer.core.contracts.event_time import DAY_S
from analyzer.core.contracts.records import AlertKind

CONFIG = CoreConfig()
CLASSES: dict[str, AlertKind] = {
    "operation": EXTRACTION,
    "course": "shared_tool",
    "reseller": "reseller_pool",
}
SCALE = dict.fromkeys(FEATURES, 0.2)
DAY_HOP = next(w.hop_s for w in CONFIG.windows if w.length_s == DAY_S) // CONFIG.pane_s
MEANS = {"client_homogeneity": 0.9, "entanglement": 0.9, "hop_member": 0.9}
ONE_STREAM = {"thinning": 0.1, "thinning_others": -0.8}


def row(**features: float) -> np.ndarray:
    """Features of one group; the others are unknown."""
    return np.array([[features.get(name, np.nan) for name in FEATURES]])


def read(
    state: CampaignState,
    number: int,
    extraction: float,
    counter: float = 0.1,
    *,
    tells: bool = True,
) -> CampaignState:
    """Decide on the n-th reading of a day."""
    pane = number * DAY_HOP
    other = (1 - extraction) / 2
    state.readings = {
        DAY_S: Reading(
            pane=pane,
            window_s=DAY_S,
            features={"one_block": counter} | (ONE_STREAM if tells else {}),
            usual={},
            facts={},
            kinds={"operation": extraction, "course": other + 0.01, "reseller": other - 0.01},
            extraction=extraction,
        )
    }
    decide_kind(state, pane, CONFIG, CLASSES, SCALE)
    return state


def accused() -> CampaignState:
    """A campaign that was said to be extraction after its second reading."""
    state = CampaignState("c-1", "group", 0, 0)
    for number in (1, 2):
        read(state, number, 0.9)
    state.revision = 1
    return state


def test_the_guard_passes_two_means_and_one_stream() -> None:
    """Each is needed."""
    assert guarded(row(**MEANS, **ONE_STREAM))[0]
    assert not guarded(row(client_homogeneity=0.9, **ONE_STREAM))[0]


@pytest.mark.parametrize(
    "stream",
    [
        {},
        {"thinning": 1.5, "thinning_others": -0.8},
        {"thinning": 0.1, "thinning_others": 0.0},
        {"thinning": 0.1},
    ],
    ids=["unknown", "people", "like others", "others unknown"],
)
def test_without_one_stream_the_guard_blocks(stream: dict[str, float]) -> None:
    """However many means are shared: all users of one program share them."""
    everything = dict.fromkeys(
        ("client_homogeneity", "private_blocks", "rotation", "payment_sharing", "output_length"),
        1.0,
    )
    assert not guarded(row(**everything, **stream))[0]


def test_blocks_in_common_and_ever_other_blocks_are_two_means() -> None:
    """A vendor's servers explain the first, people on their way the second; nothing both."""
    assert guarded(row(entanglement=0.9, hop_member=0.8, **ONE_STREAM))[0]
    assert not guarded(row(entanglement=0.9, **ONE_STREAM))[0]
    assert not guarded(row(rotation=0.9, hop_member=0.8, **ONE_STREAM))[0]


def test_an_office_has_blocks_of_its_own() -> None:
    """Where each member stays: one family more must show. An operation's accounts meet there."""
    office = {"client_homogeneity": 0.9, "output_length": 0.9, "private_blocks": 1.0}
    assert not guarded(row(**office, **ONE_STREAM))[0]
    assert guarded(row(**office, entanglement=0.9, **ONE_STREAM))[0]
    assert guarded(row(**office | {"private_blocks": 0.0}, **ONE_STREAM))[0]
    assert guarded(row(**office, payment_sharing=0.9, **ONE_STREAM))[0]


def test_one_card_for_all_is_a_sponsors() -> None:
    """It counts for nothing, while several cards do."""
    client = {"client_homogeneity": 0.9, "payment_sharing": 0.9}
    assert guarded(row(**client, pay_top=0.2, **ONE_STREAM))[0]
    assert not guarded(row(**client, pay_top=0.9, **ONE_STREAM))[0]


def test_who_asks_the_same_again_and_again_collects_no_answers() -> None:
    """A class, a test suite, a job; others' share of repeated prompts is the measure."""
    evidence = {n: v for n, v in MEANS.items() if n != "hop_member"} | ONE_STREAM
    assert not guarded(row(**evidence, all_repeat=0.2))[0]
    assert guarded(row(**evidence, all_repeat=0.0))[0]
    assert guarded(row(**evidence, all_repeat=-0.1))[0]


def test_repeats_bought_as_a_disguise_hide_no_third_family() -> None:
    """However many: an operation that shares more than a class does is still seen."""
    assert guarded(row(**MEANS, **ONE_STREAM, all_repeat=0.9))[0]


def test_many_works_of_each_member_are_a_pools() -> None:
    """Unless they are parts of one: a queue of prompts of which none is sent twice."""
    evidence = MEANS | ONE_STREAM
    assert not guarded(row(**evidence, diversity=1.2))[0]
    assert guarded(row(**evidence, diversity=1.2, work_queue=0.7))[0]
    assert not guarded(row(**evidence, diversity=1.2, narrowness=0.9, work_queue=0.2))[0]


def test_extraction_is_said_after_two_readings_in_a_row() -> None:
    """One is not enough, nor two with another between them."""
    state = CampaignState("c-1", "group", 0, 0)
    assert read(state, 1, 0.9).kind != EXTRACTION
    assert read(state, 2, 0.3).kind == "shared_tool"
    assert read(state, 3, 0.9).kind != EXTRACTION
    assert read(state, 4, 0.9).kind == EXTRACTION


def test_a_reading_that_cannot_tell_counts_for_nothing() -> None:
    """Neither for extraction nor against it: the next that can goes on where the last was."""
    state = read(CampaignState("c-1", "group", 0, 0), 1, 0.9, tells=False)
    assert (state.extraction, state.kind) == (0.0, "shared_tool")
    read(state, 2, 0.9)
    assert read(state, 3, 0.0, tells=False).extraction == pytest.approx(0.9)
    assert read(state, 4, 0.9).kind == EXTRACTION


def test_a_kind_stays_while_no_counter_evidence_rises() -> None:
    """Signals that fall are none: an operation that has become quiet is still one."""
    state = accused()
    for number in range(3, 20):
        assert read(state, number, 0.0, counter=0.1).kind == EXTRACTION


def test_risen_counter_evidence_takes_it_back_and_the_alert_says_why() -> None:
    """After so many views of a day below; one above begins the count anew."""
    state = accused()
    for number in (3, 4, 6, 7):
        assert read(state, number, 0.0, counter=0.5).kind == EXTRACTION
        if number == 4:
            read(state, 5, 0.5, counter=0.5)
    assert VIEWS == 3
    assert read(state, 8, 0.0, counter=0.5).kind == "shared_tool"
    assert state.kind_reason in summarise_campaign(Campaign(state), 9, 0.9)
    assert "one block rose" in state.kind_reason


def test_a_kind_changes_at_most_twice() -> None:
    """Whatever the readings say after that."""
    state, kinds = accused(), [EXTRACTION]
    for number in range(3, 60):
        high = number // 6 % 2 == 0
        read(state, number, 0.9 if high else 0.0, counter=0.1 + number / 10)
        kinds += [state.kind] if state.kind != kinds[-1] else []
    assert len(kinds) == 1 + MOST_CHANGES == 1 + state.kind_changes


@settings(max_examples=40)
@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), max_size=40))
def test_a_kind_follows_from_the_readings_alone(readings: list[tuple[float, float]]) -> None:
    """Never back and forth: at most two changes, and extraction only ever after two readings."""
    state, before = CampaignState("c-1", "group", 0, 0), 0.0
    state.revision = 1
    for number, (extraction, counter) in enumerate(readings, 1):
        was = state.kind
        read(state, number, extraction, counter)
        if state.kind == EXTRACTION != was:
            assert min(before, extraction) >= SAID
        before = extraction
    assert state.kind_changes <= MOST_CHANGES


def model(names: tuple[str, ...]) -> KindModel:
    """A model fitted on these features, the first of which says "operation"."""
    weights = np.zeros((3 * len(names) + 5, 2))
    weights[0] = 1.0, -1.0
    raw = {
        "version": "made",
        "kinds": ["operation", "course"],
        "classes": [EXTRACTION, "shared_tool"],
        "features": names,
        "mean": [0.0] * len(names),
        "scale": [1.0] * len(names),
        "weights": weights.tolist(),
    }
    return KindModel.of(raw)


def test_features_are_found_by_name() -> None:
    """In whatever order they were fitted; one that the fit did not know weighs nothing."""
    first, second, third = FEATURES[4], FEATURES[0], FEATURES[7]
    ones, others = (model(names) for names in ((first, second), (first, third, second)))
    features = row(**{first: 1.5, second: -2.0})
    want = ones.probabilities(features, DAY_S)
    np.testing.assert_allclose(others.probabilities(features, DAY_S), want)
    assert want[0, 0] > 0.9
    unknown = row(**{first: 1.5, second: -2.0, FEATURES[9]: 1e6})
    np.testing.assert_allclose(ones.probabilities(unknown, DAY_S), want)


def test_a_feature_that_is_gone_from_the_catalog_is_passed_over() -> None:
    """A file of another release, with a signal more, is read all the same."""
    told = model(("a signal of yesterday", FEATURES[2]))
    assert told.probabilities(row(**{FEATURES[2]: 1.0}), DAY_S)[0, 0] == pytest.approx(0.5)


@pytest.mark.parametrize("name", FEATURES)
def test_any_feature_may_be_missing(name: str) -> None:
    """Probabilities stay probabilities; with nothing known at all as well."""
    shipped = KindModel.shipped()
    full = dict.fromkeys(FEATURES, 0.3)
    del full[name]
    for features in (row(**full), row()):
        found = shipped.probabilities(features, DAY_S)
        assert np.isfinite(found).all()
        assert found.sum() == pytest.approx(1)
        assert 0 <= shipped.extraction(found)[0] <= 1


def test_the_shipped_model_knows_what_is_measured() -> None:
    """But for two signals that are left out on purpose: they follow from how cohorts are chosen."""
    shipped = KindModel.shipped()
    unknown = {n for n, s in zip(FEATURES, shipped.scale, strict=True) if not np.isfinite(s)}
    assert unknown - set(unfitted(Calibration.shipped())) == {"popular", "repeated_items"}
    assert set(shipped.classes) >= {EXTRACTION, "shared_tool", "reseller_pool"}
    assert len(shipped.kinds) == len(set(shipped.kinds)) == shipped.weights.shape[1]


def of_size(members: int, kind: AlertKind = EXTRACTION, sure: float = 0.7) -> Campaign:
    """A campaign of so many members found often."""
    made = Campaign(CampaignState("c-1", "group", 0, 0, kind=kind, extraction=sure))
    made.members.add(np.arange(1, members + 1, dtype=np.uint64), 0, hits=3)
    return made


@pytest.mark.parametrize("kind", ["shared_tool", "reseller_pool", "linked_accounts"])
def test_what_is_no_extraction_is_for_information(kind: AlertKind) -> None:
    """However large and sure."""
    assert severity_of(of_size(2 * CRITICAL, kind, sure=1.0)) == "low"


PRODUCT = {"client_exclusive": 1.0, "top_client": 1.0, "client_homogeneity": 0.9, "over_all": 0.6}
WORLDLY = {"entanglement": 0.9, "output_length": 0.9}
"""What a relay and a task explain."""


def test_a_product_explains_what_its_customers_have_in_common() -> None:
    """Customers of a product that calls for each event are one stream, alike and on one relay."""
    assert guarded(row(**WORLDLY, **PRODUCT | {"client_exclusive": 0.5}, **ONE_STREAM))[0]
    assert guarded(row(**WORLDLY, **PRODUCT | {"over_all": 0.1}, **ONE_STREAM))[0]  # a queue's
    assert not guarded(row(**WORLDLY, **PRODUCT, **ONE_STREAM))[0]
    assert not guarded(row(**WORLDLY, **PRODUCT, hop_member=0.8, **ONE_STREAM))[0]
    assert guarded(row(**WORLDLY, **PRODUCT, hop_member=0.8, creation_scan=0.9, **ONE_STREAM))[0]
    assert guarded(row(**WORLDLY, **PRODUCT, payment_sharing=0.9, pay_top=0.1, **ONE_STREAM))[0]
    assert not guarded(row(**WORLDLY, **PRODUCT, payment_sharing=0.9, pay_top=0.9, **ONE_STREAM))[0]


def test_a_queue_that_hands_out_many_prompts_at_a_time_is_told_by_the_rest() -> None:
    """Lumpy requests do not excuse all the rest; but people may have three things in common."""
    lumpy = {"thinning": 2.5, "thinning_others": 0.4}
    three = {"client_homogeneity": 0.9, "entanglement": 0.9, "output_length": 0.9}
    assert not guarded(row(**three, creation_scan=0.9, **lumpy))[0]
    assert guarded(row(**three, hop_member=0.8, creation_scan=0.9, **lumpy))[0]
    assert not guarded(row(**three, hop_member=0.8, **lumpy))[0]
    cards = {"payment_sharing": 0.9, "pay_top": 0.2}
    two = {"client_homogeneity": 0.9, "entanglement": 0.9}
    assert guarded(row(**two, **cards, first_seen=0.9, **lumpy))[0]
    assert not guarded(row(**two, **cards, first_seen=0.9, all_repeat=0.3, **lumpy))[0]
    assert not guarded(row(**two, **cards | {"pay_top": 0.9}, first_seen=0.9, **lumpy))[0]


def test_severity_rises_with_members_and_with_evidence() -> None:
    """From 100 organisations on high, from 1,000 on critical; small ones by what is known."""
    sizes = (10, MANY - 1, MANY, CRITICAL - 1, CRITICAL)
    found = [severity_of(of_size(size)) for size in sizes]
    assert found == ["medium", "medium", "high", "high", "critical"]
    evident = of_size(10, sure=0.95)
    reading = read(CampaignState("c-2", "group", 0, 0), 1, 0.95).readings[DAY_S]
    strong = ("client_homogeneity", "private_blocks", "payment_sharing", "output_length", "balance")
    reading.features |= dict.fromkeys(strong, 1.0)
    evident.state.readings = {DAY_S: reading}
    assert severity_of(evident) == "high"
    evident.state.extraction = 0.7
    assert severity_of(evident) == "medium"
