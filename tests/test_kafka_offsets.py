"""Where a group goes on: every case of the table, and nothing beside it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.core.contracts.event_time import NO_WATERMARK
from analyzer.kafka_metadata import NO_ID
from analyzer.kafka_offsets import Log, Mark, Place, place_of

IDS = st.sampled_from(["a" * 32, "b" * 32, NO_ID])
OFFSETS = st.integers(0, 30)
WATERMARKS = st.integers(-5, 5) | st.just(NO_WATERMARK)


@given(WATERMARKS, IDS, st.sampled_from(["", "12:34:5"]))
def test_a_mark_comes_back_as_it_was(watermark_ms: int, topic_id: str, clock: str) -> None:
    """Whatever the watermark, also none."""
    mark = Mark(watermark_ms, topic_id, clock)
    assert Mark.parse(str(mark)) == mark


@given(st.text(max_size=20))
def test_what_others_commit_is_no_mark(text: str) -> None:
    """Nor is it ever an error."""
    mark = Mark.parse(text)
    assert mark is None or text.split(" ", maxsplit=1)[0].removeprefix("-").isdecimal()


@given(OFFSETS, OFFSETS, OFFSETS, IDS, IDS, WATERMARKS)
def test_nothing_is_jumped_over_in_silence(  # noqa: PLR0917 - what the answer depends on
    offset: int, first: int, length: int, theirs: str, ours: str, watermark_ms: int
) -> None:
    """What lies between the commit and the place is named as lost, or is not of this topic."""
    log = Log(first, first + length, ours)
    place = place_of((offset, str(Mark(watermark_ms, theirs))), log)
    same = theirs == ours or NO_ID in {theirs, ours}
    if not same:
        assert place == Place(first, note=place.note)
        assert "created anew" in place.note
    elif offset > log.end:
        assert "has lost records" in place.fatal
    else:
        lost_to = first if first > offset else None
        assert place == Place(offset, Mark(watermark_ms, theirs), lost_to)


@pytest.mark.parametrize("mark", ["", "by hand", "kafka-consumer-groups"])
def test_offsets_that_somebody_has_set(mark: str) -> None:
    """Not followed, unless events may be skipped."""
    log = Log(100, 200)
    assert place_of((150, mark), log).position == 100
    assert "--skip-lost" in place_of((150, mark), log).note
    assert place_of((150, mark), log, skip_lost=True) == Place(150)


def test_a_group_that_has_never_read() -> None:
    """Or whose offsets have expired."""
    assert place_of(None, Log(100, 200)) == Place(100)


def test_a_broker_that_tells_too_low_an_end_has_lost_nothing() -> None:
    """The embedded one."""
    assert place_of((9, "1 "), Log(0, 5, tells_end=False)).fatal == ""
