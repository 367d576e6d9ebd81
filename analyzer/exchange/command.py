"""``analyzer export`` and ``analyzer import``."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import click
import orjson

from analyzer import kafka_clients as clients
from analyzer.core.contracts.feedback import Feedback
from analyzer.core.contracts.records import Alert
from analyzer.errors import AnalyzerError, UsageError
from analyzer.exchange.block_counts import count_blocks, members_of, sources_of
from analyzer.exchange.findings import alerts_of
from analyzer.exchange.intake import Intake, encode, read
from analyzer.formats.exchange import ocsf, stix, tables
from analyzer.formats.networks import Networks
from analyzer.formatting import clean
from analyzer.replay.report import standard_output
from analyzer.settings import Settings
from analyzer.whole_files import whole_file

CONFIG = click.option("--config", type=click.Path(path_type=Path), help="TOML file of settings.")
JSON = click.option("--json", "as_json", is_flag=True, help="Print what was done as JSON.")
FORMATS = ("ocsf", "stix", "csv", "parquet")


@click.command(
    epilog="Example: analyzer export --format stix results --traffic day.ndjson --out bundle.json"
)
@click.argument("place", metavar="DIR|live", default="live", required=False)
@click.option("--from", "source", help="The same as DIR|live.")
@click.option("--format", "kind", type=click.Choice(FORMATS), required=True, help="Shape to write.")
@click.option("--out", default="-", show_default=True, help="File to write; - for stdout.")
@click.option(
    "--traffic",
    multiple=True,
    help="Raw records in which to count the accounts of each block; without it those that the "
    "replay has read. No block is named in STIX unless it can be counted.",
)
@CONFIG
@JSON
def export(
    *,
    place: str,
    source: str | None,
    kind: str,
    out: str,
    traffic: tuple[str, ...],
    config: Path | None,
    as_json: bool,
) -> None:
    """Write the findings of a replay's folder, or of the live topic, in a shape for others.

    ocsf: one Detection Finding a line, for the SIEM of the house. stix: a bundle for partners,
    without accounts, and with blocks only as [sharing] allows. csv, parquet: a row a campaign.
    """
    settings = Settings.load(config)
    place = source or place
    alerts = alerts_of(place, settings)
    if kind == "parquet":
        if out == "-":
            raise UsageError("parquet is no text; give --out FILE")
        tables.write_parquet(alerts, Path(out))
    else:
        _write(_encoded(kind, alerts, place, traffic, settings), out)
    if out != "-":
        told = {"format": kind, "out": out, "alerts": len(alerts)}
        click.echo(orjson.dumps(told).decode() if as_json else f"{len(alerts)} alerts → {out}")


def _encoded(
    kind: str, alerts: list[Alert], place: str, traffic: tuple[str, ...], settings: Settings
) -> bytes:
    networks = Networks(settings.sharing.network_files)
    if kind == "csv":
        return tables.as_csv(alerts)
    if kind == "ocsf":
        return b"".join(orjson.dumps(ocsf.finding(alert, networks)) + b"\n" for alert in alerts)
    traffic = traffic or sources_of(place)
    if not traffic and any(alert.campaign.blocks for alert in alerts):
        click.echo("no block is named: give --traffic to count the accounts of each", err=True)
    counts = count_blocks(traffic, members_of(place, alerts), settings) if traffic else {}
    sharing = settings.sharing
    found = stix.bundle(
        alerts,
        counts,
        k=sharing.min_accounts,
        networks=networks,
        tlp=sharing.tlp,
        source=sharing.source,
    )
    return orjson.dumps(found, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def _write(data: bytes, out: str) -> None:
    if out == "-":
        if (stdout := standard_output()) is None:
            raise UsageError("standard output is closed; give --out a file")
        stdout.write(data)
        return
    with whole_file(Path(out)) as stream:
        stream.write(data)


@click.command("import", epilog="Example: analyzer import partner.json --out feedback.ndjson")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--out", help="File of feedback.v1 lines to write instead of the topic; - for stdout."
)
@click.option(
    "--days", type=click.IntRange(min=1), default=30, show_default=True,
    help="How long evidence counts that says nothing of it itself.",
)  # fmt: skip
@CONFIG
@JSON
def import_(
    files: tuple[Path, ...], out: str | None, days: int, config: Path | None, *, as_json: bool
) -> None:
    """Bring evidence of others into the feedback topic: STIX 2.1 indicators, watermark hits.

    A STIX bundle's indicators become evidence about address blocks; lines of
    {"type", "id", "source", "strength", "seen_ms"} evidence about accounts, templates or blocks.
    """
    settings = Settings.load(config)
    now_ms = time.time_ns() // 1_000_000
    taken = [_taken(path, now_ms, days) for path in files]
    records = [record for intake in taken for record in intake.records]
    left_out = [
        f"{path}: {reason}"
        for path, intake in zip(files, taken, strict=True)
        for reason in intake.left_out
    ]
    if out is None:
        asyncio.run(_send(records, settings))
    else:
        _write(b"".join(encode(record) + b"\n" for record in records), out)
    for reason in left_out if not as_json else ():
        click.echo(f"left out  {clean(reason, 300)}", err=True)
    if out != "-":
        told = {
            "records": len(records),
            "left_out": left_out,
            "to": out or settings.topics.feedback,
        }
        plain = f"{len(records)} records of evidence → {told['to']}, {len(left_out)} left out"
        click.echo(orjson.dumps(told).decode() if as_json else plain)


def _taken(path: Path, now_ms: int, days: int) -> Intake:
    try:
        return read(path.read_bytes(), now_ms=now_ms, keep_days=days)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}; check the path") from error
    except UsageError as error:
        raise UsageError(f"{path}: {error}") from error


async def _send(records: list[Feedback], settings: Settings) -> None:
    try:
        async with clients.producer(settings) as producer:
            for record in records:
                key = f"{record.target.type}:{record.target.id}".encode()
                await producer.send_and_wait(settings.topics.feedback, encode(record), key=key)
    except clients.KafkaError as error:
        raise AnalyzerError(
            f"no broker answers, or takes records for {settings.topics.feedback}: {error!r}"
        ) from error
