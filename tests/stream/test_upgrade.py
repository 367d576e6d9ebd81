"""One release after another on the same topics, mid-stream: the same bytes, or a clear refusal.

The next release is this one with its versions raised (``next_release_worker.py``).
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from analyzer.release import code_digest
from analyzer.settings import Settings
from analyzer.settings_tables import Kafka
from analyzer.testing import harness, reference_run
from analyzer.testing.brokers import Broker

PARTS = 2


@pytest.fixture
def settings(apache_broker: Broker) -> Settings:
    """Topics of their own, all created."""
    return made(apache_broker)


def made(broker: Broker) -> Settings:
    """A group and topics that nobody else uses."""
    found = harness.settings_for(broker.url, PARTS, shards=2, kafka=Kafka(session_timeout_s=6.0))
    harness.create_topics(found)
    return found


@pytest.fixture(scope="module")
def parts() -> list[list[bytes]]:
    """The same events for each."""
    return harness.scenario("smoke", PARTS)


def following(versions: str) -> list[str]:
    """Command of a worker of the next release."""
    return [sys.executable, str(Path(__file__).with_name("next_release_worker.py")), versions]


def ends(settings: Settings, tmp_path: Path, versions: str) -> tuple[int, str]:
    """Exit code and log of a worker of the next release that ends by itself."""
    log = tmp_path / "refused.log"
    process = harness.WorkerProcess(
        "worker", following(versions), log, environment=harness.environment(settings)
    )
    try:
        assert harness.wait_until(lambda: not process.running, 60.0), process.text()
        return process.popen.returncode, process.text()
    finally:
        process.kill()


def work(settings: Settings, log: Path, command: list[str]) -> str:
    """A worker reads all that is there, and ends well; what it logged."""
    with harness.worker(settings, log, command) as worker:
        assert harness.caught_up(settings, 60.0), worker.text()
        assert worker.terminate() == 0
        return worker.text()


def expected(settings: Settings, parts: list[list[bytes]]) -> list[bytes]:
    """What an undisturbed run makes of the events."""
    return sorted(set(reference_run.records(settings.core, parts)))


@pytest.mark.parametrize("versions", ["states", "blocks"])
def test_beside_the_last_release_the_next_does_not_start(
    settings: Settings, parts: list[list[bytes]], tmp_path: Path, versions: str
) -> None:
    """And nothing of it comes between; afterwards it takes over, or says what to do."""
    harness.feed(settings, parts, 0.0, 0.4)
    with harness.worker(settings, tmp_path / "last.log") as last:
        code, said = ends(settings, tmp_path, versions)
        assert code != 0
        assert "runs with other settings or another release" in said
        harness.feed(settings, parts, 0.4, 0.7)
        assert harness.caught_up(settings, 60.0), last.text()
        assert last.terminate() == 0
        assert "rebalanc" not in last.text()
    if versions == "states":
        harness.feed(settings, parts, 0.7, 1.0)
        log = work(settings, tmp_path / "next.log", following(versions))
        assert "rebuilding from what the topic still holds" in log
    else:
        code, said = ends(settings, tmp_path, versions)
        assert code == 1
        assert "a block was made by another release" in said
        assert "to count anew" in said
        harness.feed(settings, parts, 0.7, 1.0)
        code, _ = ends(settings, tmp_path, versions)
        assert code == 1
        work(settings, tmp_path / "last again.log", [])
    assert harness.answers(settings) == expected(settings, parts)


@pytest.mark.parametrize("file", ["core/step.py", "core/campaign/kinds.json", "formats/kong.py"])
def test_other_code_is_another_release(file: str, tmp_path: Path) -> None:
    """Of one number, too; what decides no answer may differ."""
    for name in ("core/step.py", "core/campaign/kinds.json", "formats/kong.py", "console/x.py"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x = 1\n", "utf-8")
    before = code_digest(tmp_path)
    (tmp_path / "core" / "__pycache__").mkdir()
    (tmp_path / "core" / "__pycache__" / "step.pyc").write_bytes(b"x")
    (tmp_path / "console/x.py").write_text("x = 2\n", "utf-8")
    assert code_digest(tmp_path) == before
    (tmp_path / file).write_text("x = 2\n", "utf-8")
    assert code_digest(tmp_path) != before
