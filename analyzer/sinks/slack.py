"""Alerts to a Slack channel through an incoming webhook.

========================== =======================================================
answer                     what follows
========================== =======================================================
2xx                        delivered
429                        again after ``Retry-After``
408, 5xx, time-out, no     again with growing pauses, for as long as it takes: the
connection                 alerts wait in their topic, and their order is kept
any other (400, 403, 404)  this alert is given up loudly, the next one is tried: one
                           message that Slack refuses must not hold back the rest
========================== =======================================================

The address of the webhook is a secret; no message of ours holds it.
"""

from __future__ import annotations

import asyncio
import ipaddress
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

import aiohttp

from analyzer.errors import BadRecord, RetryLater
from analyzer.sinks.slack_blocks import message

if TYPE_CHECKING:
    from pydantic import SecretStr

    from analyzer.core.contracts.records import Alert
    from analyzer.settings import Settings

MAX_WAIT_S = 3_600.0


def slack_sink(settings: Settings) -> SlackSink | None:
    """The sink of the table ``[slack]``; None without a webhook."""
    slack = settings.slack
    if slack.webhook_url is None:
        return None
    return SlackSink(slack.webhook_url, pause_s=slack.pause_s, timeout_s=slack.timeout_s)


class SlackSink:
    """One incoming webhook; keeps every promise of the protocol.

    Parameters
    ----------
    webhook_url
        Address to post to.
    pause_s
        Least time between two messages, in seconds.
    timeout_s
        An answer later than this counts as none, in seconds.
    """

    name = "slack"

    def __init__(self, webhook_url: SecretStr, *, pause_s: float, timeout_s: float) -> None:
        self._url = webhook_url
        self._pause_s = pause_s
        self._timeout = aiohttp.ClientTimeout(total=timeout_s)
        self._session: aiohttp.ClientSession | None = None
        self._next_s = 0.0

    async def __aenter__(self) -> Self:
        host = urlsplit(self._url.get_secret_value()).hostname or ""
        self._session = aiohttp.ClientSession(timeout=self._timeout, trust_env=not _is_local(host))
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()

    async def deliver(self, alert: Alert) -> None:
        """Post the alert; at most one message every ``pause_s``.

        Raises
        ------
        RetryLater
            If Slack is not able now or does not answer.
        BadRecord
            If Slack refuses the message.
        """
        await self._wait_for_turn()
        status, after, body = await self._post(alert)
        if status == 429:
            raise RetryLater("Slack asks to slow down (429)", _seconds(after))
        if status >= 500 or status == 408:
            raise RetryLater(f"Slack answers {status}", _seconds(after))
        if not 200 <= status < 300:
            raise BadRecord("refused", f"Slack answers {status} {body!r}{_hint(status)}")

    async def _wait_for_turn(self) -> None:
        clock = asyncio.get_running_loop().time
        await asyncio.sleep(max(0.0, self._next_s - clock()))
        self._next_s = clock() + self._pause_s

    async def _post(self, alert: Alert) -> tuple[int, str | None, str]:
        if self._session is None:
            raise RuntimeError("a sink is entered before it delivers")
        try:
            async with self._session.post(
                self._url.get_secret_value(), json=message(alert), allow_redirects=False
            ) as answer:
                body = (await answer.content.read(200)).decode("utf-8", "replace")
                return answer.status, answer.headers.get("Retry-After"), body
        except (aiohttp.ClientError, OSError) as error:
            # The text of some of these holds the address, which is a secret.
            raise RetryLater(f"Slack can't be reached ({type(error).__name__})") from None


def _seconds(text: str | None) -> float | None:
    try:
        return None if text is None else min(max(0.0, float(text)), MAX_WAIT_S)
    except ValueError:
        return None


def _hint(status: int) -> str:
    gone = status in {401, 403, 404, 410}
    return "; the webhook was revoked or mistyped: set slack.webhook_url anew" if gone else ""


def _is_local(host: str) -> bool:
    """Whether the host is this machine, which no proxy can reach."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
