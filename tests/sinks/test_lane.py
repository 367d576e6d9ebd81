"""Lanes: order, repetition, giving up, and independence."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from aiokafka import TopicPartition
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analyzer.errors import AddressRefused, BadRecord, RetryLater
from analyzer.ops.metrics import DELIVERED, FAILURES, NOTIFIER, PARKED, RETRIES, WAITING, Meter
from analyzer.sinks.console import ConsoleSink
from analyzer.sinks.digest import Backlog, Digest
from analyzer.sinks.http_answers import raise_for
from analyzer.sinks.lane import Item, Lane
from analyzer.testing.sink_fakes import BrokenSink, ListSink

if TYPE_CHECKING:
    from collections.abc import Callable

    from analyzer.core.contracts.records import Alert

TP = TopicPartition("alerts", 0)
QUICK_S = 0.001


def run(lanes: list[Lane], alerts: list[Alert | None], wait_for: list[Lane]) -> None:
    """Give all alerts to all lanes; return when some lanes are done."""

    async def main() -> None:
        tasks = [asyncio.create_task(lane.run()) for lane in lanes]
        for offset, alert in enumerate(alerts):
            for lane in lanes:
                lane.put(Item(TP, offset, alert))
        async with asyncio.timeout(10):
            while any(lane.waiting for lane in wait_for):  # noqa: ASYNC110 - nobody tells us
                await asyncio.sleep(QUICK_S)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    asyncio.run(main())


def test_lesser_alerts_and_repeats_are_passed_over(make_alert: Callable[..., Alert]) -> None:
    """Only what is severe enough and new is delivered; the position moves over everything."""
    alerts = [make_alert("a", severity="low"), make_alert("b"), make_alert("b"), None]
    lane = Lane(ListSink(), "medium")
    run([lane], alerts, [lane])
    assert lane.counts == {"lesser": 1, "delivered": 1, "repeated": 1}
    assert lane.positions == {TP: 4}


def test_a_later_alert_never_overtakes(make_alert: Callable[..., Alert]) -> None:
    """Three failures of the first, then all in order; the metrics tell the same."""
    sink = ListSink([RetryLater("away"), RetryLater("busy", 0.0), RetryLater("away")])
    meter = Meter(NOTIFIER)
    lane = Lane(sink, "info", first_pause_s=QUICK_S, meter=meter)
    run([lane], [make_alert("a"), make_alert("b")], [lane])
    assert [alert.alert_id for alert in sink.alerts] == ["a", "b"]
    assert lane.counts == {"delivered": 2, "retries": 3}
    told = {m: meter.read(m, sink=sink.name) for m in (DELIVERED, RETRIES, FAILURES, WAITING)}
    assert told == {DELIVERED: 2, RETRIES: 3, FAILURES: 0, WAITING: 0}


def test_what_is_refused_holds_nobody_back(make_alert: Callable[..., Alert]) -> None:
    """The refused alert is given up and counted; so is one on which the sink breaks."""
    sink = ListSink([BadRecord("refused"), ZeroDivisionError("a mistake")])
    lane = Lane(sink, "info")
    run([lane], [make_alert("a"), make_alert("b"), make_alert("c")], [lane])
    assert [alert.alert_id for alert in sink.alerts] == ["c"]
    assert lane.counts == {"delivered": 1, "given_up": 2}


def test_the_position_stays_below_what_is_not_delivered(make_alert: Callable[..., Alert]) -> None:
    """While a sink is away nothing of its lane counts as done."""
    lane = Lane(BrokenSink(RetryLater("away")), "info", first_pause_s=QUICK_S)
    other = Lane(ListSink(), "info")
    run([lane, other], [make_alert("a"), make_alert("b")], [other])
    assert lane.positions == {TP: 0}
    assert other.positions == {TP: 2}


def test_a_lane_forgets_what_was_taken_away(make_alert: Callable[..., Alert]) -> None:
    """After a rebalance nothing of the partition is left, nor comes back."""

    async def main() -> tuple[int, dict[Any, int]]:
        lane = Lane(BrokenSink(RetryLater("away")), "info", first_pause_s=QUICK_S)
        task = asyncio.create_task(lane.run())
        lane.put(Item(TP, 0, make_alert("a")))
        lane.put(Item(TP, 1, make_alert("b")))
        await asyncio.sleep(0.01)
        lane.forget({TP})
        await asyncio.sleep(0.01)
        task.cancel()
        return lane.waiting, lane.positions

    assert asyncio.run(main()) == (0, {})


@given(statuses=st.lists(st.sampled_from([401, 403, 404, 410, 302, 429, 500, 503]), max_size=7))
@settings(max_examples=25, suppress_health_check=list(HealthCheck))
def test_nothing_is_lost_whatever_an_address_answers(
    statuses: list[int], make_alert: Callable[..., Alert]
) -> None:
    """Refused or not able: all alerts wait, in order, and arrive once it is well again."""
    errors: list[Exception] = []
    for status in statuses:
        try:
            raise_for(status, who="it", after="0")
        except RetryLater as error:
            errors.append(error)
    sink = ListSink(errors)
    lane = Lane(sink, "info", first_pause_s=0.0001)
    alerts = [make_alert(f"a-{number}") for number in range(3)]
    run([lane], list(alerts), [lane])
    assert sink.alerts == alerts
    assert lane.counts["given_up"] == 0
    assert lane.unready() is None


@pytest.mark.parametrize("after_s", [0.0, 0.2, 7.0, None])
def test_an_address_is_never_asked_without_a_pause(
    after_s: float | None, make_alert: Callable[..., Alert], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even if it says ``Retry-After: 0``."""
    pauses: list[float] = []
    asleep = asyncio.sleep

    async def sleep(delay_s: float) -> None:
        pauses.append(delay_s)
        await asleep(0)

    sink = ListSink([RetryLater("away", after_s)] * 3)
    lane = Lane(sink, "info", first_pause_s=0.5)
    monkeypatch.setattr("analyzer.sinks.lane.asyncio.sleep", sleep)
    run([lane], [make_alert("a")], [lane])
    asked = [pause for pause in pauses if pause != QUICK_S]
    assert asked == [0.5, 1.0, 2.0] if after_s is None else [max(0.5, after_s)] * 3


