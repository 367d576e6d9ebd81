"""The command line: a table of commands, each in a module that is loaded when it is called."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from typing import NoReturn

import click

from analyzer.errors import AnalyzerError, UsageError

COMMANDS = {
    "worker": "analyzer.stream.command:worker",
    "notify": "analyzer.sinks.command:notify",
    "replay": "analyzer.replay.command:replay",
    "explain": "analyzer.exchange.explain:explain",
    "report": "analyzer.exchange.report:report",
    "tune": "analyzer.exchange.tune:tune",
    "promote": "analyzer.exchange.promote:promote",
    "verify": "analyzer.exchange.verify:verify",
    "export": "analyzer.exchange.command:export",
    "import": "analyzer.exchange.command:import_",
    "diff": "analyzer.replay.command:diff",
    "calibrate": "analyzer.replay.calibrate:calibrate",
    "fit": "analyzer.training.command:fit",
    "evaluate": "analyzer.bench.detection.command:evaluate",
    "simulate": "analyzer.simulate.command:simulate",
    "fingerprint": "analyzer.replay.command:fingerprint",
    "demo": "analyzer.console.demo:demo",
    "doctor": "analyzer.console.commands:doctor",
    "config": "analyzer.console.commands:config",
    "bench": "analyzer.bench.command:bench",
    "bench-detection": "analyzer.bench.detection.command:bench_detection",
    "bench-adversary": "analyzer.bench.detection.adversary:bench_adversary",
}
"""Name of each command and where it lives, as ``module:function``."""


class LazyGroup(click.Group):
    """A group that knows the names of its commands and imports one when it is needed."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        """Names of the commands that are installed, in the order of the table."""
        return [name for name in COMMANDS if _is_there(name)]

    def get_command(self, _ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command itself; None if there is none of that name."""
        if cmd_name not in COMMANDS or not _is_there(cmd_name):
            return None
        module, _, function = COMMANDS[cmd_name].partition(":")
        command = getattr(importlib.import_module(module), function)
        if not isinstance(command, click.Command):
            raise TypeError(f"{COMMANDS[cmd_name]} is no command")
        return command


def _is_there(name: str) -> bool:
    module = COMMANDS[name].partition(":")[0]
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="usage-analyzer", prog_name="analyzer")
def app() -> None:
    """Find coordinated multi-account model extraction in a stream of LLM requests."""


def main() -> NoReturn:
    """Run a command; exit 0 when done, 1 if it failed, 2 if it was asked wrongly."""
    try:
        app(prog_name="analyzer")
    except UsageError as error:
        _leave(error, 2)
    except AnalyzerError as error:
        _leave(error, 1)
    sys.exit(0)


def _leave(error: AnalyzerError, code: int) -> NoReturn:
    click.echo(f"analyzer: {error}", err=True)
    sys.exit(code)
