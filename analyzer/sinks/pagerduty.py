"""Alerts to PagerDuty by its Events API v2: one incident a campaign.

The thread is the ``dedup_key``: an opened campaign triggers, an update triggers the same incident
again, a closed one resolves it.

References
----------
https://developer.pagerduty.com/docs/send-alert-event
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Self

import orjson
from pydantic import Field, SecretStr

from analyzer.formatting import clip, moment
from analyzer.sinks.catalog import table
from analyzer.sinks.http_post import Address, Choice, Post

if TYPE_CHECKING:
    from analyzer.core.contracts.records import Alert
    from analyzer.settings import Settings

SUMMARY, KEY, LARGEST = 1_024, 255, 512 * 1_024
"""Limits of the service: characters of the summary and of the key, bytes of an event."""
SEVERITIES = {
    "info": "info", "low": "info", "medium": "warning", "high": "error", "critical": "critical",
}  # fmt: skip
OF_THE_KEY = re.compile(r"routing.key", re.IGNORECASE)
"""What its answer 400 names if the key is unknown, or no key at all."""
EVENTS = "https://events.pagerduty.com/v2/enqueue"


class PagerDutyTable(Choice):
    """The table ``[sinks.pagerduty]``."""

    routing_key: SecretStr = Field(min_length=1, description="integration key of the service")
    url: Address = Field(SecretStr(EVENTS), description="for a region of its own, or a proxy")


def pagerduty_sink(settings: Settings) -> PagerDutySink | None:
    """The sink of ``[sinks.pagerduty]``; None without the table."""
    found = table(settings, PagerDutySink.name, PagerDutyTable)
    return None if found is None else PagerDutySink(found)


class PagerDutySink:
    """One service; keeps every promise of the protocol."""

    name = "pagerduty"

    def __init__(self, settings: PagerDutyTable) -> None:
        self.choice = self._settings = settings
        key = "sinks.pagerduty.routing_key"
        self._post = Post(
            settings.url,
            who="PagerDuty",
            key=key,
            timeout_s=settings.timeout_s,
            of_the_key=OF_THE_KEY,
        )

    async def __aenter__(self) -> Self:
        await self._post.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._post.__aexit__()

    async def deliver(self, alert: Alert) -> None:
        """Send the event; raises as the protocol says."""
        if self._settings.takes(alert) or alert.activity == "closed":
            body = orjson.dumps(event(alert, self._settings.routing_key.get_secret_value()))
            await self._post.send(body)


def event(alert: Alert, routing_key: str) -> dict[str, Any]:
    """The alert as an event of the API."""
    key = clip(alert.dedup_key, KEY)
    if alert.activity == "closed":
        return {"routing_key": routing_key, "event_action": "resolve", "dedup_key": key}
    facts = alert.campaign
    return {
        "routing_key": routing_key,
        "event_action": "trigger",
        "dedup_key": key,
        "payload": {
            "summary": clip(alert.summary or alert.kind, SUMMARY),
            "source": "usage-analyzer",
            "severity": SEVERITIES[alert.severity],
            "timestamp": moment(alert.detected_at_ms).replace(" UTC", "Z").replace(" ", "T"),
            "class": alert.kind,
            "group": clip(alert.campaign_id, KEY),
            "custom_details": {
                "revision": alert.revision,
                "activity": alert.activity,
                "accounts": facts.members_total,
                "organisations": facts.organisations,
                "requests": facts.requests,
                "confidence": alert.confidence,
                "signals": [clip(reading.evidence, 300) for reading in alert.signals[:10]],
                "next_steps": [clip(step, 300) for step in alert.next_steps],
            },
        },
        "links": [{"href": alert.runbook_url, "text": "Runbook"}],
    }
