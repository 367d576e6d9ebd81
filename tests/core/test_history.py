"""The first day of silence counts from where traffic really begins."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from analyzer.core.cohort.history import History
from analyzer.core.config import CoreConfig

PANES_A_DAY = 144
HOUR = 6
TRAFFIC = 400
"""Requests in a pane of real traffic."""


def extended(panes: list[tuple[int, int]]) -> History:
    """A history of these panes and their requests."""
    history = History(CoreConfig())
    for pane, requests in panes:
        history.extend(pane, requests)
    return history


@given(
    st.lists(st.integers(0, 60 * PANES_A_DAY), min_size=1, max_size=40, unique=True),
    st.integers(PANES_A_DAY // 2, 10 * PANES_A_DAY),
)
def test_a_few_old_events_are_no_history(old: list[int], gap: int) -> None:
    """One event each in some panes of the months before: they begin no first day.

    Judged from an hour of it on: with less there is nothing to be judged.
    """
    begin = max(old) + gap
    before = [(pane, 1) for pane in sorted(old)]
    real = [(begin + i, TRAFFIC) for i in range(PANES_A_DAY)]
    first = [extended([*before, *real[: i + 1]]).first_pane for i in range(PANES_A_DAY)]
    for i, pane in list(enumerate(first))[HOUR:]:
        assert begin + i - pane < PANES_A_DAY or pane >= begin - PANES_A_DAY // 2


@given(st.integers(1, 30), st.integers(6, 20), st.integers(1, 3))
def test_nights_and_weekends_are_no_new_beginning(days: int, open_hours: int, off: int) -> None:
    """Traffic in office hours only, with days off: the history goes on."""
    panes = [
        (day * PANES_A_DAY + pane, TRAFFIC)
        for day in range(days + 7)
        if day < 7 or day % 7 < 7 - off
        for pane in range(open_hours * 6)
    ]
    assert extended(panes).first_pane == 0


@given(
    st.lists(st.tuples(st.integers(1, 300), st.integers(1, 900)), max_size=60), st.integers(0, 59)
)
def test_a_restart_changes_nothing(steps: list[tuple[int, int]], cut: int) -> None:
    """A history that is put back goes on as one that was never stopped."""
    pane, panes = 0, list[tuple[int, int]]()
    for step, requests in steps:
        pane += step
        panes.append((pane, requests))
    whole, second = extended(panes), History(CoreConfig())
    second.restore(extended(panes[:cut]).state())
    for pane, requests in panes[cut:]:
        second.extend(pane, requests)
    assert whole.state() == second.state()
