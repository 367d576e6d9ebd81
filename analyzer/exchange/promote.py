"""``analyzer promote``: what would change if the shadow configuration were the one people hear."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import click
import orjson

from analyzer.core.contracts.records import Alert
from analyzer.errors import UsageError
from analyzer.exchange.findings import alerts_of, shadow_alerts_of
from analyzer.formatting import clean, moment
from analyzer.replay.compare import difference, opened_of, tell
from analyzer.settings import Settings


@click.command(epilog="Example: analyzer promote --config analyzer.toml")
@click.option("--config", type=click.Path(path_type=Path), help="TOML file of settings.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def promote(config: Path | None, as_json: bool) -> None:
    """Compare the live alerts with those of [shadow], and say what to set to make it the one.

    Left is what people were told, right what the shadow would have told, both since the shadow's
    first alert. Changes nothing.
    """
    settings = Settings.load(config)
    if not settings.shadow.given:
        raise UsageError(
            "no second configuration: set what should differ under [shadow], such as "
            "shadow.alert_threshold, and start the worker with it"
        )
    told = alerts_of("live", settings)
    found = what_would_change(told, shadow_alerts_of(settings)) | {"set": settings.shadow.given}
    click.echo(orjson.dumps(found).decode() if as_json else _text(found))


def what_would_change(told: list[Alert], shadow: list[Alert]) -> dict[str, Any]:
    """Counts and campaigns of both since the first alert of the shadow.

    Returns
    -------
    dict
        ``since_ms`` (None before the shadow has told anything), ``counts`` by kind and severity
        (what was told, what the shadow would have), and ``difference`` as ``analyzer diff`` has it.
    """
    since_ms = min((alert.detected_at_ms for alert in shadow), default=None)
    # After a restart an alert may stand in its topic twice.
    sides = [
        list({a.alert_id: a for a in side if since_ms and a.detected_at_ms >= since_ms}.values())
        for side in (told, shadow)
    ]
    counted = [Counter(f"{a.kind}.{a.severity}" for a in side) for side in sides]
    members = [_members(side) for side in sides]
    return {
        "since_ms": since_ms,
        "counts": {name: [c[name] for c in counted] for name in sorted({*counted[0], *counted[1]})},
        "difference": difference([opened_of(side) for side in sides], members, members),
    }


def _members(alerts: list[Alert]) -> dict[str, set[str]]:
    """Accounts of each campaign, as far as its last alert names them."""
    return {alert.campaign_id: set(alert.campaign.members_sample) for alert in alerts}


def _text(found: dict[str, Any]) -> str:
    if found["since_ms"] is None:
        lines = ["the shadow has told nothing yet"]
    else:
        lines = [f"since {moment(found['since_ms'])}, the shadow's first alert", ""]
        lines += [f"{'alerts':<34}{'told':>8}{'shadow':>8}"]
        lines += [f"{clean(n):<34}{a:>8,}{b:>8,}" for n, (a, b) in found["counts"].items()]
        lines += ["", tell(found["difference"])]
    lines += ["", "to promote it, move this from [shadow] to [core] and start all workers anew:"]
    lines += [f"  {name} = {value}" for name, value in found["set"].items()]
    return "\n".join(lines)
