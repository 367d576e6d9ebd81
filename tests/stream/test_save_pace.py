"""How often a shard saves."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from analyzer.stream.owners.save_pace import CUT_SHARE, SavePace

SECONDS = st.floats(0.0, 100.0)


@given(st.lists(SECONDS, max_size=8), SECONDS)
def test_one_slow_cut_keeps_nobody_waiting(cuts: list[float], slow: float) -> None:
    """A cut that loads River takes two seconds: the next one came after a hundred."""
    pace = SavePace(1.0)
    for cut in cuts:
        pace.cut_took(cut)
    pace.cut_took(slow)
    last = cuts[-1] if cuts else 0.0
    assert pace.pause_s <= max(1.0, CUT_SHARE * last)


@given(st.lists(SECONDS, min_size=2, max_size=8))
def test_cuts_that_stay_slow_take_a_fiftieth_of_the_time(cuts: list[float]) -> None:
    """A large state is saved less often than was asked."""
    pace = SavePace(1.0)
    for cut in cuts:
        pace.cut_took(cut)
    assert pace.pause_s == max(1.0, CUT_SHARE * min(cuts[-2:]))
