"""``analyzer verify``: whether a replay of what live has seen says what live said."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from analyzer import __version__
from analyzer.core.contracts.feedback import Feedback, decode_feedback
from analyzer.core.contracts.records import Alert
from analyzer.errors import BadRecord, UsageError
from analyzer.exchange.findings import alerts_of, values_of
from analyzer.exchange.verifying import Difference, Grounds, differences
from analyzer.formats.reader import reader_of
from analyzer.formatting import moment
from analyzer.replay.feedback import read_feedback
from analyzer.replay.opening import open_sources
from analyzer.replay.runner import Runner
from analyzer.replay.span import time_of
from analyzer.settings import Settings


class Verified(msgspec.Struct, frozen=True):
    """What came of it."""

    same: bool
    from_ms: int
    to_ms: int
    live_alerts: int
    replayed_alerts: int
    events: int
    late: int
    differences: list[Difference]


@click.command(epilog="Example: analyzer verify --from 2026-03-01T00:00Z --to 2026-03-08T00:00Z")
@click.option("--from", "lower", help="Compare alerts decided from this time on (ISO or epoch ms).")
@click.option("--to", "upper", help="… and before this one; without it, as far as live has come.")
@click.option(
    "--traffic", multiple=True,
    help="What live has read, if it is not the topic of requests: files or kafka://….",
)  # fmt: skip
@click.option(
    "--alerts", "place", default="live", show_default=True,
    help="Where live's alerts are: live, or a folder with alerts.ndjson.",
)  # fmt: skip
@click.option(
    "--feedback", type=click.Path(path_type=Path),
    help="File of feedback.v1 lines; without it, and with live alerts, the topic.",
)  # fmt: skip
@click.option("--config", type=click.Path(path_type=Path), help="TOML file of settings.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def verify(
    *,
    lower: str | None,
    upper: str | None,
    traffic: tuple[str, ...],
    place: str,
    feedback: Path | None,
    config: Path | None,
    as_json: bool,
) -> None:
    """Replay what live has seen and compare alert by alert; exit 1 if anything differs.

    Each difference is told with its cause: another configuration or version, feedback, history
    that the topic no longer holds, late events. No consumer group is touched.
    """
    settings = Settings.load(config)
    live = alerts_of(place, settings)
    first, last = _range(lower, upper, live)
    said = _feedback(feedback, place, settings)
    addresses = traffic or (f"kafka://{','.join(settings.bootstrap)}/{settings.topics.requests}",)
    opened = open_sources(addresses, settings)
    runner = Runner(
        settings.core,
        opened,
        feedback=said,
        translator=reader_of(settings.formats, settings.core.max_record_bytes),
    )
    replayed = [record for record in runner if isinstance(record, Alert)]
    grounds = Grounds(
        version=__version__,
        config_hash=settings.core.config_hash,
        model_version=replayed[0].provenance.model_version if replayed else "",
        late=runner.tally.late,
        feedback=said,
        truncated=_truncated(live, runner.tally.first_event_ms),
        reached_ms=max((alert.detected_at_ms for alert in live), default=-1),
    )
    mine, theirs = (_within(alerts, first, last) for alerts in (replayed, live))
    found = differences(theirs, mine, grounds)
    told = Verified(
        not found,
        first,
        last,
        len(theirs),
        len(mine),
        runner.tally.events,
        runner.tally.late,
        found,
    )
    click.echo(msgspec.json.encode(told).decode() if as_json else _text(told))
    raise SystemExit(0 if told.same else 1)


def _range(lower: str | None, upper: str | None, live: list[Alert]) -> tuple[int, int]:
    """Event times, the later one exclusive; as far as live has come it is certain."""
    reached = max((alert.detected_at_ms for alert in live), default=-1) + 1
    until = time_of(upper)
    first, last = time_of(lower) or 0, reached if until is None else until
    if last < first:
        raise UsageError("--to is before --from, or live has raised no alert since; check both")
    return first, last


def _within(alerts: list[Alert], first: int, last: int) -> list[Alert]:
    return [alert for alert in alerts if first <= alert.detected_at_ms < last]


def _truncated(live: list[Alert], first_event_ms: int | None) -> bool:
    """True if live has seen members before the first event that is still there."""
    begun = min((alert.first_event_ms for alert in live), default=None)
    return begun is not None and (first_event_ms is None or begun < first_event_ms)


def _feedback(path: Path | None, place: str, settings: Settings) -> list[Feedback]:
    longest = settings.core.max_record_bytes
    if path is not None:
        return read_feedback(path, longest)
    if place != "live":
        return []
    found = []
    for value in values_of(settings.topics.feedback, settings):
        try:
            found.append(decode_feedback(value, longest))
        except BadRecord:
            continue  # live has set it aside too
    return found


def _text(told: Verified) -> str:
    until = f"to {moment(told.to_ms)}"
    span = f"{moment(told.from_ms)} {until}" if told.from_ms else f"from the start {until}"
    lines = [
        f"events        {told.events:,} replayed, {told.late:,} late",
        f"alerts        {told.live_alerts} of live, {told.replayed_alerts} of the replay, {span}",
    ]
    if told.same:
        return "\n".join([*lines, "no difference"])
    for one in told.differences:
        what = f"differs in {', '.join(one.fields)}" if one.where == "both" else f"only {one.where}"
        lines.append(
            f"{moment(one.detected_at_ms)}  {one.campaign_id}  {what}: {one.cause} ({one.detail})"
        )
    return "\n".join(lines)
