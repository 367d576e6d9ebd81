"""The watch: who stands still although records wait, and who only seems to."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
from aiokafka.errors import KafkaConnectionError
from faust.exceptions import ConsumerNotStarted
from faust.types import TP

from analyzer.errors import Broken
from analyzer.kafka_metadata import NO_ID
from analyzer.ops import metrics
from analyzer.ops.broker_silence import BrokerSilence
from analyzer.settings import Settings
from analyzer.stream.health.stall_detector import WATCH_S, StallDetector
from analyzer.stream.owners.assignment import Owner, Ownership
from analyzer.stream.owners.context import BadShare, Context
from analyzer.stream.topics.catalog import Layout
from analyzer.stream.transport.driver import BatchedThread
from analyzer.stream.transport.same_topic import SameTopic

AT = TP("llm.requests", 0)
LAG = {"step": "ingest", "partition": "0"}


@dataclass
class FakeOwner:
    """Stands wherever it is put."""

    tp: TP = AT
    next: int = 0
    closed: bool = False
    unsaved: bool = False

    def due(self, _now: float) -> bool:
        """As long as nobody saves it."""
        return self.unsaved


@dataclass
class World:
    """A clock, a broker and an owner."""

    now: float = 1_000.0
    end: int = 0
    answers: bool = True
    started: bool = True
    owner: FakeOwner = field(default_factory=FakeOwner)

    def assignment(self) -> set[TP]:
        """One partition, once the consumer has started."""
        if not self.started:
            raise ConsumerNotStarted
        return {AT}

    async def ends(self, tps: Collection[TP]) -> dict[TP, int]:
        """The end, if the broker answers."""
        if not self.answers:
            raise KafkaConnectionError
        return dict.fromkeys(tps, self.end)

    def watch(self) -> StallDetector:
        """A watch over it, which gives a minute."""

        async def send(*_: Any) -> Any:
            raise NotImplementedError

        context = Context(
            settings=Settings(),
            layout=Layout({}, {}),
            consumer=cast("Any", self),
            same_topic=SameTopic(cast("Any", self), NO_ID),
            send=send,
            clock=lambda: self.now,
            bad_share=BadShare(0.5),
        )
        ownership = Ownership(lambda _tp, _generation: cast("Owner", self.owner))
        ownership.owners[AT] = cast("Owner", self.owner)
        silence = BrokerSilence(lambda: self.now, "host:9092")
        return StallDetector(context, ownership, silence)

    def look(self, watch: StallDetector, for_s: float) -> None:
        """Let time pass and look every two seconds."""
        for _ in range(int(for_s / WATCH_S)):
            self.now += WATCH_S
            asyncio.run(watch.look_at_owners())


def test_nobody_who_has_nothing_to_do_stands_still() -> None:
    """An hour at the end of the log is well, and the lag is nothing."""
    world = World(end=7, owner=FakeOwner(next=7))
    watch = world.watch()
    world.look(watch, 3_600)
    assert watch.unhealthy() is None
    assert watch.context.meter.read(metrics.LAG, **LAG) == 0


def test_who_stands_is_unhealthy_and_then_broken() -> None:
    """Records wait: unhealthy from 30 s, well again after a step, broken at 60 s."""
    world = World(end=7)
    watch = world.watch()
    world.look(watch, 28)
    assert watch.unhealthy() is None
    world.look(watch, 6)
    assert watch.unhealthy() == "llm.requests/0 stands still at 0 although the log ends at 7"
    assert watch.context.meter.read(metrics.LAG, **LAG) == 7
    world.owner.next = 1
    world.look(watch, 2)
    assert watch.unhealthy() is None
    with pytest.raises(Broken, match="stands still at 1"):
        world.look(watch, 62)


def test_a_broker_that_is_away_is_not_our_standstill() -> None:
    """Ten minutes without an answer; after it the time begins anew."""
    world = World(end=7)
    watch = world.watch()
    world.look(watch, 28)
    world.answers = False
    world.look(watch, 600)
    world.answers = True
    world.look(watch, 28)
    assert watch.unhealthy() is None


def test_a_process_that_was_stopped_is_not_standing() -> None:
    """An hour between two looks says nothing."""
    world = World(end=7)
    watch = world.watch()
    world.look(watch, 28)
    world.now += 3_600
    world.look(watch, 28)
    assert watch.unhealthy() is None


@pytest.mark.parametrize("owner", [FakeOwner(unsaved=True), FakeOwner(closed=True)])
def test_who_is_not_saved_is_broken_too(owner: FakeOwner) -> None:
    """Everything is read, but its saving hangs, or was refused and nobody opens it anew."""
    owner.next = 7
    world = World(end=7, owner=owner)
    watch = world.watch()
    world.look(watch, 58)
    world.answers = False
    world.look(watch, 600)
    world.answers = True
    world.look(watch, 34)
    assert watch.unhealthy() == "llm.requests/0 is not saved although the broker answers"
    with pytest.raises(Broken, match="not saved"):
        world.look(watch, 32)


def test_what_is_assigned_must_be_opened() -> None:
    """An assignment that nobody opens is broken after a minute, an opened one never."""
    world = World()
    watch = world.watch()

    def look(for_s: int) -> None:
        for _ in range(for_s):
            world.now += 1
            watch.look_at_opening()

    look(200)
    owners = watch.ownership.owners.copy()
    watch.ownership.owners.clear()
    look(55)
    watch.ownership.owners.update(owners)
    look(1)
    watch.ownership.owners.clear()
    look(55)
    with pytest.raises(Broken, match="not opened for 60 s"):
        look(6)


def test_a_consumer_that_starts_slowly_has_nothing_to_open() -> None:
    """A look before the consumer has started tells nothing; the minute runs from its start."""
    world = World(started=False)
    watch = world.watch()
    watch.ownership.owners.clear()
    for world.now in (1_000.0, 1_100.0):
        watch.look_at_opening()
    world.started = True
    for world.now in (1_200.0, 1_259.0):
        watch.look_at_opening()
    world.now = 1_260.0
    with pytest.raises(Broken, match="not opened"):
        watch.look_at_opening()


def test_without_partitions_it_is_not_ready() -> None:
    """Nor on its way down; and what was told of a lost partition is dropped."""
    world = World(end=7)
    watch = world.watch()
    world.look(watch, 2)
    assert watch.unready() is None
    watch.ownership.owners.clear()
    world.look(watch, 2)
    assert watch.unready() == "no partitions are assigned and restored"
    assert "analyzer_lag_records{" not in watch.context.meter.text().decode()
    watch.ownership.broken = True
    assert watch.unready() == "the worker is going down"


def test_a_question_to_a_consumer_that_has_stopped_ends_nobody() -> None:
    """A watch that looks while the worker goes down ended it by 1: the loop was closed already."""
    loop = asyncio.new_event_loop()
    loop.close()
    thread = BatchedThread.__new__(BatchedThread)
    thread.thread_loop = loop
    with pytest.raises(ConsumerNotStarted):
        asyncio.run(thread.run(asyncio.sleep(0)))
