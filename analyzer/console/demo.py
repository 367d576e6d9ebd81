"""``analyzer demo``: the whole thing in a minute, with an embedded broker or on yours."""

from __future__ import annotations

import asyncio
import signal
import sys
import tempfile
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click
from rich.console import Console
from rich.text import Text

from analyzer.console import demo_topics as stage
from analyzer.errors import AnalyzerError
from analyzer.formatting import KINDS
from analyzer.ops.process_group import Process, ProcessGroup
from analyzer.settings import Settings

if TYPE_CHECKING:
    from types import FrameType

EVENTS = 134_000
"""Requests of the scenario ``demo``, about."""
ALERT_WITHIN_S = 90.0
SIGN = KINDS["extraction_campaign"]

OPENING = """\
[bold]usage-analyzer demo[/]: three days of traffic from some 1,900 customers in about {seconds:.0f}
seconds. Hidden in it: one operator who extracts a model through many accounts, each too small
to notice; beside it innocent look-alikes (a campus network, a class, a fleet, an evaluation
harness, a viral prompt), about which nothing should be said.
"""
CLOSING = """
[bold]What you saw[/]  The real worker read raw requests from Kafka, found accounts that work one
queue of prompts together, and the notifier delivered the alert above. Updates follow as the
campaign grows; the look-alikes stay silent.

[bold]Where to go next[/]
  your own traffic   ANALYZER_BROKER=kafka://host:9092 analyzer worker --create-topics
  Slack              ANALYZER_SLACK__WEBHOOK_URL=https://hooks.slack.com/… analyzer notify
  your history       analyzer replay requests.ndjson.zst --out results
  what to send       schemas/llm.request.v1.json
  every setting      analyzer config          is it well?   analyzer doctor
"""


@click.command()
@click.option("--exit-after-alert", is_flag=True, help="End when the campaign's alert was shown.")
@click.option(
    "--seconds",
    type=click.FloatRange(min=5),
    default=45.0,
    show_default=True,
    help="How long the three days take.",
)
@click.option(
    "--config",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="TOML file with settings; the environment wins over it.",
)
def demo(*, exit_after_alert: bool, seconds: float, config: Path | None) -> None:
    """Find a campaign in simulated traffic, with a broker in memory or with ANALYZER_BROKER."""
    console = Console(highlight=False)
    show = _Show(console, _stop_on_signals())
    try:
        with ExitStack() as stack:
            group = _open(stack, console, config, seconds)
            _play(group, show, seconds)
            console.print(CLOSING, soft_wrap=True)
            if not exit_after_alert:
                _go_on(group, show)
    except KeyboardInterrupt:
        console.print("\nStopped; nothing is left running.")
        sys.exit(0 if show.seen.is_set() else 1)


class _Show:
    """Passes the notifier's output on and sees when the campaign comes up."""

    def __init__(self, console: Console, stop: threading.Event) -> None:
        self.console = console
        self.stop = stop
        """Set by Ctrl-C."""
        self.seen = threading.Event()
        """Set once an alert about the campaign is on the screen, whole."""

    def follow(self, process: Process) -> None:
        """Copy in the background until the notifier ends."""
        threading.Thread(target=self._copy, args=(process,), daemon=True).start()

    def _copy(self, process: Process) -> None:
        ours = False
        for line in process.popen.stdout or ():
            text = Text.from_ansi(line.decode("utf-8", "replace").rstrip("\n"))
            self.console.print(text, soft_wrap=True)
            ours = ours or SIGN in text.plain
            if ours and text.plain.startswith("╰"):
                self.seen.set()


