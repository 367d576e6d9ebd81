"""The live worker by seeds: whatever goes wrong, what comes out is what an undisturbed run gives.

``simulate(SEED)`` repeats a run. Faults that were mended once are put back, to show that it would
find them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest
import structlog
from faust.types import TP

from analyzer.core.contracts.gate import Gate
from analyzer.stream.owners.outbox import Outbox
from analyzer.stream.owners.shard import StepOwner
from analyzer.stream.transport.message_chunks import Assembler
from analyzer.stream.transport.position import Reading
from analyzer.stream.transport.same_topic import SameTopic
from analyzer.testing.simulation.virtual_time import DeadlockError, run_virtually
from analyzer.testing.simulation.world import (
    EVENTS,
    PANES,
    PARTITIONS,
    DifferentError,
    World,
    events,
    simulate,
    undisturbed,
)

CHUNKS = 10


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """Thousands of runs would log millions of lines."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    yield
    structlog.reset_defaults()


@pytest.mark.parametrize("chunk", range(CHUNKS))
@pytest.mark.timeout(3_600)
def test_every_seed_gives_what_an_undisturbed_run_gives(
    chunk: int, pytestconfig: pytest.Config
) -> None:
    """Crashes, zombies, rebalances, refused commits, lost answers, damage, a topic made anew."""
    seeds = pytestconfig.getoption("--seeds")
    first = (pytestconfig.getoption("--chaos-seed") - 1) * seeds
    simulate_all(range(first + chunk * seeds // CHUNKS, first + (chunk + 1) * seeds // CHUNKS))


def simulate_all(seeds: Iterable[int]) -> None:
    """One after another."""
    for seed in seeds:
        simulate(seed)


def test_a_seed_decides_everything() -> None:
    """The same story twice, and another one by another seed."""

    def story(seed: int) -> tuple[set[bytes], list[str]]:
        world = World(seed)
        return run_virtually(world.run(events(world.rng))), world.told

    assert story(5) == story(5)
    assert story(5)[1] != story(6)[1]


def test_a_run_is_worth_something() -> None:
    """Lines for every pane, each of which names all before it."""
    lines = undisturbed(events(World(1).rng))
    assert len(lines) >= PANES
    assert sum(int(line.split()[1]) for line in lines) == PARTITIONS * EVENTS


def test_waiting_for_nothing_is_told() -> None:
    """Instead of hanging."""

    async def hang() -> None:
        import asyncio

        await asyncio.Event().wait()

    with pytest.raises(DeadlockError):
        run_virtually(hang())


def _without_commit_of_what_was_restored(monkeypatch: pytest.MonkeyPatch) -> None:
    """As before "A restored snapshot whose commit is missing is committed"."""
    opened = StepOwner.open

    async def open_(self: StepOwner) -> None:
        await opened(self)
        self._dirty = False

    monkeypatch.setattr(StepOwner, "open", open_)


def _without_a_way_round_damage(monkeypatch: pytest.MonkeyPatch) -> None:
    """As before "a spoilt snapshot gives way to the one before, or to the topic"."""

    async def restore(self: StepOwner, _topic_id: str) -> int | None:
        restored = await self._store.load(self._step.restore)
        return None if restored is None else restored.cover

    monkeypatch.setattr(StepOwner, "_restore", restore)


def _without_the_identity_of_topics(monkeypatch: pytest.MonkeyPatch) -> None:
    """As before event blocks carried it: a topic that is made anew begins at offset 0, too."""
    take = Gate.take

    def blind(self: Gate, *args: Any, **rest: Any) -> int | None:
        return take(self, *args[:4], **rest)

    monkeypatch.setattr(Gate, "take", blind)


def _without_asking_whose_records_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """What stands in a new topic at the offsets of the old one was counted, and then again."""

    async def confirm(_self: SameTopic, _tp: TP) -> None:
        return

    monkeypatch.setattr(SameTopic, "confirm", confirm)


def _without_waiting_for_what_was_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    """Offsets and snapshots that run ahead of the blocks below them."""

    async def flush(_self: Outbox) -> None:
        pass

    monkeypatch.setattr(Outbox, "flush", flush)


def _without_covering_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """A snapshot in the midst of a block that travels in parts."""
    monkeypatch.setattr(Assembler, "cover", lambda _self, position: position)


def _without_going_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fetch that was lost leaves a hole that nobody sees."""

    async def admit(self: Reading, records: Any) -> Any:
        return None if records.stop <= self.next else records.since(self.next)

    monkeypatch.setattr(Reading, "admit", admit)


FAULTS = [
    _without_commit_of_what_was_restored,
    _without_a_way_round_damage,
    _without_the_identity_of_topics,
    _without_asking_whose_records_they_are,
    _without_waiting_for_what_was_sent,
    _without_covering_parts,
    _without_going_back,
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__.strip("_"))
def test_it_finds_what_was_mended(
    fault: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Within the seeds of `make check`; the message names the one that repeats it."""
    fault(monkeypatch)
    with pytest.raises(DifferentError, match=r"repeat it by simulate\(\d+\)"):
        simulate_all(range(1_000))
