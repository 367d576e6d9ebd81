"""``analyzer notify``."""

from __future__ import annotations

import asyncio
import signal
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from analyzer.settings import Settings
    from analyzer.sinks.lane import Lane
    from analyzer.sinks.protocol import Sink


LEAVE_WITHIN_S = 8.0


@click.command()
@click.option(
    "--config",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="TOML file with settings; the environment wins over it.",
)
@click.option("--once", is_flag=True, help="Deliver what is there now, then end.")
@click.option("--console", is_flag=True, help="Show alerts here even if Slack is set.")
def notify(config: Path | None, *, once: bool, console: bool) -> None:
    """Deliver alerts to Slack or, without a webhook, to this terminal; until SIGTERM.

    Every alert is delivered at least once. One that a sink refuses for good is given up with
    an error in the log, as one that can't be read; with --once the command then ends with 1. A
    webhook that is gone parks its alerts, and /readyz says so. Alerts that lay in their topic for
    more than a day are told in one digest, and of campaigns that are still open the latest is
    sent. What is shown on a terminal is not taken away from who delivers it.
    """
    from analyzer import wiring  # noqa: PLC0415 - `analyzer --help` loads no client
    from analyzer.errors import AnalyzerError  # noqa: PLC0415 - as above
    from analyzer.ops import logs  # noqa: PLC0415 - as above
    from analyzer.settings import Settings  # noqa: PLC0415 - as above

    settings = Settings.load(config)
    logs.setup(settings)
    sinks = wiring.sinks(settings, console=console)
    given_up = asyncio.run(deliver(settings, sinks, once=once))
    if once and given_up:
        raise AnalyzerError(f"{given_up} alerts were given up or unreadable; the log says why")


async def deliver(
    settings: Settings, sinks: list[Sink], *, once: bool, first_pause_s: float = 1.0
) -> int:
    """Run feed and lanes until SIGTERM, SIGINT or, with ``once``, the end.

    Returns
    -------
    int
        Alerts that were given up, and records of their topic that nobody could read.
    """
    from analyzer.ops.health_server import serve  # noqa: PLC0415 - as above
    from analyzer.ops.loop_watchdog import LoopWatchdog  # noqa: PLC0415 - as above
    from analyzer.ops.metrics import BROKER_SILENT, NOTIFIER, Meter  # noqa: PLC0415 - as above
    from analyzer.sinks.feed import Feed  # noqa: PLC0415 - as above
    from analyzer.sinks.http_post import ChoosingSink  # noqa: PLC0415 - as above
    from analyzer.sinks.lane import Lane  # noqa: PLC0415 - as above

    stop = _stop_on_signals()
    least = settings.slack.min_severity
    meter, watchdog = Meter(NOTIFIER), LoopWatchdog(settings.worker.stuck_after_s)
    lanes = [
        Lane(
            sink,
            "info" if isinstance(sink, ChoosingSink) else least,
            first_pause_s=first_pause_s,
            meter=meter,
        )
        for sink in sinks
    ]
    feed = Feed(settings, lanes)
    meter.follow(BROKER_SILENT, lambda: feed.silence.lasts_s)
    serve(
        settings.health,
        meter,
        unhealthy=watchdog.unhealthy,
        unready=feed.unready,
        note=feed.unready,
    )
    async with AsyncExitStack() as stack:
        for sink in sinks:
            await stack.enter_async_context(sink)
        await feed.start()
        try:
            reading = feed.run(stop, once=once)
            beside = [watchdog.beat(), feed.ask_forever(), feed.silence.tell_forever()]
            await _first_to_end([reading, *beside, *(lane.run() for lane in lanes)])
        finally:
            await feed.close()
            _tell(lanes, feed.bad)
    return feed.bad + sum(lane.counts["given_up"] for lane in lanes)


def _stop_on_signals() -> asyncio.Event:
    """Set by the first signal; from then on the end is near, whatever waits for a broker."""
    from analyzer.ops.leaving import leave_soon  # noqa: PLC0415 - as above

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def begin_to_stop() -> None:
        if not stop.is_set():
            leave_soon(0, LEAVE_WITHIN_S)
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, begin_to_stop)
    return stop


async def _first_to_end(works: list[Coroutine[None, None, None]]) -> None:
    """Run all until one ends, which is the feed unless a lane has a mistake."""
    tasks = [asyncio.create_task(work) for work in works]
    try:
        ended, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in ended:
        task.result()


def _tell(lanes: list[Lane], bad: int) -> None:
    import structlog  # noqa: PLC0415 - as above

    log = structlog.get_logger("analyzer.sinks")
    for lane in lanes:
        log.info("notifier stopped", sink=lane.sink.name, bad_records=bad, **lane.counts)
