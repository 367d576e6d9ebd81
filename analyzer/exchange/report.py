"""``analyzer report``: the results of a replay as one page that opens from disk."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import msgspec

from analyzer import __version__
from analyzer.core.contracts.records import SEVERITIES
from analyzer.exchange.block_counts import sources_of
from analyzer.exchange.case import Case, cases_of
from analyzer.exchange.explanation import explanation_of
from analyzer.exchange.labels import positives
from analyzer.exchange.page import page_of
from analyzer.exchange.pictures import activity, objects
from analyzer.exchange.traffic import Traffic, traffic_of
from analyzer.replay.report import read_summary
from analyzer.settings import Settings
from analyzer.whole_files import whole_file

DRAWN, LISTED = 50, 200
"""Campaigns told at length, the most severe first; members listed of each."""


@click.command(epilog="Example: analyzer report results --out report.html")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option(
    "--out", type=click.Path(path_type=Path), default=Path("report.html"), show_default=True,
    help="Page to write.",
)  # fmt: skip
@click.option(
    "--traffic", multiple=True,
    help="Raw records to draw from; without it those that the replay has read.",
)  # fmt: skip
@click.option(
    "--labels", type=click.Path(path_type=Path),
    help="Who is truly an operator's account: for precision and recall.",
)  # fmt: skip
@click.option("--config", type=click.Path(path_type=Path), help="TOML file of settings.")
@click.option("--json", "as_json", is_flag=True, help="Print the page's figures instead.")
def report(
    *,
    folder: Path,
    out: Path,
    traffic: tuple[str, ...],
    labels: Path | None,
    config: Path | None,
    as_json: bool,
) -> None:
    """Write one self-contained page on the results of a replay: no network, light and dark."""
    settings = Settings.load(config)
    figures = figures_of(folder, settings, traffic, labels)
    if as_json:
        click.echo(msgspec.json.encode(figures).decode())
        return
    write(figures, out)
    click.echo(f"campaigns: {len(figures['campaigns'])} → {out}")


def write(figures: dict[str, Any], out: Path) -> None:
    """Write the page.

    Raises
    ------
    UsageError
        If it can't be written there.
    """
    with whole_file(out) as stream:
        stream.write(page_of(msgspec.json.encode(figures)))


def figures_of(
    folder: Path, settings: Settings, sources: tuple[str, ...] = (), labels: Path | None = None
) -> dict[str, Any]:
    """Everything that the page shows, as plain data."""
    summary = read_summary(folder)
    cases = sorted(cases_of(str(folder), settings), key=_urgent)
    truth = positives(labels) if labels is not None else None
    sources = sources or sources_of(str(folder))
    everyone = {member.account_id for case in cases[:DRAWN] for member in case.members}
    traffic = traffic_of(sources, everyone, settings) if sources and everyone else None
    return {
        "version": __version__,
        "summary": summary,
        "scores": [_score(case, truth) for case in cases],
        "positives": None if truth is None else len(truth),
        "campaigns": [_campaign(case, traffic) for case in cases[:DRAWN]],
        "left_out": max(0, len(cases) - DRAWN),
    }


def _urgent(case: Case) -> tuple[int, int, str]:
    told = case.told
    return -SEVERITIES.index(told.severity), -told.campaign.members_total, case.id


def _score(case: Case, truth: frozenset[str] | None) -> dict[str, Any]:
    """What the slider needs of one campaign."""
    names = {member.account_id for member in case.inside}
    return {
        "campaign_id": case.id,
        "kind": case.told.kind,
        "severity": case.told.severity,
        "confidence": max(alert.confidence for alert in case.alerts),
        "score": max(alert.score for alert in case.alerts),
        "alerts": len(case.alerts),
        "first_ms": case.alerts[0].first_event_ms,
        "alert_ms": [alert.detected_at_ms for alert in case.alerts],
        "last_ms": max(case.alerts[-1].last_event_ms, case.alerts[-1].detected_at_ms),
        "members": len(names),
        "positives": None if truth is None else len(names & truth),
    }


def _campaign(case: Case, traffic: Traffic | None) -> dict[str, Any]:
    mine = traffic.of({m.account_id for m in case.members}) if traffic is not None else None
    told = explanation_of(case, None, mine)
    people = told.members
    plain: dict[str, Any] = msgspec.to_builtins(
        msgspec.structs.replace(told, members=people[:LISTED])
    )
    return plain | {
        "members_total": len(people),
        "activity": msgspec.to_builtins(activity(mine)) if mine is not None else None,
        "objects": msgspec.to_builtins(objects(mine)) if mine is not None else None,
    }
