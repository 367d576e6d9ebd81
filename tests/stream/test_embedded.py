"""The worker on the embedded broker, which tells less than Apache Kafka does."""

from __future__ import annotations

from pathlib import Path

import pytest

from analyzer.settings import Settings
from analyzer.testing import brokers, harness

pytestmark = pytest.mark.integration

WATCHED_S = 14.0
"""Longer than the watch over topics and members takes for two looks."""


def test_it_goes_on_working(tmp_path: Path) -> None:
    """Whatever that broker does not tell of topics, members and marks is no reason to stop."""
    with brokers.embedded() as broker:
        settings: Settings = harness.settings_for(broker.url, 2)
        harness.create_topics(settings)
        harness.produce(settings, [(b"k", b"no event")] * 50)
        for log in (tmp_path / "a.log", tmp_path / "b.log"):
            with harness.worker(settings, log) as worker:
                assert not harness.wait_until(
                    lambda w=worker: w.popen.poll() is not None, WATCHED_S
                )
                assert worker.terminate() == 0, worker.text()
        assert harness.consume(settings, settings.topics.dead_letters)
