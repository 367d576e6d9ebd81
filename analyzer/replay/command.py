"""``analyzer replay``, ``analyzer diff`` and ``analyzer fingerprint``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import orjson

from analyzer.errors import AnalyzerError, UsageError
from analyzer.formats.catalog import NAMES
from analyzer.formatting import clean
from analyzer.replay.again import replay_record
from analyzer.replay.compare import compare, tell
from analyzer.replay.record import check_against
from analyzer.settings import Settings
from analyzer.whole_files import whole_file


@click.command()
@click.argument("sources", nargs=-1, metavar="SOURCE…")
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
@click.option(
    "--since",
    help="Write alerts from this event time on (ISO or epoch ms); what comes up to four days "
    "before, by default, only warms up.",
)
@click.option("--until", help="Read no event of this event time or later.")
@click.option(
    "--resume", is_flag=True, help="Go on where the same replay was stopped by Ctrl-C (exit 130)."
)
@click.option("--record", is_flag=True, help="Keep all decisions, for --from-record and tune.")
@click.option(
    "--from-record",
    "source",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Judge a replay's record again instead of replaying, with other core.tell_… settings.",
)
@click.option(
    "--against",
    metavar="TOML",
    type=click.Path(path_type=Path),
    help="Say what other core.tell_… settings would have changed.",
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
    record: bool,
    source: Path | None,
    against: Path | None,
    since: str | None,
    until: str | None,
    resume: bool,
    as_json: bool,
) -> None:
    """Run the detector over files (NDJSON, .gz, .zst, Parquet, -) or kafka://HOST:PORT/TOPIC."""
    if not out:
        raise UsageError("--out is empty; give a folder, or - for alerts on stdout")
    settings = Settings.load(config)
    folder = None if out == "-" else Path(out)
    if folder is not None and not folder.resolve().name:
        raise UsageError(f"{out}: give a folder of its own")
    _check_ways(sources, source, folder, page=page, record=record, against=against)
    other = Settings.load(against).core if against is not None else None
    if other is not None:
        check_against(settings.core, other)
    if source is not None:
        summary = replay_record(source, folder, settings.core)
        _finish(summary, folder, settings, page, as_json=as_json)
        return
    from analyzer.replay.replaying import Order, run  # noqa: PLC0415 - half a second to load
    from analyzer.replay.span import span_of  # noqa: PLC0415 - as above

    span = span_of(since, until, settings.core)
    order = Order(
        sources,
        folder,
        feedback,
        format_name,
        record=record,
        against=other,
        span=span,
        resume=resume,
    )
    done = run(order, settings, quiet=as_json)
    _finish(done.summary, folder, settings, page, as_json=as_json)
    if done.difference is not None:
        told = orjson.dumps(done.difference).decode() if as_json else tell(done.difference)
        click.echo(told)
    for remark in done.remarks:
        click.echo(f"analyzer: {remark}", err=True)
    if done.nothing:
        raise AnalyzerError(done.nothing)


def _check_ways(
    sources: tuple[str, ...],
    source: Path | None,
    folder: Path | None,
    *,
    page: Path | None,
    record: bool,
    against: Path | None,
) -> None:
    if bool(sources) == (source is not None):
        raise UsageError("give raw records as SOURCE…, or --from-record DIR, and not both")
    if source is not None and (record or against):
        raise UsageError("--from-record judges a record again; --record and --against need SOURCE…")
    if folder is None and (page or record or against):
        raise UsageError("--report, --record and --against need results; give --out a folder")


def _finish(
    summary: dict[str, Any],
    folder: Path | None,
    settings: Settings,
    page: Path | None,
    *,
    as_json: bool,
) -> None:
    if folder is not None:
        _print(summary, as_json=as_json)
    if folder is not None and page is not None:
        from analyzer import wiring  # noqa: PLC0415 - loaded when used

        wiring.write_report(folder, settings, page)


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
    from analyzer.replay.families import families  # noqa: PLC0415 - half a second to load

    key = Settings.load(config).core.hash_key
    try:
        lines = source.open("rb")
    except OSError as error:
        raise UsageError(f"{source}: {error.strerror}; check the path") from error
    with lines, whole_file(out) as written:
        written.writelines(family + b"\n" for family in families(lines, key))


def _print(summary: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        click.echo(orjson.dumps(summary).decode())
        return
    if unfitted_signals := ", ".join(summary["unfitted_signals"]):
        click.echo(
            f"unfitted      {unfitted_signals}: measured, but no evidence until `analyzer fit`"
        )
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
