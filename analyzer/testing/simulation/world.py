"""A run of the simulation: traffic, faults by a seed, and the lines that must come out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import lru_cache

import msgspec
import numpy as np
from faust.types import TP
from numpy.random import Generator

from analyzer.core.account.step import AccountStep
from analyzer.core.config import CoreConfig
from analyzer.core.contracts import blocks
from analyzer.core.contracts.blocks import PaneBlock
from analyzer.core.ingest.step import IngestStep, RawBatch
from analyzer.core.kernels.byte_strings import Texts
from analyzer.core.pipeline import KINDS
from analyzer.formats.options import FormatSettings
from analyzer.settings import Settings
from analyzer.settings_tables import Worker
from analyzer.stream.owners.assignment import Owner
from analyzer.stream.owners.catalog import live_step
from analyzer.stream.owners.context import Context
from analyzer.stream.owners.ingest import IngestOwner
from analyzer.stream.owners.outbox import Outbox
from analyzer.stream.owners.shard import LiveStep, StepOwner
from analyzer.stream.topics.catalog import Layout, wanted
from analyzer.testing.simulation.ledger import LedgerBlock, LedgerCampaign, LedgerCohort
from analyzer.testing.simulation.memory_broker import MemoryBroker
from analyzer.testing.simulation.virtual_time import run_virtually
from analyzer.testing.simulation.worker import SimWorker

PANE_S, PANES, EVENTS, ACCOUNTS = 60, 6, 30, 9
SAME_EVENTS = 20
"""So many seeds one after another have the same events, and other faults."""
BEGIN_MS = 1_700_000_040_000
PARTITIONS, SHARDS = 2, 2
TROUBLE_S, SESSION_S, HEALED_WITHIN_S = 7.0, 6.0, 200.0
CORE = CoreConfig(pane_s=PANE_S, lateness_s=30, max_future_s=315_360_000, max_jump_s=315_360_000)
SETTINGS = Settings(
    broker="kafka://simulated:1",
    shards=SHARDS,
    cohort_shards=SHARDS,
    core=CORE,
    formats=FormatSettings(name="native"),  # other formats are read the same, at a higher cost
    worker=Worker(snapshot_every_s=1.0, idle_after_s=1e6),
)


def events(rng: Generator) -> list[list[bytes]]:
    """Events of each partition, a little out of order; those at the end close all panes."""
    parts = []
    for source in range(PARTITIONS):
        at = np.sort(rng.integers(0, PANES * PANE_S * 1_000, EVENTS))
        at = at + rng.integers(0, 20_000, EVENTS)  # less than the lateness
        who = rng.integers(ACCOUNTS, size=EVENTS).tolist()
        lines = [_event(f"{source}-{i}", ms, who[i]) for i, ms in enumerate(at.tolist())]
        after = (PANES + 60) * PANE_S * 1_000
        lines += [_event(f"{source}-end-{n}", after + n, n) for n in range(ACCOUNTS)]
        parts.append(lines)
    return parts


def _event(name: str, ms: int, account: int) -> bytes:
    return msgspec.json.encode(
        {
            "event_id": name,
            "timestamp_ms": BEGIN_MS + ms,
            "account_id": f"acct-{account}",
            "model": "m",
            "input_tokens": 1,
            "output_tokens": ms % 7,
            "status": "ok",
        }
    )


def undisturbed(parts: list[list[bytes]]) -> list[bytes]:
    """The lines of the same events, in one process, without a broker."""
    accounts = [AccountStep(CORE, shard=n, sources=PARTITIONS) for n in range(SHARDS)]
    cohorts = [LedgerCohort(n, SHARDS, SHARDS) for n in range(SHARDS)]
    campaign = LedgerCampaign(SHARDS)
    lines: list[bytes] = []
    for source, part in enumerate(parts):
        ingest = IngestStep(CORE, source=source, source_name="requests", shards=SHARDS)
        raw = RawBatch(Texts.of(part), np.arange(len(part)), np.full(len(part), 2**52))
        for step, event_block in zip(accounts, ingest.feed(raw).made, strict=True):
            for pane_block in step.feed(event_block).made:
                for cohort in cohorts:
                    for ledger_block in cohort.feed(pane_block).made:
                        lines += campaign.feed(ledger_block).made
    return lines


def owner_maker(context: Context) -> Callable[[TP, int], Owner]:
    """Real owners; the two last steps only add up."""
    names, stamp = context.settings.topics, context.settings.stamp

    async def to_campaign(outbox: Outbox, made: Iterable[LedgerBlock]) -> None:
        for block in made:
            data = blocks.encode(block, stamp)  # type: ignore[arg-type] # a block of its own
            await outbox.put_block(names.campaign, block, data, range(1))  # type: ignore[arg-type] # as above

    async def to_people(outbox: Outbox, made: Iterable[bytes]) -> None:
        for line in made:
            await outbox.put(names.alerts, line, key=line.split(b" ")[0])

    account = live_step(context, KINDS["account"])
    ingest = live_step(context, KINDS["ingest"])
    steps = {
        names.account: account,
        names.cohort: LiveStep(
            "cohort", (PaneBlock,), lambda n: LedgerCohort(n, SHARDS, SHARDS), to_campaign
        ),
        names.campaign: LiveStep(
            "campaign", (LedgerBlock,), lambda _: LedgerCampaign(SHARDS), to_people
        ),
    }

    def make(tp: TP, generation: int) -> Owner:
        if tp.topic == names.requests:
            return IngestOwner(context, ingest, tp, generation)
        return StepOwner(context, steps[tp.topic], tp, generation)

    return make


@dataclass(slots=True)
class World:
    """Everything of one run.

    Parameters
    ----------
    seed
        Decides all of it.
    """

    seed: int
    rng: Generator = field(init=False)
    broker: MemoryBroker = field(init=False)
    workers: list[SimWorker] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    """What happened, and when."""
    _started: int = 0

    def __post_init__(self) -> None:
        self.rng = np.random.default_rng(self.seed)
        names = SETTINGS.topics
        counts = {
            names.requests: PARTITIONS,
            names.account: SHARDS,
            names.cohort: SHARDS,
            names.campaign: 1,
        }
        read = [TP(topic, p) for topic, count in counts.items() for p in range(count)]
        ids = {topic.name: f"{n:032x}" for n, topic in enumerate(wanted(SETTINGS), 1)}
        self.broker = MemoryBroker(self.rng, ids, read)

    def tell(self, what: str) -> None:
        """Remember for whoever has to understand a failure."""
        self.told.append(f"{asyncio.get_running_loop().time():7.2f} s  {what}")

    async def run(self, parts: list[list[bytes]]) -> set[bytes]:
        """The lines that came out."""
        for _ in range(2):
            self._start()
        self.broker.rebalance(self._members())
        remade = self.rng.random() < 0.3
        halves = [len(part) // 2 if remade else len(part) for part in parts]
        await asyncio.gather(
            self._produce([part[:half] for part, half in zip(parts, halves, strict=True)]),
            self._trouble(),
        )
        await self._heal()
        if remade:
            self._remake()
            await self._produce([part[half:] for part, half in zip(parts, halves, strict=True)])
            await self._heal()
        for worker in self.workers:
            worker.kill()
        log = self.broker.log(TP(SETTINGS.topics.alerts, 0))
        return {entry.value or b"" for entry in log.entries}

    def _start(self) -> None:
        names = SETTINGS.topics
        counts = {topic.name: topic.create_with for topic in wanted(SETTINGS)}
        layout = Layout(counts | {names.requests: PARTITIONS}, dict(self.broker.topics))
        self._started += 1
        errors = 0.002 if self.rng.random() < 0.3 else 0.0
        self.workers.append(
            SimWorker(
                self._started,
                self.broker,
                SETTINGS,
                layout,
                owner_maker,
                send_errors=errors,
            )
        )

    def _members(self) -> set[int]:
        return {w.number for w in self.workers if not w.dead and w.thawed.is_set()}

    async def _produce(self, parts: list[list[bytes]]) -> None:
        left = [list(part) for part in parts]
        while any(left):
            await asyncio.sleep(self.rng.exponential(0.7))
            source = int(self.rng.choice([n for n, part in enumerate(left) if part]))
            count = int(self.rng.integers(1, 30))
            now, left[source] = left[source][:count], left[source][count:]
            for line in now:
                self.broker.log(TP(SETTINGS.topics.requests, source)).append(None, line)

    async def _trouble(self) -> None:
        """One fault after another."""
        loop = asyncio.get_running_loop()
        while loop.time() < TROUBLE_S:
            await asyncio.sleep(self.rng.exponential(1.0))
            faults = (
                self._kill,
                self._stop,
                self._freeze,
                self._share,
                self._compact,
                self._spoil,
                self._jump,
            )
            await faults[int(self.rng.integers(len(faults)))]()
            self._replace_the_dead()

    def _one(self) -> SimWorker:
        return self.workers[int(self.rng.integers(len(self.workers)))]

    async def _kill(self) -> None:
        worker = self._one()
        self.tell(f"kill {worker.number}")
        worker.kill()
        if self.rng.random() < 0.5:
            await asyncio.sleep(self.rng.exponential(SESSION_S / 2))

    async def _stop(self) -> None:
        worker = self._one()
        self.tell(f"terminate {worker.number}")
        await asyncio.wait([asyncio.ensure_future(worker.terminate())], timeout=10.0)
        worker.kill()

    async def _freeze(self) -> None:
        worker = self._one()
        self.tell(f"freeze {worker.number}")
        worker.thawed.clear()
        asyncio.get_running_loop().call_later(
            float(self.rng.exponential(SESSION_S / 3)), worker.thawed.set
        )
        await self._share()

    async def _share(self) -> None:
        if self.rng.random() < 0.2 and len(self.workers) < 4:
            self._start()
        self.broker.rebalance(self._members())
        self.tell(f"generation {self.broker.generation}: {sorted(self.broker.shares)}")

    async def _compact(self) -> None:
        self.tell("compact the snapshots")
        for tp, log in self.broker.logs.items():
            if tp.topic.startswith(SETTINGS.topics.snapshots):
                log.compact()

    async def _spoil(self) -> None:
        """A page of a snapshot is damaged."""
        saved = [
            (tp, entry.key)
            for tp, log in self.broker.logs.items()
            if tp.topic.startswith(SETTINGS.topics.snapshots)
            for entry in log.entries[-3:]
            if entry.key and entry.value and not entry.key.endswith(b"/manifest")
        ]
        if saved:
            tp, key = saved[int(self.rng.integers(len(saved)))]
            page = key.partition(b"/")[2]  # the owner's name before it is drawn anew each time
            self.tell(f"damage {page!r} in {tp.topic}/{tp.partition}")
            self.broker.log(tp).append(key, b"junk")

    async def _jump(self) -> None:
        worker = self._one()
        worker.clock_ahead_s += float(self.rng.exponential(30.0))
        self.tell(f"the clock of {worker.number} jumps")

    def _replace_the_dead(self) -> None:
        dead = [worker for worker in self.workers if worker.dead]
        for worker in dead:
            if worker.error is not None:
                self.tell(f"{worker.number} ended: {worker.error!r}")
            self.workers.remove(worker)
            self._start()
        if dead:
            self.broker.rebalance(self._members())
            self.tell(f"generation {self.broker.generation}: {sorted(self.broker.shares)}")

    async def _heal(self) -> None:
        """No more faults: everything is worked off."""
        loop = asyncio.get_running_loop()
        until = loop.time() + HEALED_WITHIN_S
        for worker in self.workers:
            worker.thawed.set()
            worker.send_errors = 0.0
        self.broker.rebalance(self._members())
        while not self._is_done():
            if loop.time() >= until:
                raise TimeoutError(f"records wait for ever: {self._waiting()}")
            await asyncio.sleep(1.0)
            if any(worker.dead for worker in self.workers):
                self._replace_the_dead()
                for worker in self.workers:
                    worker.send_errors = 0.0

    def _is_done(self) -> bool:
        """Everything is read, and committed as far as it can be covered."""
        owners = {tp: o for w in self.workers if not w.dead for tp, o in w.ownership.owners.items()}
        return all(
            tp in owners
            and owners[tp].next == self.broker.log(tp).end
            and owners[tp].cover == self.broker.committed.get(tp, (0, ""))[0]
            for tp in self.broker.read
        )

    def _waiting(self) -> str:
        broker = self.broker
        ends = {tp: (broker.committed.get(tp), broker.log(tp).end) for tp in broker.read}
        return f"committed and end of each log: {ends}"

    def _remake(self) -> None:
        """Under workers that run, or while nobody does."""
        running = self.rng.random() < 0.5
        self.tell(
            f"the topic of requests is made anew, {'under' if running else 'without'} workers"
        )
        for worker in () if running else self.workers:
            worker.kill()
        self.broker.remake(SETTINGS.topics.requests, "f" * 32)
        self._replace_the_dead()


class DifferentError(AssertionError):
    """A run did not give what the undisturbed one gives; names the seed that repeats it."""


@lru_cache(maxsize=1)
def _given_and_expected(seed: int) -> tuple[list[list[bytes]], frozenset[bytes]]:
    """Events, and the lines that must come out."""
    parts = events(np.random.default_rng(seed))
    return parts, frozenset(undisturbed(parts))


def simulate(seed: int) -> None:
    """One run.

    Raises
    ------
    DifferentError
        If a line is missing, or there is one too many.
    """
    world = World(seed)
    parts, expected = _given_and_expected(seed // SAME_EVENTS)
    repeat = f"repeat it by simulate({seed})"
    try:
        found = run_virtually(world.run(parts))
    except Exception as error:
        story = "\n".join(world.told[-30:])
        raise DifferentError(f"{error!r}; {repeat}\n{story}") from error
    if found != expected:
        story = "\n".join(world.told[-30:])
        raise DifferentError(
            f"{len(expected - found)} lines are missing and {len(found - expected)} are wrong; "
            f"{repeat}\n{story}"
        )
