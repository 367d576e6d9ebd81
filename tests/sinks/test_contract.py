"""What every sink promises, for every sink that there is."""

from __future__ import annotations

import asyncio
import datetime as dt
import hmac
import importlib
import inspect
import pkgutil
from contextlib import AsyncExitStack
from io import StringIO
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from pydantic import SecretStr
from rich.console import Console

import analyzer.sinks
from analyzer.console.render import printer
from analyzer.core.contracts.records import SEVERITIES, Alert
from analyzer.errors import AddressRefused, BadRecord, RetryLater
from analyzer.settings import Settings
from analyzer.sinks import alertmanager, ocsf_topic, pagerduty, webhook
from analyzer.sinks.console import ConsoleSink
from analyzer.sinks.slack import SlackSink
from analyzer.testing.sink_fakes import Answer, FakeEndpoint, FakeProducer, FakeSlack, ListSink

if TYPE_CHECKING:
    from collections.abc import Callable

    from analyzer.sinks.protocol import Sink

HOSTILE = (
    "<!channel> <@U024BE7LH> @here @channel <https://evil.example|click> & *b* _i_ ~s~ `c`",
    "\x1b[2J\x1b]0;title\x07 \u202egnirts [bold red]markup[/] [link=https://evil.example]x[/link]",
    "line\nbreak\r\n" + "x" * 5_000,
    "&<>" * 2_000,
    "",
)


def found() -> dict[str, type[Any]]:
    """Every class of the family that delivers."""
    modules = pkgutil.iter_modules(analyzer.sinks.__path__, "analyzer.sinks.")
    names = [*(module.name for module in modules), "analyzer.testing.sink_fakes"]
    return {
        name: value
        for module in names
        for name, value in inspect.getmembers(importlib.import_module(module), inspect.isclass)
        if inspect.iscoroutinefunction(getattr(value, "deliver", None))
        and name not in {"Sink", "BrokenSink"}
        and value.__module__ == module
    }


async def console(_: AsyncExitStack) -> Sink:
    """A console of no size in particular."""
    return ConsoleSink(printer(Console(file=StringIO(), width=80)))


async def fake(_: AsyncExitStack) -> Sink:
    """A list."""
    return ListSink()


async def slack(stack: AsyncExitStack) -> Sink:
    """A fake Slack that judges what it gets."""
    server = await stack.enter_async_context(FakeSlack())
    return SlackSink(SecretStr(server.url), pause_s=0.0, timeout_s=5.0)


SHARED = "a secret of sixteen"


def judge_signed(body: bytes, headers: dict[str, str]) -> None:
    """As a receiver of the signed webhook."""
    signed = f"{headers['X-Analyzer-Timestamp']}.".encode() + body
    expected = "sha256=" + hmac.new(SHARED.encode(), signed, "sha256").hexdigest()
    if not hmac.compare_digest(expected, headers["X-Analyzer-Signature"]):
        raise BadRecord("forged")
    msgspec.json.decode(body, type=Alert)


def judge_event(body: bytes, _: dict[str, str]) -> None:
    """As PagerDuty's Events API v2."""
    event = msgspec.json.decode(body)
    if len(body) > pagerduty.LARGEST or not 0 < len(event["dedup_key"]) <= pagerduty.KEY:
        raise BadRecord("invalid event")
    if event["event_action"] == "resolve":
        return
    payload = event["payload"]
    if event["event_action"] != "trigger" or not 0 < len(payload["summary"]) <= pagerduty.SUMMARY:
        raise BadRecord("invalid event")
    if payload["severity"] not in {"critical", "error", "warning", "info"}:
        raise BadRecord("invalid severity")
    dt.datetime.fromisoformat(payload["timestamp"])


def judge_alerts(body: bytes, _: dict[str, str]) -> None:
    """As Alertmanager's API v2."""
    for alert in msgspec.json.decode(body):
        labels = alert["labels"] | alert["annotations"]
        if not all(isinstance(value, str) for value in labels.values()):
            raise BadRecord("labels are texts")
        if not all(alert["labels"].values()):
            raise BadRecord("empty label")
        starts, ends = (dt.datetime.fromisoformat(alert[k]) for k in ("startsAt", "endsAt"))
        if starts > ends:
            raise BadRecord("start time must be before end time")


async def webhook_sink(stack: AsyncExitStack) -> Sink:
    """A receiver that checks the signature."""
    server = await stack.enter_async_context(FakeEndpoint(judge_signed))
    return webhook.WebhookSink(
        webhook.WebhookTable(url=SecretStr(server.url), secret=SecretStr(SHARED))
    )