def _open(stack: ExitStack, console: Console, config: Path | None, seconds: float) -> ProcessGroup:
    """Broker and topics, ready; everything is undone when the stack is."""
    from analyzer import wiring  # noqa: PLC0415 - `analyzer --help` loads no client
    from analyzer.ops import logs  # noqa: PLC0415 - as above

    console.print(OPENING.format(seconds=seconds), soft_wrap=True)
    settings, prefix = Settings.load(config), ""
    logs.hush()
    if settings.broker is None:
        console.print("• starting an embedded broker, in memory")
        broker = stack.enter_context(wiring.embedded_broker())
        console.print(f"  at {broker}, for as long as this runs")
        settings = settings.model_copy(update={"broker": broker})
    elif asyncio.run(stage.holds_events(settings)):
        prefix = stage.own_prefix()
        settings = stage.prefixed(settings, prefix)
        console.print(
            f"• {settings.broker} holds events already:\n"
            f"  the demo uses topics of its own, {prefix}.*, and deletes them at the end"
        )
        names = [topic.name for topic in wiring.needed_topics(settings)]
        stack.callback(lambda: asyncio.run(stage.clear(settings, names)))
    asyncio.run(wiring.create_topics(settings))
    environment = stage.environment(settings.broker or "", config, prefix)
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="analyzer-demo-")))
    return stack.enter_context(ProcessGroup(environment | _as_wide_as(console), folder))


def _as_wide_as(console: Console) -> dict[str, str]:
    """The notifier writes to a pipe but for this terminal."""
    colours = {"FORCE_COLOR": "1"} if console.is_terminal and not console.no_color else {}
    return {"COLUMNS": str(min(console.width, 110)), **colours}


def _play(group: ProcessGroup, show: _Show, seconds: float) -> None:
    """Start everybody and return when the alert was shown."""
    console = show.console
    console.print("• starting a worker and a notifier")
    group.start("worker", "--create-topics")
    show.follow(group.start("notify", "--console", pipe=True))
    console.print(f"• streaming traffic at {EVENTS / seconds:,.0f} requests a second\n")
    broker = group.environment["ANALYZER_BROKER"]
    scene = ("--scenario", "demo", "--broker", broker, "--rate", str(EVENTS / seconds))
    group.start("simulate", *scene, ends=True)
    began_s = time.monotonic()
    with console.status("waiting for the first traffic") as status:
        while not show.seen.wait(0.5):
            passed_s = time.monotonic() - began_s
            status.update(_progress(passed_s / seconds))
            _check(group, show.stop, passed_s)


def _progress(share: float) -> str:
    if share >= 1:
        return "all traffic is sent; waiting for the analyzer"
    return f"day {1 + int(share * 3)} of 3, about {share * EVENTS:,.0f} requests sent"


def _go_on(group: ProcessGroup, show: _Show) -> NoReturn:
    """Keep showing updates until Ctrl-C."""
    show.console.print("Running on; Ctrl-C ends everything.\n")
    while True:
        time.sleep(0.5)
        _check(group, show.stop, 0.0)


def _check(group: ProcessGroup, stop: threading.Event, passed_s: float) -> None:
    """Nobody has left, nobody asked to stop, and the alert is not overdue.

    Raises
    ------
    AnalyzerError
        Otherwise, with the end of the log of whoever is to blame.
    KeyboardInterrupt
        If asked to stop.
    """
    if stop.is_set():
        raise KeyboardInterrupt
    if (process := group.failed()) is not None:
        code = process.popen.returncode
        raise AnalyzerError(
            f"{process.name} ended with {code}; the end of its log:\n{process.tail()}"
        )
    if passed_s > ALERT_WITHIN_S:
        raise AnalyzerError(
            f"no alert came within {ALERT_WITHIN_S:.0f} s. Is this machine very busy? Try "
            "`analyzer demo --seconds 80`, and `analyzer doctor` if you gave a broker"
        )


def _stop_on_signals() -> threading.Event:
    """Set by Ctrl-C, SIGTERM or a closed terminal.

    An exception thrown from the handler could come between the start of a process and the
    note that it was started.
    """
    stop = threading.Event()

    def take(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, take)
    return stop
