"""The chaos suite: `pytest tests/stream/test_chaos.py --chaos 10`, 10 being the number of blows.

Workers on Apache Kafka are killed, terminated, frozen, added and taken away at random, the broker
is killed and started again, once after a minute, and producers have sent one event in fifty
twice; in the end every record must be byte for byte what one undisturbed process gives.
"""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from analyzer.stream import brokers, parity, trial
from analyzer.stream.crew import Crew, working

PARTITIONS = 4
BROKER_DOWN_S, BROKER_LONG_DOWN_S = 12.0, 60.0
BLOWS = ("kill", "kill", "kill", "terminate", "freeze", "resize", "broker")
LONG_BREAK_AT = 10
"""After so many blows the broker is away for a minute."""
SENT_TWICE = 0.02
WITHIN_S = 300.0

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]


def take_away(broker: brokers.Broker, for_s: float) -> None:
    """Kill the broker, and start it again after so long."""
    broker.kill()
    time.sleep(for_s)
    broker.start_again()


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
    parts = trial.scenario("hydra", PARTITIONS)
    with brokers.apache(jars) as broker:
        settings = trial.settings_for(broker.url, PARTITIONS, cohort_shards=2)
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
            assert crew.work_off(WITHIN_S)
            crew.end()
        found = trial.answers(settings)
    assert found == sorted(set(parity.records(settings.core, parts)))
