"""Alerts to Prometheus' Alertmanager by its API v2: one alert a campaign, routed by labels.

Labels name the thread and what may be routed by; everything that changes is an annotation, since
another label would be another alert. Alertmanager ends an alert that is not repeated: so each one
lasts as long as a campaign may be silent, and a closed one ends at once.

References
----------
https://prometheus.io/docs/alerting/latest/alerts_api/
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, Self

import orjson
from pydantic import Field

from analyzer.formatting import clip
from analyzer.sinks.catalog import table
from analyzer.sinks.http_post import Address, Choice, Post

if TYPE_CHECKING:
    from analyzer.core.contracts.records import Alert
    from analyzer.settings import Settings

LONGEST = 2_000


class AlertmanagerTable(Choice):
    """The table ``[sinks.alertmanager]``."""

    url: Address = Field(description="https://host:9093/api/v2/alerts")


def alertmanager_sink(settings: Settings) -> AlertmanagerSink | None:
    """The sink of ``[sinks.alertmanager]``; None without the table."""
    found = table(settings, AlertmanagerSink.name, AlertmanagerTable)
    return None if found is None else AlertmanagerSink(found, settings.core.close_after_s)


class AlertmanagerSink:
    """One Alertmanager; keeps every promise of the protocol.

    Parameters
    ----------
    lasts_s
        How long an alert stands unless it is updated, in seconds.
    """

    name = "alertmanager"

    def __init__(self, settings: AlertmanagerTable, lasts_s: int) -> None:
        self.choice = self._settings = settings
        self._lasts_s = lasts_s
        key = "sinks.alertmanager.url"
        self._post = Post(settings.url, who="Alertmanager", key=key, timeout_s=settings.timeout_s)

    async def __aenter__(self) -> Self:
        await self._post.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._post.__aexit__()

    async def deliver(self, alert: Alert) -> None:
        """Post the alert; raises as the protocol says."""
        if self._settings.takes(alert) or alert.activity == "closed":
            await self._post.send(orjson.dumps([entry(alert, self._lasts_s)]))


def entry(alert: Alert, lasts_s: int) -> dict[str, Any]:
    """The alert as Alertmanager takes it."""
    facts = alert.campaign
    ends_ms = alert.detected_at_ms
    if alert.activity != "closed":
        ends_ms += lasts_s * 1_000
    return {
        "labels": {
            "alertname": "UsageAnalyzerCampaign",
            "campaign_id": clip(alert.campaign_id, LONGEST) or "-",
            "kind": alert.kind,
            "severity": alert.severity,
        },
        "annotations": {
            "summary": clip(alert.summary, LONGEST),
            "description": clip("; ".join(r.evidence for r in alert.signals), LONGEST),
            "runbook_url": alert.runbook_url,
            "accounts": str(facts.members_total),
            "organisations": str(facts.organisations),
            "requests": str(facts.requests),
        },
        "startsAt": _time(min(alert.first_event_ms, ends_ms)),
        "endsAt": _time(ends_ms),
        "generatorURL": alert.runbook_url,
    }


def _time(epoch_ms: int) -> str:
    return dt.datetime.fromtimestamp(epoch_ms / 1_000, dt.UTC).isoformat().replace("+00:00", "Z")