async def pagerduty_sink(stack: AsyncExitStack) -> Sink:
    """A service with the limits of the real one."""
    server = await stack.enter_async_context(FakeEndpoint(judge_event))
    own = pagerduty.PagerDutyTable(routing_key=SecretStr("key"), url=SecretStr(server.url))
    return pagerduty.PagerDutySink(own)


async def alertmanager_sink(stack: AsyncExitStack) -> Sink:
    """An Alertmanager."""
    server = await stack.enter_async_context(FakeEndpoint(judge_alerts))
    own = alertmanager.AlertmanagerTable(url=SecretStr(server.url))
    return alertmanager.AlertmanagerSink(own, 86_400)


async def ocsf_sink(_: AsyncExitStack) -> Sink:
    """A topic."""
    own = ocsf_topic.OcsfTopicTable(topic="siem.findings")
    return ocsf_topic.OcsfTopicSink(own, Settings(), lambda _: FakeProducer())


MAKERS = {
    "AlertmanagerSink": alertmanager_sink,
    "ConsoleSink": console,
    "ListSink": fake,
    "OcsfTopicSink": ocsf_sink,
    "PagerDutySink": pagerduty_sink,
    "SlackSink": slack,
    "WebhookSink": webhook_sink,
}


def test_every_sink_is_in_this_suite() -> None:
    """A sink without a maker here has not been tried; one that only fails is no member."""
    assert sorted(MAKERS) == sorted(found())


def hand_over(name: str, alerts: list[Alert]) -> None:
    """Deliver alerts, one by one, through a sink of that kind."""

    async def run() -> None:
        async with AsyncExitStack() as stack:
            sink = await stack.enter_async_context(await MAKERS[name](stack))
            for alert in alerts:
                await sink.deliver(alert)

    asyncio.run(run())


@pytest.mark.parametrize("name", sorted(MAKERS))
class TestEverySink:
    """The protocol, clause by clause."""

    def test_has_a_name(self, name: str) -> None:
        """A stable word for logs."""
        assert found()[name].name.isidentifier()

    def test_takes_the_examples(self, name: str, examples: list[Alert]) -> None:
        """Whatever the contract calls valid."""
        hand_over(name, examples)

    def test_takes_every_severity(self, name: str, make_alert: Callable[..., Alert]) -> None:
        """And every activity and kind."""
        hand_over(name, [make_alert(severity=severity) for severity in SEVERITIES])
        kinds = ("reseller_pool", "shared_tool", "account_anomaly", "extraction_campaign")
        hand_over(name, [make_alert(kind=kind) for kind in kinds])
        hand_over(name, [make_alert(activity=a) for a in ("updated", "escalated", "closed")])

    def test_takes_an_alert_twice(self, name: str, make_alert: Callable[..., Alert]) -> None:
        """At least once means sometimes twice."""
        hand_over(name, [make_alert(), make_alert()])

    @pytest.mark.parametrize("text", HOSTILE)
    def test_takes_text_from_outside(
        self, name: str, text: str, make_alert: Callable[..., Alert], examples: list[Alert]
    ) -> None:
        """It neither calls anybody nor breaks a limit (the fake Slack refuses such messages)."""
        hand_over(name, [poisoned(make_alert(), text), poisoned(examples[0], text)])


def poisoned(alert: Alert, text: str) -> Alert:
    """The alert with this text wherever events or settings could put it."""
    import msgspec

    replace = msgspec.structs.replace
    facts = replace(
        alert.campaign,
        members_sample=[text] * 50,
        members_total=50,
        blocks=[text] * 20,
        templates=[text] * 20,
        models=[text] * 20,
    )
    readings = [replace(reading, evidence=text, unit=text) for reading in alert.signals] * 4
    return replace(
        alert,
        summary=text,
        campaign=facts,
        signals=readings,
        counter_evidence=readings,
        next_steps=[text] * 3,
        runbook_url=text,
        campaign_id=text,
        provenance=replace(alert.provenance, model_version=text),
    )


ANSWERS = [
    (429, RetryLater),
    (408, RetryLater),
    (500, RetryLater),
    (503, RetryLater),
    (400, BadRecord),
    (422, BadRecord),
    (413, BadRecord),
    (301, AddressRefused),
    (302, AddressRefused),
    (401, AddressRefused),
    (403, AddressRefused),
    (404, AddressRefused),
    (405, AddressRefused),
    (410, AddressRefused),
]


