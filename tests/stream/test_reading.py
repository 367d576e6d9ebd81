"""Where a fetch fits on, and what happens when it does not."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

import numpy as np
import pytest
from aiokafka.errors import KafkaConnectionError
from faust.types import TP

from analyzer.core.kernels.byte_strings import Texts
from analyzer.errors import Broken
from analyzer.kafka_metadata import NO_ID, TopicState
from analyzer.stream.transport.fetches import Records
from analyzer.stream.transport.position import Reading
from analyzer.stream.transport.same_topic import SameTopic

AT = TP("requests", 0)


@dataclass
class FakeConsumer:
    """A consumer that remembers what it was told (implements ``ConsumerPort``)."""

    first: int = 0
    end: int = 100
    seeks: list[int] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    """Of the topic, one after the other; the last one stays."""
    asked: int = 0

    def assignment(self) -> set[TP]:
        """Not asked here."""
        raise NotImplementedError

    async def seek_all(self, offsets: Mapping[TP, int]) -> None:
        """Remember."""
        self.seeks += offsets.values()

    async def commit_upto(self, offsets: Mapping[TP, tuple[int, str]], generation: int) -> bool:
        """Accept all."""
        return bool(offsets) and generation >= 0

    async def committed(self, tp: TP) -> tuple[int, str] | None:
        """Know nothing."""
        assert tp == AT
        return None

    async def bounds(self, tp: TP) -> tuple[int, int]:
        """Tell the bounds of the only partition."""
        assert tp == AT
        return self.first, self.end

    async def ends(self, tps: Collection[TP]) -> dict[TP, int]:
        """Tell the end of the only partition."""
        return dict.fromkeys(tps, self.end)

    async def topic_id(self, tp: TP) -> str:
        """Tell the next one; a broker that does not answer raises."""
        assert tp == AT
        self.asked += 1
        await asyncio.sleep(0)
        found = self.ids.pop(0) if len(self.ids) > 1 else self.ids[0]
        if found == "silent":
            raise KafkaConnectionError
        return found

    async def topics(self, names: Collection[str]) -> dict[str, TopicState]:
        """Tell nothing."""
        return dict[str, TopicState]() if names else {}

    async def members(self) -> dict[str, str]:
        """Tell nothing."""
        return {}


def fetch(start: int, *offsets: int) -> Records:
    """A fetch that began at ``start`` and found these offsets."""
    at = np.array(offsets, np.int64)
    return Records(AT, start, offsets[-1] + 1, Texts.of(b"%d" % o for o in offsets), at, at)


def admit(consumer: FakeConsumer, next_offset: int, records: Records) -> list[bytes] | None:
    """Values admitted by a reading that stands at ``next_offset``."""
    reading = Reading(consumer, AT, next_offset, skip_lost=False)
    found = asyncio.run(reading.admit(records))
    return None if found is None else list(found.values)


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        (fetch(3, 3, 4), None),  # old
        (fetch(3, 3, 4, 5, 6), [b"5", b"6"]),  # overlapping
        (fetch(5, 5, 6), [b"5", b"6"]),  # next
        (fetch(5, 7, 9), [b"7", b"9"]),  # next, with a gap that the log itself has
    ],
)
def test_only_what_is_new_is_admitted(records: Records, expected: list[bytes] | None) -> None:
    """Everything below the next offset is dropped; gaps in the log are no holes."""
    consumer = FakeConsumer()
    assert admit(consumer, 5, records) == expected
    assert consumer.seeks == []


def test_a_consumer_that_ran_ahead_is_sent_back() -> None:
    """A fetch that began above the next offset is dropped and read again."""
    consumer = FakeConsumer()
    assert admit(consumer, 5, fetch(8, 8, 9)) is None
    assert consumer.seeks == [5]


@pytest.mark.parametrize("records", [fetch(8, 8, 9), fetch(5, 8, 9)])
def test_records_deleted_before_they_were_read_are_loud(records: Records) -> None:
    """The log starts above the next offset: stop, and say what to do."""
    with pytest.raises(Broken, match="has deleted offsets 5 to 8"):
        admit(FakeConsumer(first=8), 5, records)


def test_lost_records_can_be_skipped_on_demand() -> None:
    """With --skip-lost the reading goes on behind the loss."""
    reading = Reading(FakeConsumer(first=8), AT, 5, skip_lost=True)
    found = asyncio.run(reading.admit(fetch(8, 8, 9)))
    assert found is not None
    assert list(found.values) == [b"8", b"9"]


def test_pieces_make_up_the_whole() -> None:
    """Splitting by size keeps every record and every offset, in order."""
    whole = fetch(2, 3, 5, 6, 9)
    pieces = whole.split(2)
    assert [list(piece.values) for piece in pieces] == [[b"3", b"5"], [b"6", b"9"]]
    assert [(piece.start, piece.stop) for piece in pieces] == [(2, 6), (6, 10)]


def confirm(consumer: FakeConsumer, fetches: int, known: str = "a") -> list[bool]:
    """Which of some fetches of one moment are of the topic that is known."""

    async def run() -> list[bool]:
        same = SameTopic(consumer, known)
        asked = (same.confirm(AT) for _ in range(fetches))
        told = await asyncio.gather(*asked, return_exceptions=True)
        assert all(answer is None or isinstance(answer, Broken) for answer in told)
        return [answer is None for answer in told]

    return asyncio.run(run())


def test_one_question_tells_of_all_fetches_that_came_before_it() -> None:
    """The first waits for its own; whoever comes while it is on its way shares the next."""
    consumer = FakeConsumer(ids=["a"])
    assert confirm(consumer, 5) == [True] * 5
    assert consumer.asked == 2


def test_no_fetch_of_a_topic_made_anew_is_taken() -> None:
    """What was answered to a question of before says nothing of them."""
    assert confirm(FakeConsumer(ids=["b"]), 3) == [False] * 3
    assert confirm(FakeConsumer(ids=["a", "b"]), 3) == [True, False, False]


def test_a_silent_broker_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """And so is one that has no such topic, which may have just begun."""
    monkeypatch.setattr("analyzer.stream.transport.same_topic.ASK_AGAIN_AFTER_S", 0.0)
    assert confirm(FakeConsumer(ids=["silent", "", "a"]), 1) == [True]


def test_brokers_without_ids_are_not_asked() -> None:
    """There is nothing to compare."""
    consumer = FakeConsumer()
    assert confirm(consumer, 2, NO_ID) == [True, True]
    assert consumer.asked == 0
