"""``analyzer config`` and ``analyzer doctor``."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click
import orjson

from analyzer.settings import Settings

if TYPE_CHECKING:
    from analyzer.console.finding import Finding

CONFIG = click.option(
    "--config",
    "path",
    type=click.Path(path_type=Path),
    help="TOML file with settings; the environment wins over it.",
)


@click.command()
@CONFIG
@click.option("--json", "json", is_flag=True, help="Print one JSON object.")
def config(path: Path | None, *, json: bool) -> None:
    """Print the effective settings with their meaning; secrets are masked."""
    from analyzer.console.listing import as_json, as_toml  # noqa: PLC0415 - loaded when used

    settings = Settings.load(path)
    click.echo(as_json(settings) if json else as_toml(settings), nl=json)


@click.command(epilog="Example: analyzer doctor --sample gateway.log --format litellm")
@CONFIG
@click.option(
    "--sample",
    metavar="FILE|kafka://…",
    help="Say what is read of the first 100 raw records, which fields stay empty, and which "
    "signals are therefore blind.",
)
@click.option("--format", "format_name", help="Format of the sample, as `analyzer replay` has it.")
@click.option("--json", "json", is_flag=True, help="Print one JSON object.")
@click.option("--send", is_flag=True, help="Post a short test message to Slack.")
def doctor(
    path: Path | None, sample: str | None, format_name: str | None, *, json: bool, send: bool
) -> None:
    """Check broker, topics, groups, clocks and Slack; exit 1 if something is wrong.

    Slack is asked with a message that it shows to nobody; --send posts one that it shows.
    """
    from analyzer import wiring  # noqa: PLC0415 - loaded when used

    if sample is not None:
        text, good = wiring.sample_report(sample, Settings.load(path), format_name, json=json)
        click.echo(text)
        raise SystemExit(0 if good else 1)
    from analyzer.console.doctor import examine  # noqa: PLC0415 - as above
    from analyzer.ops import logs  # noqa: PLC0415 - as above

    settings = Settings.load(path)
    logs.hush()  # what the libraries say, the findings say better
    ask = wiring.slack_check(settings, send=send)
    findings = asyncio.run(examine(settings, wiring.needed_topics(settings), ask))
    if json:
        well = all(finding.ok for finding in findings)
        click.echo(orjson.dumps({"ok": well, "findings": [asdict(f) for f in findings]}).decode())
        raise SystemExit(0 if well else 1)
    said = ""
    for finding in findings:
        _tell(finding, repeated=finding.do == said)
        said = finding.do
    raise SystemExit(0 if all(finding.ok for finding in findings) else 1)


def _tell(finding: Finding, *, repeated: bool) -> None:
    mark = click.style("ok     ", fg="green") if finding.ok else click.style("problem", fg="red")
    click.echo(f"{mark}  {finding.what}")
    if finding.do and not repeated:
        click.echo(f"         → {finding.do}")