@pytest.mark.parametrize(("status", "error"), ANSWERS)
def test_slack_tells_now_from_never(
    status: int, error: type[Exception], make_alert: Callable[..., Alert]
) -> None:
    """Each answer leads to one of the two errors, and the secret address is in neither."""

    async def run() -> None:
        async with FakeSlack() as server:
            server.always = Answer(status, body="not a word of Slack's", retry_after="7")
            async with SlackSink(SecretStr(server.url), pause_s=0.0, timeout_s=5.0) as sink:
                with pytest.raises(error) as caught:
                    await sink.deliver(make_alert())
            assert "secret" not in str(caught.value)
            assert type(caught.value) is error
            assert getattr(caught.value, "after_s", None) in {None, 7.0}

    asyncio.run(run())


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ("user_not_found", AddressRefused), ("invalid_token", AddressRefused),
        ("no_service", AddressRefused), ("channel_not_found", AddressRefused),
        ("invalid_payload", BadRecord), ("invalid_blocks", BadRecord), ("", BadRecord),
    ],
)  # fmt: skip
def test_slack_tells_the_message_from_the_webhook(
    body: str, error: type[Exception], make_alert: Callable[..., Alert]
) -> None:
    """By the word beside 400: what is wrong with the webhook parks the alert."""

    async def run() -> None:
        async with FakeSlack() as server:
            server.always = Answer(400, body=body)
            async with SlackSink(SecretStr(server.url), pause_s=0.0, timeout_s=5.0) as sink:
                with pytest.raises(error) as caught:
                    await sink.deliver(make_alert())
        assert type(caught.value) is error

    asyncio.run(run())


@pytest.mark.parametrize("status", [200, 201])
@pytest.mark.parametrize(
    ("body", "takes"),
    [
        ("ok", True), ("ok\n", True), ("", True), ('{"ok":true}', True),
        ("no_service", False), ('{"ok":false,"error":"invalid_auth"}', False),
        ("<!DOCTYPE html><title>Sign in, and all will be ok</title>", False),
    ],
)  # fmt: skip
def test_only_slack_itself_says_ok(
    status: int, body: str, takes: bool, make_alert: Callable[..., Alert]
) -> None:
    """What a proxy or another service answers in its place parks the alert, which is not lost."""

    async def run() -> None:
        async with FakeSlack() as server:
            server.always = Answer(status, body=body)
            async with SlackSink(SecretStr(server.url), pause_s=0.0, timeout_s=5.0) as sink:
                if takes:
                    await sink.deliver(make_alert())
                else:
                    with pytest.raises(AddressRefused, match=r"slack\.webhook_url"):
                        await sink.deliver(make_alert())

    asyncio.run(run())


@pytest.mark.parametrize("host", ["hooks..slack.com", "xn--a", "x" * 300, "h:99999"])
def test_an_address_that_no_client_can_use_loses_nothing(
    host: str, make_alert: Callable[..., Alert]
) -> None:
    """It is "not now", and no mistake of the sink's own by which the alert would be given up."""

    async def run() -> None:
        for sink in (
            SlackSink(SecretStr(f"https://{host}/secret"), pause_s=0.0, timeout_s=5.0),
            webhook.WebhookSink(
                webhook.WebhookTable.model_construct(
                    url=SecretStr(f"https://{host}/secret"), secret=SecretStr(SHARED)
                )
            ),
        ):
            async with sink:
                with pytest.raises(RetryLater) as caught:
                    await sink.deliver(make_alert(severity="critical"))
            assert "secret" not in str(caught.value)

    asyncio.run(run())


def test_slack_that_is_silent_or_away(make_alert: Callable[..., Alert]) -> None:
    """A time-out and a refused connection are "not now", without the secret address."""

    async def run() -> None:
        async with FakeSlack() as server:
            server.always = Answer(hang_s=30.0)
            sink = SlackSink(SecretStr(server.url), pause_s=0.0, timeout_s=0.2)
            async with sink:
                with pytest.raises(RetryLater, match="TimeoutError"):
                    await sink.deliver(make_alert())
        async with sink:
            with pytest.raises(RetryLater) as caught:
                await sink.deliver(make_alert())
        assert "secret" not in str(caught.value)

    asyncio.run(run())


def test_slack_is_posted_to_at_its_pace(make_alert: Callable[..., Alert]) -> None:
    """Messages are at least ``pause_s`` apart."""

    async def run() -> list[float]:
        async with FakeSlack() as server:
            async with SlackSink(SecretStr(server.url), pause_s=0.3, timeout_s=5.0) as sink:
                for number in range(3):
                    await sink.deliver(make_alert(f"a-{number}"))
            return server.attempts

    times = asyncio.run(run())
    assert [late - early >= 0.28 for early, late in pairwise(times)] == [True] * 2
