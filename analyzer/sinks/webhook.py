"""Alerts to any HTTP endpoint, signed: ``alert.v1`` as it is.

``X-Analyzer-Signature: sha256=…`` is the HMAC of ``TIMESTAMP.BODY`` with the shared secret, as
``X-Analyzer-Timestamp`` says it, so that a receiver can refuse what is forged or too old:

    hmac.compare_digest(hmac.new(secret, f"{timestamp}.".encode() + body, "sha256").hexdigest(), …)
"""

from __future__ import annotations

import hmac
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Self

from pydantic import Field, SecretStr

from analyzer.core.contracts.records import encode_record
from analyzer.sinks.catalog import table
from analyzer.sinks.http_post import Address, Choice, Post

if TYPE_CHECKING:
    from analyzer.core.contracts.records import Alert
    from analyzer.settings import Settings


class WebhookTable(Choice):
    """The table ``[sinks.webhook]``."""

    url: Address
    secret: SecretStr = Field(min_length=16, description="shared with the receiver, to sign with")


def webhook_sink(settings: Settings) -> WebhookSink | None:
    """The sink of ``[sinks.webhook]``; None without the table."""
    found = table(settings, WebhookSink.name, WebhookTable)
    return None if found is None else WebhookSink(found)


class WebhookSink:
    """One signed endpoint; keeps every promise of the protocol.

    Parameters
    ----------
    clock
        Epoch seconds, for the signature.
    """

    name = "webhook"

    def __init__(self, settings: WebhookTable, clock: Callable[[], float] = time.time) -> None:  # noqa: TID251 - a shell owns the clock
        self.choice = self._settings = settings
        self._clock = clock
        key = "sinks.webhook.url"
        self._post = Post(settings.url, who="The webhook", key=key, timeout_s=settings.timeout_s)

    async def __aenter__(self) -> Self:
        await self._post.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._post.__aexit__()

    async def deliver(self, alert: Alert) -> None:
        """Post the alert, signed; raises as the protocol says."""
        if not self._settings.takes(alert):
            return
        body, stamp = encode_record(alert), str(int(self._clock()))
        secret = self._settings.secret.get_secret_value().encode()
        signature = hmac.new(secret, f"{stamp}.".encode() + body, "sha256").hexdigest()
        await self._post.send(
            body,
            {
                "X-Analyzer-Timestamp": stamp,
                "X-Analyzer-Signature": f"sha256={signature}",
                "Idempotency-Key": alert.alert_id,
            },
        )
