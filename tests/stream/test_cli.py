"""The command line: a table of commands, and what the exit code says."""

from __future__ import annotations

import subprocess
import sys

import pytest
from click.testing import CliRunner

from analyzer.cli import COMMANDS, app


def analyzer(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "analyzer", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_help_lists_the_commands() -> None:
    """With one line each, on a terminal of eighty columns."""
    done = analyzer("--help")
    assert done.returncode == 0
    told = [line.split(maxsplit=1) for line in done.stdout.partition("Commands:")[2].splitlines()]
    assert told[1:] == [[name, entry.summary] for name, entry in COMMANDS.items()]


def test_an_unknown_command_is_wrong_usage() -> None:
    """Exit 2, as for every wrong use."""
    assert analyzer("no-such-command").returncode == 2


def test_no_broker_is_wrong_usage() -> None:
    """Exit 2; the message says which variable to set; no traceback."""
    done = analyzer("worker")
    assert done.returncode == 2
    assert done.stderr == "analyzer: no broker: set ANALYZER_BROKER=kafka://host:9092\n"


def test_a_password_in_the_address_is_refused() -> None:
    """It would be lost on the way; the message names the settings to use."""
    done = analyzer("worker", ANALYZER_BROKER="kafka://user:secret@host:9092")
    assert done.returncode == 2
    assert "kafka.sasl_username" in done.stderr
    assert "secret" not in done.stderr


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_has_help(name: str) -> None:
    """Each entry of the table leads to a command."""
    done = CliRunner().invoke(app, [name, "--help"], prog_name="analyzer")
    assert done.exit_code == 0, done.output
    assert done.output.startswith(f"Usage: analyzer {name}")
