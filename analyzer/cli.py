"""The command line: a table of commands, each in a module that is loaded when it is called."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, NoReturn

import click

from analyzer.errors import AnalyzerError, UsageError
from analyzer.formatting import clean_lines


class Entry(NamedTuple):
    """One line of the table."""

    place: str
    """Where it lives, as ``module:function``."""
    summary: str
    """What it is for, as the list of commands says it."""


COMMANDS = {
    "worker": Entry("analyzer.stream.command:worker", "Run one live worker until SIGTERM."),
    "notify": Entry(
        "analyzer.sinks.command:notify",
        "Deliver alerts to Slack and elsewhere, or to this terminal.",
    ),
    "replay": Entry("analyzer.replay.command:replay", "Run the detector over files or topics."),
    "explain": Entry(
        "analyzer.exchange.explain:explain",
        "Tell why a campaign or an account was named.",
    ),
    "report": Entry(
        "analyzer.exchange.report:report",
        "Write one self-contained page on a replay's results.",
    ),
    "tune": Entry("analyzer.exchange.tune:tune", "Find from how sure and how large on to tell."),
    "promote": Entry(
        "analyzer.exchange.promote:promote",
        "Compare the live alerts with those of [shadow].",
    ),
    "verify": Entry(
        "analyzer.exchange.verify:verify",
        "Replay what live has seen and compare alert by alert.",
    ),
    "export": Entry("analyzer.exchange.command:export", "Write findings in the shapes of others."),
    "import": Entry(
        "analyzer.exchange.command:import_",
        "Bring evidence of others into the feedback topic.",
    ),
    "diff": Entry("analyzer.replay.command:diff", "Compare two replays."),
    "calibrate": Entry("analyzer.replay.calibrate:calibrate", "Learn from history what is usual."),
    "fit": Entry(
        "analyzer.training.command:fit",
        "Fit again the weights and calibration that ship.",
    ),
    "evaluate": Entry(
        "analyzer.bench.detection.command:evaluate",
        "Measure a replay's alerts by labels.",
    ),
    "simulate": Entry(
        "analyzer.simulate.command:simulate",
        "Simulate request events, with labels.",
    ),
    "fingerprint": Entry(
        "analyzer.replay.command:fingerprint",
        "Write the template family of every prompt.",
    ),
    "demo": Entry("analyzer.console.demo:demo", "Find a campaign in simulated traffic."),
    "doctor": Entry(
        "analyzer.console.commands:doctor",
        "Check broker, topics, groups, clocks and Slack.",
    ),
    "config": Entry(
        "analyzer.console.commands:config",
        "Print the effective settings with their meaning.",
    ),
    "bench": Entry("analyzer.bench.command:bench", "Measure speed beside the peers."),
    "bench-detection": Entry(
        "analyzer.bench.detection.command:bench_detection",
        "Judge the detector on simulated worlds with labels.",
    ),
    "bench-adversary": Entry(
        "analyzer.bench.detection.adversary:bench_adversary",
        "Let an operator look for the style that is found last.",
    ),
}
"""Commands by name."""


class LazyGroup(click.Group):
    """A group that knows the names of its commands and imports one when it is needed."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        """Names of the commands that are installed, in the order of the table."""
        return [name for name in COMMANDS if _is_there(name)]

    def get_command(self, _ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command itself; None if there is none of that name."""
        if cmd_name not in COMMANDS or not _is_there(cmd_name):
            return None
        module, _, function = COMMANDS[cmd_name].place.partition(":")
        command = getattr(importlib.import_module(module), function)
        if not isinstance(command, click.Command):
            raise TypeError(f"{COMMANDS[cmd_name].place} is no command")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list from the table: no command is loaded to say what it is for."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name].summary) for name in self.list_commands(ctx)])


def _is_there(name: str) -> bool:
    module = COMMANDS[name].place.partition(":")[0]
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="usage-analyzer", prog_name="analyzer")
def app() -> None:
    """Find coordinated multi-account model extraction in a stream of LLM requests."""


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run a command; exit 0 when done, 1 if it failed, 2 if it was asked wrongly.

    Parameters
    ----------
    arguments
        Name of the command and what follows it; those of this process if not given.
    """
    if sys.stderr is None:  # closed: nobody listens
        sys.stderr = Path(os.devnull).open("w")  # noqa: SIM115 - as long as the process
    try:
        app(arguments, prog_name="analyzer")
    except UsageError as error:
        _leave(error, 2)
    except AnalyzerError as error:
        _leave(error, 1)
    except OSError as error:  # a full disk, or an output that was closed
        with suppress(OSError):
            sys.stdout.close()  # what it holds would be tried again at the end
        where = f"{error.filename}: " if error.filename else ""
        _leave(AnalyzerError(f"{where}{error.strerror or error}"), 1)
    sys.exit(0)


def _leave(error: AnalyzerError, code: int) -> NoReturn:
    click.echo(f"analyzer: {clean_lines(str(error))}", err=True)
    sys.exit(code)
