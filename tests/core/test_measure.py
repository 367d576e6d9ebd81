"""A campaign as it is measured: random parts of one stream, people, and accounts in turn."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzer.core.campaign.kind import BEYOND_OTHERS, ONE_STREAM
from analyzer.core.campaign.measure import FEATURES, SHAPE, cohorts_of, measure
from analyzer.core.campaign.thinning import FEWEST
from analyzer.core.cohort.catalog import NAMES
from analyzer.core.cohort.window import Window
from analyzer.core.contracts.object_kind import Kind
from analyzer.testing.made_operations import FIRST, INNOCENT, numbers, two_operations
from analyzer.testing.made_windows import Request, day

How = Literal["one stream", "people", "in turn"]
PANES, HOUR = 144, 6
MEMBERS, OTHERS, EACH = range(1, 31), range(101, 401), 24


def a_day(how: How, seed: int) -> Window:
    """A day in which thirty members send as told, and three hundred people as people do."""
    rng = np.random.default_rng(seed)
    requests = [_request(org, part) for org in OTHERS for part in _bursts(rng)]
    if how == "people":
        requests += [_request(org, part) for org in MEMBERS for part in _bursts(rng)]
    else:
        requests += _of_one_stream(rng, in_turn=how == "in turn")
    return day(requests)


def _bursts(rng: np.random.Generator) -> Iterator[int]:
    """Somebody's day: a few sittings of their own."""
    for start in rng.integers(0, PANES - HOUR, 4).tolist():
        for part in rng.integers(start, start + HOUR, EACH // 4).tolist():
            yield int(part)


def _of_one_stream(rng: np.random.Generator, *, in_turn: bool) -> Iterator[Request]:
    """A stream that swells and ebbs, dealt out at random or to one account after another."""
    swell = np.repeat(rng.gamma(4.0, size=PANES // HOUR), HOUR)
    parts = np.sort(rng.choice(PANES, len(MEMBERS) * EACH, p=swell / swell.sum()))
    for number, part in enumerate(parts.tolist()):
        place = number % len(MEMBERS) if in_turn else int(rng.integers(len(MEMBERS)))
        yield _request(MEMBERS[place], part)


def _request(org: int, part: int) -> Request:
    return Request(org, ((Kind.TEMPLATE, 2 * org), (Kind.BLOCK, 2 * org)), int(part))


def thinning(how: How, seed: int) -> tuple[float, float]:
    """Dispersion of the members, and beyond that of all of like volume."""
    window = a_day(how, seed)
    features = measure(cohorts_of(window, [numbers(window, MEMBERS)]))[0]
    own, beyond = (features[FEATURES.index(n)] for n in ("thinning", "thinning_others"))
    return float(own), float(beyond)


@settings(max_examples=10)
@given(st.integers(0, 10**6))
def test_random_parts_of_one_stream_are_pure_chance(seed: int) -> None:
    """However the stream itself swells: the guard takes them for one."""
    own, beyond = thinning("one stream", seed)
    assert abs(own) < 0.35
    assert own <= ONE_STREAM
    assert beyond <= BEYOND_OTHERS


@settings(max_examples=10)
@given(st.integers(0, 10**6))
def test_people_have_hours_of_their_own(seed: int) -> None:
    """Which no two share: the guard takes them for people, whatever else they have in common."""
    assert thinning("people", seed)[0] > ONE_STREAM


@settings(max_examples=10)
@given(st.integers(0, 10**6))
def test_accounts_that_take_turns_are_more_even_than_chance(seed: int) -> None:
    """Round robin leaves less than chance would."""
    assert thinning("in turn", seed)[0] < -0.5


@pytest.mark.parametrize(("members", "known"), [(6, False), (24, True)])
def test_many_that_have_just_begun_tell_as_much_as_a_few_in_longer(
    members: int, *, known: bool
) -> None:
    """Two requests of each in the last two parts of the day are enough, if there are enough."""
    requests = [
        _request(org, PANES - 1 - (org + at) % 24) for org in MEMBERS[:members] for at in (0, 9)
    ]
    window = day(requests)
    features = measure(cohorts_of(window, [numbers(window, MEMBERS[:members])]))[0]
    assert np.isfinite(features[FEATURES.index("thinning")]) == known


def test_every_feature_is_measured_or_unknown() -> None:
    """In the order of their names, finite where known, for groups of any size."""
    window = two_operations()
    groups = [numbers(window, orgs) for orgs in (FIRST, FIRST[:FEWEST], INNOCENT[:50])]
    found = measure(cohorts_of(window, groups))
    assert found.shape == (3, len(FEATURES)) == (3, len(NAMES) + len(SHAPE))
    assert not np.isinf(found).any()
    known = dict(zip(FEATURES, found[0], strict=True))
    assert known["spec_mass"] > 0.5
    assert known["private"] > 0.9
    assert known["alone_block"] == 0
    innocent = dict(zip(FEATURES, found[2], strict=True))
    assert innocent["spec_mass"] < 0.2
    assert innocent["alone_block"] == 1


def test_measuring_a_group_does_not_depend_on_the_others() -> None:
    """Alone or beside others, the same to the last bit."""
    window = two_operations()
    groups = [numbers(window, orgs) for orgs in (FIRST, INNOCENT[:50], FIRST[:20])]
    together = measure(cohorts_of(window, groups))
    for row, group in enumerate(groups):
        np.testing.assert_array_equal(measure(cohorts_of(window, [group]))[0], together[row])
