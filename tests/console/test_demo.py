"""``analyzer demo``, from the first line to the last process."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
import uuid
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from analyzer.console.demo import _check
from analyzer.errors import AnalyzerError
from analyzer.ops.process_group import ProcessGroup
from analyzer.settings import Settings
from analyzer.testing import harness
from analyzer.testing.brokers import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analyzer.testing.brokers import Broker

ALERT = "(MEDIUM|HIGH|CRITICAL) Extraction campaign (opened|escalated)"
QUICKLY = ("--seconds", "20")


def environment(**more: str) -> dict[str, str]:
    """Our environment without settings, and with a mark that all processes inherit."""
    plain = {name: text for name, text in os.environ.items() if not name.startswith("ANALYZER_")}
    return plain | {"COLUMNS": "100", "DEMO_MARK": uuid.uuid4().hex} | more


def marked(mark: str) -> list[str]:
    """Command lines of the processes that carry the mark."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if mark.encode() in (folder / "environ").read_bytes():
                found.append((folder / "cmdline").read_bytes().replace(b"\0", b" ").decode())
    return [line for line in found if line]


@contextmanager
def demo(env: dict[str, str], *options: str) -> Iterator[subprocess.Popen[str]]:
    """A demo in a process group of its own, as a shell would start it."""
    line = [sys.executable, "-m", "analyzer", "demo", *options]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        line, env=env, stdout=pipe, stderr=subprocess.STDOUT, text=True, start_new_session=True
    ) as process:
        try:
            yield process
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def read_until(process: subprocess.Popen[str], word: str) -> str:
    """What the demo writes up to a line with this word."""
    lines: list[str] = []
    for line in process.stdout or ():
        lines.append(line)
        if word in line:
            break
    return "".join(lines)


@pytest.mark.integration
def test_the_campaign_is_shown(tmp_path: Path) -> None:
    """On the embedded broker: the alert, then where to go next; SIGTERM is a good end, nobody left.

    A Slack of yours hears nothing about simulated accounts.
    """
    config = tmp_path / "settings.toml"
    config.write_text("[slack]\nwebhook_url = 'http://127.0.0.1:9/'\n", "utf-8")
    env = environment(ANALYZER_CONFIG=str(config))
    with demo(env, *QUICKLY) as process:
        out = read_until(process, "Running on; Ctrl-C ends everything.")
        process.send_signal(signal.SIGTERM)
        out += process.communicate(timeout=30)[0]
    assert process.returncode == 0, out
    assert re.search(ALERT, out)
    order = ("starting an embedded broker", "Who ", "Why ", "Against ", "Do now ", "What you saw")
    places = [out.index(word) for word in order]
    assert places == sorted(places)
    assert "analyzer worker --create-topics" in out[places[-1] :]
    assert "Reseller" not in out
    assert "Traceback" not in out
    assert max(map(len, out.splitlines())) <= 100
    assert marked(env["DEMO_MARK"]) == []


@pytest.mark.integration
def test_ctrl_c_leaves_nobody_behind() -> None:
    """The whole foreground group gets SIGINT, as from a terminal."""
    env = environment()
    with demo(env, *QUICKLY) as process:
        read_until(process, "streaming traffic")
        harness.wait_until(lambda: len(marked(env["DEMO_MARK"])) >= 4, 20.0)
        began_s = time.monotonic()
        os.killpg(process.pid, signal.SIGINT)
        rest, _ = process.communicate(timeout=30)
        assert time.monotonic() - began_s < 10.0
    assert "Stopped; nothing is left running." in rest
    assert "Traceback" not in rest
    assert process.returncode == 1  # no alert was shown
    assert marked(env["DEMO_MARK"]) == []


@pytest.mark.integration
def test_a_cluster_in_use_is_left_as_it_was(broker: Broker) -> None:
    """Where the topic of requests holds events, the demo has topics of its own for a while."""
    own = uuid.uuid4().hex[:8]
    settings = Settings(broker=broker.url, app_id=own, topics=harness.own_topics(own, 1))
    harness.create_topics(settings)
    harness.produce(settings, [(None, b"{}")])
    env = harness.environment(settings) | {"DEMO_MARK": uuid.uuid4().hex, "COLUMNS": "100"}
    with demo(env, "--exit-after-alert", *QUICKLY) as process:
        out, _ = process.communicate(timeout=120)
    assert process.returncode == 0, out
    [prefix] = set(re.findall(r"demo-[0-9a-f]{6}", out))
    assert re.search(ALERT, out)
    assert [value for _, value in harness.consume(settings, settings.topics.requests)] == [b"{}"]
    assert not harness.consume(settings, settings.topics.alerts)
    assert [name for name in topics(settings) if name.startswith(prefix)] == []


def topics(settings: Settings) -> list[str]:
    """Names of all topics of the broker."""
    import asyncio

    from analyzer import kafka_clients as clients

    async def ask() -> list[str]:
        async with clients.admin(settings) as admin:
            return list(await admin.list_topics())

    return asyncio.run(ask())


def test_no_broker_is_said_plainly() -> None:
    """A cluster that does not answer: exit 1 and one sentence."""
    env = environment(ANALYZER_BROKER=f"kafka://127.0.0.1:{free_port()}")
    with demo(env) as process:
        out, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "no broker answers" in out.splitlines()[-1]
    assert "Traceback" not in out


def test_whoever_falls_is_named(tmp_path: Path) -> None:
    """A worker that can't start ends the demo with the end of the worker's log."""
    with ProcessGroup(environment(ANALYZER_COLOUR="1"), tmp_path) as group:
        worker = group.start("worker")
        worker.popen.wait(30)
        with pytest.raises(AnalyzerError, match=r"(?s)worker ended with 2.*ANALYZER_COLOUR"):
            _check(group, threading.Event(), 0.0)


def test_an_overdue_alert_is_said(tmp_path: Path) -> None:
    """After ninety seconds, with what to try."""
    with pytest.raises(AnalyzerError, match=r"no alert came within 90 s.*--seconds 80"):
        _check(ProcessGroup(environment(), tmp_path), threading.Event(), 90.5)
