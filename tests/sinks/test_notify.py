"""``analyzer notify`` as a process, between a real broker and a fake Slack."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import aiohttp
import msgspec
import numpy as np
import pytest
from aiokafka import TopicPartition

from analyzer import kafka_clients as clients
from analyzer.core.contracts.records import Alert, encode_record, record_key
from analyzer.settings import Settings
from analyzer.settings_tables import Health, Slack
from analyzer.testing import harness
from analyzer.testing.brokers import free_port
from analyzer.testing.sink_fakes import Answer, FakeSlack

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from analyzer.testing.brokers import Broker

pytestmark = pytest.mark.integration

PARTITIONS = 2
CAMPAIGNS = ("c-1", "c-2", "c-3")
REVISIONS = 4
DAY_MS = 86_400_000


@pytest.fixture
def settings(broker: Broker) -> Settings:
    """Settings with topics and groups of their own, all created."""
    plain = harness.settings_for(broker.url, 1)
    topics = plain.topics.model_copy(update={"output_partitions": PARTITIONS})
    found = plain.model_copy(update={"topics": topics})
    harness.create_topics(found)
    return found


@pytest.fixture
def alerts(make_alert: Callable[..., Alert]) -> list[Alert]:
    """Some threads, interleaved."""
    return [
        make_alert(f"{campaign}:{revision}", campaign_id=campaign, revision=revision)
        for revision in range(1, REVISIONS + 1)
        for campaign in CAMPAIGNS
    ]


def send(settings: Settings, alerts: list[Alert]) -> None:
    """Put alerts into their topic."""
    messages = [(record_key(alert), encode_record(alert)) for alert in alerts]
    harness.produce(settings, messages, topic=settings.topics.alerts)


async def start(settings: Settings, slack: FakeSlack | None, *options: str) -> Any:
    """A notifier."""
    environment = harness.environment(settings) | {"ANALYZER_SLACK__PAUSE_S": "0.02"}
    if slack is not None:
        environment["ANALYZER_SLACK__WEBHOOK_URL"] = slack.url
    pipe = asyncio.subprocess.PIPE
    line = [sys.executable, "-m", "analyzer", "notify", *options]
    return await asyncio.create_subprocess_exec(*line, env=environment, stdout=pipe, stderr=pipe)


async def until(condition: Callable[[], bool], within_s: float = 30.0) -> None:
    """Wait for something."""
    async with asyncio.timeout(within_s):
        while not condition():  # noqa: ASYNC110 - nobody tells us
            await asyncio.sleep(0.02)


async def two_attempts(slack: FakeSlack) -> None:
    """Wait until two more requests have come."""
    enough = len(slack.attempts) + 2
    await until(lambda: len(slack.attempts) >= enough)


async def stop(process: Any) -> str:
    """SIGTERM; exit 0 within five seconds; what it logged."""
    process.send_signal(signal.SIGTERM)
    _, log = await asyncio.wait_for(process.communicate(), 5.0)
    assert process.returncode == 0, log.decode()
    return str(log.decode())


async def committed(settings: Settings) -> int:
    """Alerts that the group has done with."""
    tps = [TopicPartition(settings.topics.alerts, number) for number in range(PARTITIONS)]
    async with clients.admin(settings) as admin:
        group = f"{settings.app_id}-notify"
        offsets = await admin.list_consumer_group_offsets(group, partitions=tps)
    return sum(max(0, offsets[tp].offset) for tp in tps)


def received(slack: FakeSlack) -> list[str]:
    """Ids of the alerts that Slack took, in order."""
    found = [re.search(r"alert (\S+) rev", json.dumps(body)) for body in slack.accepted]
    return [match.group(1) for match in found if match]


def test_it_tells_how_it_is(settings: Settings, alerts: list[Alert]) -> None:
    """Ready once it has joined its group; metrics count what Slack took and what failed."""
    send(settings, alerts)
    port = free_port()
    watched = settings.model_copy(update={"health": Health(port=port)})

    async def get(path: str) -> str:
        url = f"http://127.0.0.1:{port}{path}"
        async with aiohttp.ClientSession() as session, session.get(url) as answer:
            return f"{answer.status} {await answer.text()}"

    async def main() -> None:
        async with FakeSlack() as slack:
            slack.next.append(Answer(429, retry_after="0.1"))
            process = await start(watched, slack)
            await until(lambda: len(slack.accepted) == len(alerts))
            assert await get("/readyz") == "200 ok\n"
            assert await get("/healthz") == "200 ok\n"
            text = await get("/metrics")
            await stop(process)
        assert 'analyzer_sink_retries_total{sink="slack"} 1.0' in text
        assert 'analyzer_sink_failures_total{sink="slack"} 0.0' in text
        delivered = re.search(r'analyzer_sink_delivered_total{sink="slack"} (\S+)', text)
        assert delivered is not None
        # The answer to the last one may still be on its way.
        assert float(delivered[1]) >= len(alerts) - 1

    asyncio.run(main())


def test_an_outage_loses_nothing(settings: Settings, alerts: list[Alert]) -> None:
    """Away, then slow, then back: every alert, in order per campaign, committed after delivery."""
    send(settings, alerts)

    async def main() -> None:
        async with FakeSlack() as slack:
            slack.always = Answer(503)
            process = await start(settings, slack)
            await until(lambda: len(slack.attempts) >= 2)
            assert await committed(settings) == 0
            slack.next.append(Answer(429, retry_after="0.2"))
            slack.always = None
            await until(lambda: len(slack.accepted) >= len(alerts))
            await stop(process)
            check_threads(received(slack), alerts)
            assert await committed(settings) == len(alerts)

    asyncio.run(main())


def check_threads(ids: list[str], alerts: list[Alert]) -> None:
    """All alerts arrived; each thread's first arrivals are in the order of its revisions."""
    assert set(ids) == {alert.alert_id for alert in alerts}
    for campaign in {alert.campaign_id for alert in alerts}:
        thread = [alert.alert_id for alert in alerts if alert.campaign_id == campaign]
        assert [id_ for id_ in dict.fromkeys(ids) if id_ in thread] == thread