def test_parked_alerts_are_told(make_alert: Callable[..., Alert]) -> None:
    """In health, the metrics and the log, until the address is taken again."""
    meter = Meter(NOTIFIER)
    sink = BrokenSink(AddressRefused("it answers 404"))
    lane = Lane(sink, "info", first_pause_s=QUICK_S, meter=meter)
    other = Lane(ListSink(), "info")
    run([lane, other], [make_alert("a"), make_alert("b")], [other])
    assert lane.unready() == "broken: 2 alerts are parked: it answers 404"
    assert meter.read(PARKED, sink="broken") == 1
    assert lane.positions == {TP: 0}


def test_a_digest_is_told_before_its_position_counts() -> None:
    """While it can't be told nothing is done; a sink that tells none passes it over."""
    digest = Digest(Counter({("high", "reseller_pool"): 3, ("low", "reseller_pool"): 4}), 2, 1, 2)
    sink = ListSink([RetryLater("away"), AddressRefused("gone")])
    lanes = [Lane(sink, "medium", first_pause_s=QUICK_S), Lane(ConsoleSink(print), "medium")]

    async def main() -> None:
        tasks = [asyncio.create_task(lane.run()) for lane in lanes]
        for lane in lanes:
            lane.put(Item(TP, 0, None, digest))
            lane.put(Item(TP, 1, None))
        async with asyncio.timeout(10):
            while any(lane.waiting for lane in lanes):  # noqa: ASYNC110 - nobody tells us
                await asyncio.sleep(QUICK_S)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    asyncio.run(main())
    assert [told.counts for told in sink.digests] == [{("high", "reseller_pool"): 3}]
    assert [lane.positions for lane in lanes] == [{TP: 2}] * 2
    assert [lane.counts["digested"] for lane in lanes] == [3, 3]


OLD = st.lists(
    st.tuples(
        st.sampled_from(["c-1", "c-2", "c-3"]),
        st.sampled_from(["opened", "updated", "closed"]),
        st.integers(1, 100),
    ),
    max_size=12,
)


@given(sent=OLD, open_since_ms=st.integers(0, 100))
@settings(suppress_health_check=list(HealthCheck))
def test_old_news_is_told_once(
    sent: list[tuple[str, str, int]], open_since_ms: int, make_alert: Callable[..., Alert]
) -> None:
    """Every record keeps its place; each alert is sent or counted; only what is open is sent."""
    backlog = Backlog("alerts")
    for offset, (campaign, activity, written_ms) in enumerate(sent):
        alert = make_alert(f"a-{offset}", campaign_id=campaign, activity=activity)
        backlog.add(offset, written_ms, alert)
    found = list(backlog.sort_out(open_since_ms))
    assert [offset for offset, *_ in found] == list(range(len(sent)))
    news = {offset: alert for offset, alert, _ in found if alert is not None}
    counted = sum(digest.alerts for *_, digest in found if digest is not None)
    assert len(news) + counted == len(sent)
    last = {campaign: offset for offset, (campaign, *_) in enumerate(sent)}
    open_ = {
        offset
        for offset in last.values()
        if sent[offset][1] != "closed" and sent[offset][2] >= open_since_ms
    }
    assert set(news) == open_


ERRORS = st.lists(
    st.sampled_from([RetryLater("away"), BadRecord("refused"), ZeroDivisionError("mistake")]),
    max_size=6,
)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(errors=ERRORS)
def test_a_failing_sink_never_changes_what_another_receives(
    errors: list[Exception], make_alert: Callable[..., Alert]
) -> None:
    """Whatever one sink raises, the other gets every alert once and in order."""
    alerts = [make_alert(f"a-{number}") for number in range(5)]
    good = ListSink()
    lanes = [
        Lane(ListSink(errors), "info", first_pause_s=QUICK_S),
        Lane(good, "info"),
        Lane(BrokenSink(), "info"),
        Lane(BrokenSink(RetryLater("for ever")), "info", first_pause_s=QUICK_S),
    ]
    run(lanes, list(alerts), lanes[:3])
    assert good.alerts == alerts
