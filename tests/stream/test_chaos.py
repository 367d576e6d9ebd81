"""The chaos suite: `pytest tests/stream/test_chaos.py --chaos 10`, 10 being the number of kills.

Workers on Apache Kafka are killed, terminated, frozen, added and taken away at random, the broker
is killed and started again, once after a minute, and producers have sent one event in fifty
twice; in the end every record must be byte for byte what one undisturbed process gives.
"""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from analyzer.testing import brokers, harness, reference_run
from analyzer.testing.worker_pool import WorkerPool

PARTITIONS = 4
BROKER_DOWN_S, BROKER_LONG_DOWN_S = 12.0, 60.0
BLOWS = ("kill", "kill", "kill", "terminate", "freeze", "resize", "broker")
LONG_BREAK_AT = 10
"""After so many blows the broker is away for a minute."""
SENT_TWICE = 0.02
WITHIN_S = 300.0

pytestmark = [pytest.mark.integration, pytest.mark.timeout(2_400)]


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
    kills, jars = pytestconfig.getoption("--chaos"), harness.jars_of(pytestconfig.rootpath)
    if not kills or jars is None:
        pytest.skip("only with --chaos KILLS, and with Java and Maven")
    rng = np.random.default_rng(pytestconfig.getoption("--chaos-seed"))
    parts = harness.scenario("hydra", PARTITIONS)
    with brokers.apache(jars) as broker:
        settings = harness.settings_for(broker.url, PARTITIONS, cohort_shards=2)
        harness.create_topics(settings)
        for number, part in enumerate(parts):
            sent = sent_twice(rng, part)
            harness.produce(settings, ((None, line) for line in sent), partition=number)
        with WorkerPool(settings, tmp_path) as pool:
            blows = Counter[str]()
            while blows["kill"] < kills:
                time.sleep(rng.uniform(0.5, 6.0))
                pool.supervise()
                how = str(rng.choice(BLOWS))
                if blows.total() == LONG_BREAK_AT:
                    how = "long break"
                blows[how] += 1
                if how == "long break":
                    take_away(broker, BROKER_LONG_DOWN_S)
                elif how == "broker":
                    take_away(broker, BROKER_DOWN_S)
                elif how == "resize":
                    pool.resize()
                else:
                    pool.inject(int(rng.integers(len(pool.workers))), how)
            assert pool.work_off(WITHIN_S), harness.left(settings)
            pool.end()
        found = harness.answers(settings)
    print(f"blows: {dict(blows)}; {len(found):,} records")
    assert found == sorted(set(reference_run.records(settings.core, parts)))
