"""The chaos suite: `pytest tests/stream/test_chaos.py --chaos 10`, 10 being the number of blows.

Workers on Apache Kafka are killed, terminated, frozen, added and taken away at random, the broker
is killed and started again, once after a minute, and producers have sent one event in fifty
twice; in the end every record must be byte for byte what one undisturbed process gives.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from analyzer.core.config import CoreConfig
from analyzer.settings import Settings, Worker
from analyzer.stream import brokers, parity, trial

PARTITIONS = 4
TEN_YEARS_S = 315_360_000
FROZEN_S = 8.0
BROKER_DOWN_S, BROKER_LONG_DOWN_S = 12.0, 60.0
BLOWS = ("kill", "kill", "kill", "terminate", "freeze", "resize", "broker")
LONG_BREAK_AT = 10
"""After so many blows the broker is away for a minute."""
SENT_TWICE = 0.02
MOST_WORKERS = 3
WITHIN_S = 300.0

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]


class Crew:
    """Two or three worker processes and a supervisor that starts them again."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        self.settings = settings
        self.logs = [folder / f"{number}.log" for number in range(MOST_WORKERS)]
        self.workers = [self._start(number) for number in (0, 1)]
        self.unexpected: list[int] = []

    def _start(self, number: int) -> subprocess.Popen[bytes]:
        with self.logs[number].open("ab") as out:
            return subprocess.Popen(
                [sys.executable, "-m", "analyzer", "worker"],
                env=trial.environment(self.settings),
                stdout=out,
                stderr=subprocess.STDOUT,
            )

    def supervise(self) -> None:
        """Start again whatever has ended by itself."""
        for number, worker in enumerate(self.workers):
            if worker.poll() is not None:
                self.unexpected.append(worker.returncode)
                self.workers[number] = self._start(number)

    def strike(self, number: int, how: str) -> None:
        """One blow against one worker."""
        worker = self.workers[number]
        if how == "freeze":
            worker.send_signal(signal.SIGSTOP)
            time.sleep(FROZEN_S)
            worker.send_signal(signal.SIGCONT)
            return
        worker.send_signal(signal.SIGKILL if how == "kill" else signal.SIGTERM)
        code = worker.wait(15)
        just_born = how == "terminate" and code == -signal.SIGTERM  # the interpreter was loading
        assert just_born or code == (-signal.SIGKILL if how == "kill" else 0)
        self.workers[number] = self._start(number)

    def resize(self) -> None:
        """A third worker joins, or leaves again."""
        if len(self.workers) < MOST_WORKERS:
            self.workers.append(self._start(len(self.workers)))
            return
        leaving = self.workers.pop()
        leaving.terminate()
        leaving.wait(15)

    def end(self) -> None:
        """SIGTERM to all."""
        for worker in self.workers:
            if worker.poll() is None:
                worker.terminate()
        for worker in self.workers:
            worker.wait(15)


@contextmanager
def working(crew: Crew) -> Iterator[Crew]:
    """The crew; whatever of it is left in the end is killed."""
    try:
        yield crew
    finally:
        for worker in crew.workers:
            worker.kill()


def take_away(broker: brokers.Broker, for_s: float) -> None:
    """Kill the broker, and start it again after so long."""
    broker.kill()
    time.sleep(for_s)
    broker.start_again()


def scenario(folder: Path) -> list[list[bytes]]:
    """A scenario with a campaign, by partition."""
    file = folder / "scenario.ndjson"
    command = [sys.executable, "-m", "analyzer", "simulate", "--scenario", "hydra"]
    subprocess.run([*command, "--out", str(file)], check=True, capture_output=True)
    lines = file.read_bytes().splitlines()
    parts = parity.by_account(lines, PARTITIONS)
    return [part + parity.sentinels(lines, i) for i, part in enumerate(parts)]


def sent_twice(rng: np.random.Generator, lines: list[bytes]) -> list[bytes]:
    """The lines as a producer sends them that repeats some after a timeout, a little later."""
    again = np.flatnonzero(rng.random(len(lines) - 1) < SENT_TWICE)
    places = np.minimum(again + rng.integers(1, 50, len(again)), len(lines) - 1)
    sent = list(lines)
    for place, number in sorted(zip(places.tolist(), again.tolist(), strict=True), reverse=True):
        sent.insert(place, lines[number])
    return sent


def test_no_blow_changes_a_record(pytestconfig: pytest.Config, tmp_path: Path) -> None:
    """Whatever happens, alerts, campaigns and members are those of one undisturbed process."""
    blows, jars = pytestconfig.getoption("--chaos"), trial.jars_of(pytestconfig.rootpath)
    if not blows or jars is None:
        pytest.skip("only with --chaos BLOWS, and with Java and Maven")
    rng = np.random.default_rng(pytestconfig.getoption("--chaos-seed"))
    parts, name = scenario(tmp_path), uuid.uuid4().hex[:8]
    with brokers.apache(jars) as broker:
        settings = Settings(
            broker=broker.url,
            app_id=name,
            cohort_shards=2,
            topics=trial.own_topics(name, PARTITIONS),
            worker=Worker(snapshot_every_s=2.0),
            core=CoreConfig(max_future_s=TEN_YEARS_S),
        )
        trial.create_topics(settings)
        for number, part in enumerate(parts):
            sent = sent_twice(rng, part)
            trial.produce(settings, ((None, line) for line in sent), partition=number)
        with working(Crew(settings, tmp_path)) as crew:
            for blow in range(blows):
                time.sleep(rng.uniform(0.5, 6.0))
                crew.supervise()
                if blow == LONG_BREAK_AT:
                    take_away(broker, BROKER_LONG_DOWN_S)
                elif (how := str(rng.choice(BLOWS))) == "broker":
                    take_away(broker, BROKER_DOWN_S)
                elif how == "resize":
                    crew.resize()
                else:
                    crew.strike(int(rng.integers(len(crew.workers))), how)
            deadline = time.monotonic() + WITHIN_S
            while trial.lag(settings) and time.monotonic() < deadline:
                crew.supervise()
                time.sleep(1.0)
            crew.end()
        names = settings.topics
        found = {
            value
            for topic in (names.alerts, names.campaigns, names.members)
            for _, value in trial.consume(settings, topic)
        }
    assert found == set(parity.records(settings.core, parts))
