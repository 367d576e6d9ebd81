"""``analyzer replay``, ``analyzer diff`` and ``analyzer fingerprint``."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import click
import orjson
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from analyzer.core.cohort.fusion import unfitted
from analyzer.core.contracts.calibration import Calibration
from analyzer.errors import AnalyzerError, UsageError
from analyzer.formats.catalog import NAMES
from analyzer.formats.reader import reader_of
from analyzer.formatting import clean
from analyzer.precompile import compile_all
from analyzer.replay.compare import compare, tell
from analyzer.replay.families import families
from analyzer.replay.feedback import allowances, read_feedback
from analyzer.replay.remarks import nothing_counted, remarks
from analyzer.replay.report import Report
from analyzer.replay.runner import Runner
from analyzer.replay.sources import FileSource, Source
from analyzer.replay.stopping import stoppable
from analyzer.settings import Settings


@click.command()
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE…")
@click.option("--out", required=True, help="Folder for the results, or - for alerts on stdout.")
@click.option("--config", type=click.Path(path_type=Path), help="TOML file of settings.")
@click.option(
    "--feedback", type=click.Path(path_type=Path), help="File of feedback.v1 lines to obey."
)
@click.option(
    "--format",
    "format_name",
    type=click.Choice(NAMES),
    help="Format of the raw records, instead of that of the settings.  [default: auto]",
)
@click.option(
    "--report",
    "page",
    type=click.Path(path_type=Path),
    help="Page to write on the results, as `analyzer report` does.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
def replay(
    *,
    sources: tuple[str, ...],
    out: str,
    config: Path | None,
    feedback: Path | None,
    format_name: str | None,
    page: Path | None,
    as_json: bool,
) -> None:
    """Run the detector over files (NDJSON, .gz, .zst, -) or kafka://HOST:PORT/TOPIC."""
    settings = Settings.load(config)
    said = read_feedback(feedback, settings.core.max_record_bytes) if feedback else []
    opened = open_sources(sources, settings)
    translator = reader_of(settings.formats, settings.core.max_record_bytes, format_name)
    folder = None if out == "-" else Path(out)
    if page is not None and folder is None:
        raise UsageError("--report is drawn from the results; give --out a folder")
    compile_all()
    with stoppable(), Report(folder, sys.stdout.buffer) as report:
        with progress_of(opened, quiet=as_json) as bar:
            runner = Runner(
                settings.core, opened, feedback=said, translator=translator, progress=bar
            )
            report.take(runner)
        tally = runner.tally
        summary = report.finish(
            {
                "sources": list(sources),
                "config_hash": settings.core.config_hash,
                "fdr": settings.core.fdr,
                "events": tally.events,
                "late": tally.late,
                "ahead": tally.ahead,
                "duplicates": tally.duplicates,
                "unfitted_signals": unfitted(settings.core.calibration or Calibration.shipped()),
                "mended": dict(sorted(tally.mended.items())),
                "dead_letters": dict(sorted(tally.dead.items())),
                "passed_over": dict(sorted(tally.passed_over.items())),
                "first_event_ms": tally.first_event_ms,
                "last_event_ms": tally.last_event_ms,
                "feedback": len(said),
                "allowed": allowances(runner.campaign.judgements),
            }
        )
    if folder is not None:
        _print(summary, as_json=as_json)
    if folder is not None and page is not None:
        from analyzer import wiring  # noqa: PLC0415 - loaded when used

        wiring.write_report(folder, settings, page)
    for remark in remarks(tally):
        click.echo(f"analyzer: {remark}", err=True)
    if not tally.events:
        raise AnalyzerError(nothing_counted(sources, tally))


@click.command()
@click.argument("left", type=click.Path(path_type=Path))
@click.argument("right", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print the difference as JSON.")
def diff(left: Path, right: Path, as_json: bool) -> None:
    """Compare two replays: alerts in one only, earlier or later, members gained and lost."""
    difference = compare(left, right)
    click.echo(orjson.dumps(difference).decode() if as_json else tell(difference))


@click.command()
@click.argument("source", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), required=True, help="File to write.")
@click.option("--config", type=click.Path(path_type=Path), help="TOML file of settings.")
def fingerprint(source: Path, out: Path, config: Path | None) -> None:
    """Write the template family of every prompt (NDJSON with prompt_text) in SOURCE."""
    key = Settings.load(config).core.hash_key
    try:
        with source.open("rb") as lines, out.open("wb") as written:
            written.writelines(family + b"\n" for family in families(lines, key))
    except OSError as error:
        raise UsageError(f"{error.filename}: {error.strerror}") from error


def open_sources(names: tuple[str, ...], settings: Settings) -> list[Source]:
    """The sources of these names, numbered from 0."""
    opened: list[Source] = []
    for name in names:
        if name.startswith("kafka://"):
            from analyzer.replay.topic import topic_sources  # noqa: PLC0415 - needs the client

            opened += topic_sources(name, settings, first=len(opened))
        else:
            opened.append(FileSource(name, len(opened), settings.core.max_record_bytes))
    return opened


def progress_of(sources: list[Source], *, quiet: bool) -> Any:
    """A context that gives what is to be called with how much was read; shows it on a terminal."""
    console = Console(stderr=True)
    sizes = [source.size for source in sources]
    if quiet or not console.is_terminal or None in sizes:
        return nullcontext(lambda _: None)
    return _Bar(console, sum(size or 0 for size in sizes))


class _Bar:
    """A progress bar on a terminal, gone when the replay is done."""

    def __init__(self, console: Console, total: int) -> None:
        columns = (TextColumn("replay"), BarColumn(), TimeElapsedColumn())
        self._progress = Progress(*columns, console=console, transient=True)
        self._task = self._progress.add_task("replay", total=total)

    def __enter__(self) -> Any:
        self._progress.start()
        return lambda done: self._progress.advance(self._task, done)

    def __exit__(self, *_: object) -> None:
        self._progress.stop()


def _print(summary: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        click.echo(orjson.dumps(summary).decode())
        return
    if unfitted_signals := ", ".join(summary["unfitted_signals"]):
        click.echo(f"unfitted      {unfitted_signals}: shown, but no evidence until `analyzer fit`")
    dead = ", ".join(f"{reason} {n}" for reason, n in summary["dead_letters"].items()) or "none"
    alerts = ", ".join(f"{kind} {n}" for kind, n in summary["alerts"].items()) or "none"
    click.echo(f"events        {summary['events']:,} ({summary['duplicates']:,} duplicates)")
    click.echo(f"dead letters  {dead}")
    if summary["mended"]:
        fields = ", ".join(f"{name} {n:,}" for name, n in summary["mended"].items())
        click.echo(f"odd fields    {fields}")
    if summary["passed_over"]:
        passed = ", ".join(f"{reason} {n:,}" for reason, n in summary["passed_over"].items())
        click.echo(f"passed over   {passed}")
    click.echo(f"campaigns     {summary['campaigns']} with {summary['members']:,} members")
    click.echo(f"alerts        {alerts}")
    for allowed in summary["allowed"]:
        id_ = clean(allowed["id"], 300)
        click.echo(f"allowed       {allowed['type']} {id_}, used {allowed['hits']} times")
