"""Lanes: order, repetition, giving up, and independence."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from aiokafka import TopicPartition
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analyzer.errors import BadRecord, RetryLater
from analyzer.ops.metrics import DELIVERED, FAILURES, NOTIFIER, RETRIES, WAITING, Meter
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
