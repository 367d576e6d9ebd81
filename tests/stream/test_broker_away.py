"""Down means down: a broker that is gone shows in readiness, hardly in the log, and holds nobody.

The broker is killed, or frozen: then connections stay open and nothing ever answers.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from analyzer.settings import Settings
from analyzer.settings_tables import Health
from analyzer.testing import brokers, harness
from analyzer.testing.brokers import Broker, free_port

WITHIN_S = 10
"""Readiness and exit, as promised."""

pytestmark = pytest.mark.integration


@pytest.fixture
def own_broker(pytestconfig: pytest.Config) -> Iterator[Broker]:
    """A broker that may be killed."""
    jars = harness.jars_of(pytestconfig.rootpath)
    if jars is None:
        pytest.skip("needs Apache Kafka: install Java 17 and Maven")
    with brokers.apache(jars) as broker:
        yield broker
        broker.process.send_signal(signal.SIGCONT)


@pytest.fixture
def settings(own_broker: Broker) -> Settings:
    """Topics and a port for health."""
    found = harness.settings_for(own_broker.url, 2, health=Health(port=free_port()))
    harness.create_topics(found)
    return found


def ready(settings: Settings) -> tuple[int, str]:
    """What /readyz says."""
    url = f"http://127.0.0.1:{settings.health.port}/readyz"
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()
    except OSError as error:
        return 0, str(error)


@contextmanager
def running(settings: Settings, command: str, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process of ours, once it is ready."""
    line = [sys.executable, "-m", "analyzer", command]
    with log.open("wb") as out:
        process = subprocess.Popen(line, env=harness.environment(settings), stdout=out, stderr=out)
    try:
        assert harness.wait_until(lambda: ready(settings)[0] == 200, 40.0), log.read_text()
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "frozen"])
def test_without_a_broker(
    own_broker: Broker, settings: Settings, tmp_path: Path, how: signal.Signals
) -> None:
    """Not ready within ten seconds, a line a minute, and SIGTERM ends it within ten seconds."""
    alone = settings.model_copy(update={"health": Health(port=free_port())})
    log, other_log = tmp_path / "worker.log", tmp_path / "notify.log"
    with running(settings, "worker", log) as worker, running(alone, "notify", other_log) as notify:
        logs = {log: len(lines_of(log)), other_log: len(lines_of(other_log))}
        own_broker.process.send_signal(how)
        for mine in (settings, alone):
            assert harness.wait_until(lambda mine=mine: ready(mine)[0] == 503, WITHIN_S)
            assert "the broker has not answered for" in ready(mine)[1]
        assert (worker.poll(), notify.poll()) == (None, None)
        harness.wait_until(lambda: False, 15.0)
        for path, before in logs.items():
            lines = lines_of(path)[before:]
            assert sum("no broker; work goes on when it answers" in line for line in lines) == 1
            assert len(lines) <= 3, lines
        for process in (worker, notify):
            process.send_signal(signal.SIGTERM)
        assert (worker.wait(WITHIN_S), notify.wait(WITHIN_S)) == (0, 0)


def lines_of(log: Path) -> list[str]:
    """What a process wrote so far."""
    return log.read_text().splitlines()


def test_sigterm_right_after_the_broker_went(
    own_broker: Broker, settings: Settings, tmp_path: Path
) -> None:
    """Before anybody has noticed, with events that are not saved."""
    harness.produce(settings, [(b"k", b"no event")] * 100)
    with running(settings, "worker", tmp_path / "log") as process:
        own_broker.process.send_signal(signal.SIGSTOP)
        process.send_signal(signal.SIGTERM)
        assert process.wait(WITHIN_S) == 0


def test_sigterm_as_it_starts_without_a_broker(
    own_broker: Broker, settings: Settings, tmp_path: Path
) -> None:
    """A notifier that waits for a group which nobody tells it of."""
    own_broker.process.send_signal(signal.SIGSTOP)
    with (tmp_path / "log").open("wb") as out:
        line = [sys.executable, "-m", "analyzer", "notify"]
        process = subprocess.Popen(line, env=harness.environment(settings), stdout=out, stderr=out)
    try:
        assert harness.wait_until(lambda: ready(settings)[0] == 503, 40.0)
        process.send_signal(signal.SIGTERM)
        assert process.wait(WITHIN_S) == 0
    finally:
        process.kill()
        process.wait()


def test_a_broker_that_comes_back(own_broker: Broker, settings: Settings, tmp_path: Path) -> None:
    """Ready again, and the log says so."""
    with running(settings, "worker", tmp_path / "log") as process:
        own_broker.kill()
        assert harness.wait_until(lambda: ready(settings)[0] == 503, WITHIN_S)
        own_broker.start_again()
        assert harness.wait_until(lambda: ready(settings)[0] == 200, 60.0)
        assert harness.wait_until(
            lambda: "the broker answers again" in (tmp_path / "log").read_text(), WITHIN_S
        )
        process.send_signal(signal.SIGTERM)
        assert process.wait(WITHIN_S) == 0
