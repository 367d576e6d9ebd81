"""What the sinks beside Slack say, to whom, and what their settings take."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from pydantic import SecretStr

from analyzer.core.contracts.records import Alert
from analyzer.errors import AddressRefused, BadRecord, RetryLater, UsageError
from analyzer.settings import Settings
from analyzer.sinks.alertmanager import AlertmanagerSink, AlertmanagerTable, entry
from analyzer.sinks.catalog import configured
from analyzer.sinks.ocsf_topic import OcsfTopicSink, OcsfTopicTable
from analyzer.sinks.pagerduty import PagerDutySink, PagerDutyTable, event
from analyzer.testing.sink_fakes import Answer, FakeEndpoint, FakeProducer


def deliver(answers: list[int], choice: dict[str, object], alerts: list[Alert]) -> list[object]:
    """What an endpoint that gives these answers first has taken in the end."""

    async def run() -> list[object]:
        async with FakeEndpoint(lambda _body, _headers: None) as server:
            server.next.extend(Answer(status=status, body="no") for status in answers)
            table = AlertmanagerTable.model_validate({"url": server.url, **choice})
            async with AlertmanagerSink(table, 60) as sink:
                for alert in alerts:
                    await sink.deliver(alert)
            return server.accepted

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("status", "error"),
    [(503, RetryLater), (429, RetryLater), (400, BadRecord), (403, AddressRefused)],
)
def test_what_an_answer_means(
    status: int, error: type[Exception], make_alert: Callable[..., Alert]
) -> None:
    """Not now, never, or not before a setting is changed; the setting is named."""
    with pytest.raises(error) as raised:
        deliver([status], {}, [make_alert()])
    if error is AddressRefused:
        assert "sinks.alertmanager.url" in str(raised.value)


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ("Invalid routing key", AddressRefused),
        ('{"errors":["Length of \'routing_key\' is incorrect"]}', AddressRefused),
        ('{"errors":["\'payload.severity\' is invalid"]}', BadRecord),
    ],
)
def test_a_key_that_pagerduty_refuses_parks_the_alert(
    body: str, error: type[Exception], make_alert: Callable[..., Alert]
) -> None:
    """It says so by 400, as of an event that it will never take; the setting is named."""
    said = _first_answer(
        lambda url: PagerDutySink(PagerDutyTable(routing_key=SecretStr("r"), url=SecretStr(url))),
        Answer(400, body),
        make_alert(),
    )
    assert type(said) is error
    assert ("sinks.pagerduty.routing_key" in str(said)) == (error is AddressRefused)


def test_what_a_client_wrote_parks_nothing(make_alert: Callable[..., Alert]) -> None:
    """A receiver may quote in its refusal what stands in the alert."""
    said = _first_answer(
        lambda url: AlertmanagerSink(AlertmanagerTable(url=SecretStr(url)), 60),
        Answer(400, "bad label: 'Invalid routing key no_service invalid_token'"),
        make_alert(),
    )
    assert type(said) is BadRecord


def _first_answer(make: Callable[[str], Any], answer: Answer, alert: Alert) -> Exception:
    """What a sink makes of an endpoint's answer."""

    async def run() -> Exception:
        async with FakeEndpoint(lambda _body, _headers: None) as server:
            server.next.append(answer)
            async with make(server.url) as sink:
                with pytest.raises((AddressRefused, BadRecord)) as raised:
                    await sink.deliver(alert)
        return raised.value

    return asyncio.run(run())


def test_kinds_and_severities_are_chosen(make_alert: Callable[..., Alert]) -> None:
    """An alert that is not for the sink is no news to it; one that ends is always told."""
    low, high = make_alert(severity="low"), make_alert(severity="high", kind="reseller_pool")
    assert len(deliver([], {"min_severity": "high"}, [low, high])) == 1
    assert len(deliver([], {"kinds": ["linked_accounts"]}, [high])) == 0
    closed = make_alert(severity="low", activity="closed")
    assert len(deliver([], {"min_severity": "high"}, [closed])) == 1


def test_one_thread_is_one_incident(make_alert: Callable[..., Alert]) -> None:
    """PagerDuty: the same key from first to last, resolved at the end."""
    first, last = make_alert(activity="opened"), make_alert(activity="closed")
    assert event(first, "k")["dedup_key"] == event(last, "k")["dedup_key"]
    assert [event(a, "k")["event_action"] for a in (first, last)] == ["trigger", "resolve"]


def test_an_update_is_the_same_alert(make_alert: Callable[..., Alert]) -> None:
    """Alertmanager: no label changes with a revision; a closed campaign ends at once."""
    opened, updated = (make_alert(activity=a) for a in ("opened", "updated"))
    assert entry(opened, 60)["labels"] == entry(updated, 60)["labels"]
    closed = make_alert(activity="closed")
    assert entry(closed, 60)["endsAt"] < entry(opened, 60)["endsAt"]


def test_findings_go_to_their_topic(make_alert: Callable[..., Alert]) -> None:
    """As OCSF, by campaign; one that no broker takes is given up."""
    producer = FakeProducer()
    alert = make_alert()

    async def run(producer: FakeProducer) -> None:
        table = OcsfTopicTable(topic="siem", min_severity="info")
        async with OcsfTopicSink(table, Settings(), lambda _: producer) as sink:
            await sink.deliver(alert)

    asyncio.run(run(producer))
    [(topic, key, value)] = producer.sent
    assert (topic, key) == ("siem", alert.campaign_id.encode())
    assert msgspec.json.decode(value)["class_uid"] == 2004
    with pytest.raises(BadRecord):
        asyncio.run(run(FakeProducer(largest=10)))


def test_settings_make_sinks() -> None:
    """A table makes a sink; a wrong one is named; an address in the open is refused."""
    good = {
        "webhook": {"url": "https://siem.example/in", "secret": "0123456789abcdef"},
        "pagerduty": {"routing_key": "r"},
        "alertmanager": {"url": "http://127.0.0.1:9093/api/v2/alerts", "kinds": ["reseller_pool"]},
        "ocsf_topic": {"topic": "siem"},
    }
    made = configured(Settings(sinks=good))
    assert {sink.name for sink in made} == set(good)
    for wrong in ({"url": "http://siem.example/in", "secret": "0123456789abcdef"}, {"url": "x"}):
        with pytest.raises(UsageError, match=r"sinks\.webhook"):
            configured(Settings(sinks={"webhook": wrong}))