def test_a_kill_loses_nothing(settings: Settings, alerts: list[Alert]) -> None:
    """Kill -9 in the middle of an outage; the next notifier delivers what was not."""
    send(settings, alerts)

    async def main() -> None:
        async with FakeSlack() as slack:
            slack.next.extend([Answer()] * 5)
            slack.always = Answer(500)
            process = await start(settings, slack)
            await until(lambda: len(slack.attempts) >= 6)
            process.kill()
            await process.communicate()
            slack.always = None
            process = await start(settings, slack)
            await until(lambda: set(received(slack)) == {alert.alert_id for alert in alerts})
            await stop(process)
            check_threads(received(slack), alerts)

    asyncio.run(main())


SLOW = (Answer(hang_s=2.0), Answer(429, retry_after="0.3"), Answer(500), Answer())


def test_a_slow_slack_holds_nobody_up(
    settings: Settings, alerts: list[Alert], tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    """It hangs while a worker works, then answers as it likes while notifiers are killed.

    In the end every alert has arrived, in order.
    """
    if not (kills := pytestconfig.getoption("--chaos")):
        pytest.skip("only with --chaos KILLS")
    patient = settings.model_copy(update={"slack": Slack(timeout_s=0.5, min_severity="info")})
    rng = np.random.default_rng(pytestconfig.getoption("--chaos-seed"))
    send(patient, alerts)

    async def main() -> None:
        async with FakeSlack() as slack:
            slack.always = Answer(hang_s=30.0)
            process = await start(patient, slack)
            assert await asyncio.to_thread(harness.caught_up, patient)
            assert slack.accepted == []
            assert slack.attempts
            slack.always = None
            for _ in range(kills):
                slack.next.clear()
                slack.next.extend(SLOW[i] for i in rng.integers(len(SLOW), size=8))
                await two_attempts(slack)
                process.kill()
                await process.communicate()
                process = await start(patient, slack)
            sent = await asyncio.to_thread(harness.consume, patient, patient.topics.alerts)
            wanted = [msgspec.json.decode(value or b"", type=Alert) for _, value in sent]
            assert len(wanted) > len(alerts)
            await until(lambda: set(received(slack)) == {alert.alert_id for alert in wanted}, 60.0)
            await stop(process)
            check_threads(received(slack), wanted)

    with harness.worker(patient, tmp_path / "worker.log") as worker:
        harness.feed(patient, harness.scenario("smoke", 1), 0.0, 1.0)
        asyncio.run(main())
        assert worker.terminate() == 0


def test_sigterm_during_an_outage(settings: Settings, alerts: list[Alert]) -> None:
    """It stops at once with exit 0 and leaves the alerts to the next one."""
    send(settings, alerts)

    async def main() -> None:
        async with FakeSlack() as slack:
            slack.always = Answer(hang_s=30.0)
            process = await start(settings, slack)
            await until(lambda: bool(slack.attempts))
            await stop(process)
            assert await committed(settings) == 0

    asyncio.run(main())


def test_a_refused_alert_holds_nobody_back(settings: Settings, alerts: list[Alert]) -> None:
    """It is given up with its id in the log; ``--once`` then ends with 1, else with 0."""
    send(settings, alerts)
    harness.produce(settings, [(b"c-1", b"no alert")], topic=settings.topics.alerts)

    async def main() -> None:
        async with FakeSlack() as slack:
            slack.next.append(Answer(400, body="invalid_blocks"))
            process = await start(settings, slack, "--once")
            _, log = await asyncio.wait_for(process.communicate(), 30.0)
            assert process.returncode == 1
            assert b"alert GIVEN UP" in log
            assert b"invalid_blocks" in log
            assert b"a record is no alert.v1" in log
            assert slack.url.encode() not in log
            assert len(slack.accepted) == len(alerts) - 1
            again = await start(settings, slack, "--once")
            _, log = await asyncio.wait_for(again.communicate(), 30.0)
            assert again.returncode == 0, log.decode()
            assert len(slack.accepted) == len(alerts) - 1

    asyncio.run(main())


def test_a_webhook_that_is_gone_parks_its_alerts(settings: Settings, alerts: list[Alert]) -> None:
    """Health says so; once it is back every alert arrives, in order."""
    send(settings, alerts)
    port = free_port()
    watched = settings.model_copy(update={"health": Health(port=port)})

    async def get(path: str) -> str:
        url = f"http://127.0.0.1:{port}{path}"
        async with aiohttp.ClientSession() as session, session.get(url) as answer:
            return f"{answer.status} {await answer.text()}"

    async def main() -> None:
        async with FakeSlack() as slack:
            slack.always = Answer(404, body="no_service")
            process = await start(watched, slack)
            await until(lambda: len(slack.attempts) >= 2)
            said = await get("/readyz")
            assert said.startswith(f"503 slack: {len(alerts)} alerts are parked: Slack answers 404")
            assert "set slack.webhook_url anew" in said
            assert (await get("/healthz")).startswith("200 ok, but slack: ")
            assert 'analyzer_sink_parked{sink="slack"} 1.0' in await get("/metrics")
            slack.always = None
            await until(lambda: len(slack.accepted) == len(alerts))
            assert await get("/readyz") == "200 ok\n"
            log = await stop(process)
            assert "alerts are PARKED" in log
            assert slack.url not in log
            check_threads(received(slack), alerts)

    asyncio.run(main())


def test_a_notifier_that_starts_late_tells_a_digest(
    settings: Settings, alerts: list[Alert]
) -> None:
    """Of what is old one message and each campaign's last alert; what is fresh one by one."""
    now_ms = round(datetime.now(UTC).timestamp() * 1_000)
    week_ms, two_days_ms = now_ms - 7 * DAY_MS, now_ms - 2 * DAY_MS
    old, late = alerts[:6], alerts[6:9]

    async def write() -> None:
        async with clients.producer(settings) as producer:
            for written_ms, some in ((week_ms, old), (two_days_ms, late), (now_ms, alerts[9:])):
                for alert in some:
                    await producer.send_and_wait(
                        settings.topics.alerts,
                        encode_record(alert),
                        key=record_key(alert),
                        partition=0,
                        timestamp_ms=written_ms,
                    )

    async def main() -> None:
        await write()
        async with FakeSlack() as slack:
            for _ in range(2):  # the second time nothing is left to tell
                process = await start(settings, slack, "--once")
                _, log = await asyncio.wait_for(process.communicate(), 30.0)
                assert process.returncode == 0, log.decode()
            assert "6 older alerts about 3 campaigns" in json.dumps(slack.accepted[0])
            assert received(slack) == [alert.alert_id for alert in [*late, *alerts[9:]]]
            assert len(slack.accepted) == 1 + len(late) + len(alerts[9:])

    asyncio.run(main())


def test_a_terminal_takes_no_alerts_away(settings: Settings, alerts: list[Alert]) -> None:
    """Beside a notifier that delivers: the terminal shows all, and Slack gets all."""

    async def main() -> None:
        async with FakeSlack() as slack:
            delivering = await start(settings, slack)
            shown = await start(settings, slack, "--console")
            await asyncio.to_thread(send, settings, alerts)
            await until(lambda: len(slack.accepted) >= len(alerts))
            check_threads(received(slack), alerts)
            again = await start(settings, None, "--once")
            out, _ = await asyncio.wait_for(again.communicate(), 60.0)
            await stop(delivering)
            shown.send_signal(signal.SIGTERM)
            more, _ = await asyncio.wait_for(shown.communicate(), 20.0)
            assert (out + more).decode().count("Extraction campaign") >= len(alerts)

    asyncio.run(main())


def test_a_notifier_to_another_place_is_refused(settings: Settings, alerts: list[Alert]) -> None:
    """It would take alerts away from the first; one more to the same place would not."""

    async def main() -> None:
        async with FakeSlack() as slack, FakeSlack() as other:
            first = await start(settings, slack)
            await asyncio.to_thread(send, settings, alerts[:1])
            await until(lambda: bool(slack.accepted))
            beside = await start(settings, slack)
            second = await start(settings, other)
            _, log = await asyncio.wait_for(second.communicate(), 40.0)
            assert second.returncode == 2
            assert b"delivers to another place" in log
            assert other.url.encode() not in log
            await stop(beside)
            await stop(first)

    asyncio.run(main())


def test_without_a_webhook_alerts_are_shown(settings: Settings, alerts: list[Alert]) -> None:
    """On standard output, where the log is not."""
    send(settings, alerts)

    async def main() -> None:
        process = await start(settings, None, "--once")
        out, log = await asyncio.wait_for(process.communicate(), 30.0)
        assert process.returncode == 0, log.decode()
        assert out.decode().count("Extraction campaign opened") == len(alerts)

    asyncio.run(main())
