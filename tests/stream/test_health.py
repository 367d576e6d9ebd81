"""A real worker tells how it is: ready, what it counted, and that it stands still."""

from __future__ import annotations

import re
import sys
import urllib.error
import urllib.request
import uuid
from pathlib import Path

import msgspec
import pytest

from analyzer.ops.metrics import WORKER
from analyzer.settings import Settings
from analyzer.settings_tables import Health, Worker
from analyzer.testing import harness
from analyzer.testing.brokers import Broker, free_port

STANDING = Path(__file__).with_name("standing_worker.py")
START_MS = 1_700_000_000_000
HOUR_MS = 3_600_000

pytestmark = pytest.mark.integration


@pytest.fixture
def settings(broker: Broker) -> Settings:
    """Topics, a group and a port of their own."""
    name = uuid.uuid4().hex[:8]
    return Settings(
        broker=broker.url,
        app_id=name,
        topics=harness.own_topics(name, 2),
        worker=Worker(snapshot_every_s=1.0, idle_after_s=1.0, stuck_after_s=8.0),
        health=Health(port=free_port()),
    )


def get(settings: Settings, path: str) -> tuple[int, str]:
    """Status and text of an answer; status 0 if nobody answers."""
    try:
        url = f"http://127.0.0.1:{settings.health.port}{path}"
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()
    except OSError:
        return 0, ""


def read(settings: Settings, sample: str) -> float:
    """One sample of the metrics; 0 if it is not there."""
    found = re.search(rf"^{re.escape(sample)} (\S+)$", get(settings, "/metrics")[1], re.MULTILINE)
    return float(found[1]) if found else 0.0


def event(number: int, at_ms: int) -> harness.Message:
    """A request."""
    fields = {
        "event_id": f"event-{number}",
        "timestamp_ms": at_ms,
        "account_id": f"somebody-{number % 20}",
        "model": "model",
        "input_tokens": 1,
        "output_tokens": 1,
        "status": "ok",
        "client_ip": "192.0.2.1",
        "prompt_template_id": "template-of-somebody",
    }
    return None, msgspec.json.encode(fields)


def test_a_worker_counts_what_it_is_given(settings: Settings, tmp_path: Path) -> None:
    """Ready once its partitions are restored; every documented name; counts as the input has."""
    harness.create_topics(settings)
    harness.produce(
        settings,
        [
            (None, b"not json"),
            (None, b"{}"),
            *(event(number, START_MS) for number in range(20)),
            event(0, START_MS),  # a duplicate
            *(event(number, START_MS + HOUR_MS) for number in range(20, 40)),
            event(40, START_MS),  # late
        ],
        partition=0,
    )
    with harness.worker(settings, tmp_path / "a.log") as worker:
        assert harness.wait_until(lambda: get(settings, "/readyz") == (200, "ok\n"), 10.0)
        counted = "analyzer_duplicates_dropped_total"
        assert harness.wait_until(lambda: read(settings, counted) == 1, 20.0), worker.text()
        written = 'analyzer_snapshots_total{step="account"}'
        assert harness.wait_until(lambda: read(settings, written) > 0, 10.0), worker.text()
        # The watch tells the lag every two seconds.
        waiting = 'analyzer_lag_records{partition="0",step="ingest"}'
        assert harness.wait_until(lambda: waiting + " 0.0" in get(settings, "/metrics")[1], 10.0)
        samples = {
            "analyzer_events_total": 44,
            'analyzer_dead_letters_total{reason="not_json"}': 1,
            'analyzer_dead_letters_total{reason="missing_field"}': 1,
            'analyzer_dead_letters_total{reason="late"}': 1,
            "analyzer_late_events_total": 1,
            "analyzer_panes_closed_total": settings.shards,  # the same one in each
        }
        assert {sample: read(settings, sample) for sample in samples} == samples
        assert read(settings, 'analyzer_event_time_lag_seconds{partition="0",step="ingest"}') > 0
        text = get(settings, "/metrics")[1]
        told = set(re.findall(r"^# TYPE (analyzer_\w+)", text, re.MULTILINE))
        assert told == {metric.name for metric in WORKER}
        assert "somebody" not in text
        assert "192.0.2" not in text
        assert get(settings, "/healthz") == (200, "ok\n")
        assert worker.terminate() == 0


@pytest.mark.parametrize(
    ("how", "reason"), [("waits", "stands still at 0"), ("hangs", "has not turned")]
)
def test_a_worker_that_stands_still_is_unhealthy_and_ends(
    how: str, reason: str, settings: Settings, tmp_path: Path
) -> None:
    """Well at first; after half of the time unhealthy, with the reason; then exit 1."""
    harness.create_topics(settings)
    harness.produce(settings, [event(1, START_MS)], partition=0)
    with harness.worker(
        settings, tmp_path / "a.log", [sys.executable, str(STANDING), how]
    ) as worker:
        assert harness.wait_until(lambda: get(settings, "/healthz")[0] == 200, 5.0)
        assert harness.wait_until(lambda: get(settings, "/healthz")[0] == 503, 10.0), worker.text()
        assert reason in get(settings, "/healthz")[1]
        assert worker.popen.wait(20.0) == 1
    assert reason in worker.text()


def test_a_client_that_gives_up_ends_the_worker(settings: Settings, tmp_path: Path) -> None:
    """Exit 1 with the reason; otherwise one of its tasks would be missing from then on."""
    harness.create_topics(settings)
    line = [sys.executable, str(STANDING), "gives up"]
    with harness.worker(settings, tmp_path / "a.log", line) as worker:
        assert worker.popen.wait(30.0) == 1
    assert "gave up a request of its own" in worker.text()


def test_a_taken_port_is_wrong_usage(settings: Settings, tmp_path: Path) -> None:
    """A second worker with the same port ends with 2 and names the setting; the first goes on."""
    harness.create_topics(settings)
    with harness.worker(settings, tmp_path / "a.log") as first:
        second = harness.run(settings, "worker")
        assert second.returncode == 2, second.stderr
        assert f"health.port: can't listen on 127.0.0.1:{settings.health.port}" in second.stderr
        assert get(settings, "/healthz")[0] == 200
        assert first.terminate() == 0
