"""Alerts to a Slack channel through an incoming webhook.

What each answer means is told in :mod:`.http_answers`; a time-out or a refused connection is
"not now".

The address of the webhook is a secret; no message of ours holds it.

References
----------
https://api.slack.com/changelog/2016-05-17-changes-to-errors-for-incoming-webhooks
"""

from __future__ import annotations

import asyncio
import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

import aiohttp

from analyzer.errors import AddressRefused, BadRecord, RetryLater
from analyzer.settings_tables import is_this_machine
from analyzer.sinks.http_answers import raise_for
from analyzer.sinks.slack_blocks import digest_message, message

if TYPE_CHECKING:
    from pydantic import SecretStr

    from analyzer.core.contracts.records import Alert
    from analyzer.settings import Settings
    from analyzer.sinks.digest import Digest


TAKEN = re.compile(r'\s*(ok|\{"ok": ?true.*)?\s*', re.DOTALL)
"""What Slack says of a message that it has taken; a proxy's page of login is no such thing."""

OF_THE_WEBHOOK = re.compile(
    r"^(invalid_token|no_(service|service_id|team|active_hooks)|team_disabled|user_not_found"
    r"|channel_(not_found|is_archived)|action_prohibited|posting_to_general_channel_denied)$"
)
"""What Slack says of a webhook that it doesn't know, or of where it leads: mostly by 403, 404 or
410, of a person that is gone by 400."""


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
        self._session = aiohttp.ClientSession(
            timeout=self._timeout, trust_env=not is_this_machine(host)
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()

    async def deliver(self, alert: Alert) -> None:
        """Post the alert; at most one message every ``pause_s``.

        Raises
        ------
        RetryLater
            If Slack is not able now, does not answer, does not know the webhook any more, or
            something else answers in its place.
        BadRecord
            If Slack refuses the message.
        """
        await self._send(message(alert))

    async def deliver_digest(self, digest: Digest) -> None:
        """Post what old alerts said; raises as :meth:`deliver` does."""
        await self._send(digest_message(digest.text()))

    async def ask(self) -> None:
        """Send a message without a text, which Slack never shows to anybody.

        A webhook that works refuses it (400, ``no_text``).

        Raises
        ------
        RetryLater, AddressRefused
            As :meth:`deliver`.
        """
        with suppress(BadRecord):
            self._judge(*await self._post({"text": ""}))

    async def greet(self) -> None:
        """Post a message that shows that alerts would arrive; raises as :meth:`deliver` does."""
        await self._send(digest_message("A test message of the usage analyzer: alerts come here."))

    async def _send(self, body: dict[str, Any]) -> None:
        await self._wait_for_turn()
        answer = self._judge(*await self._post(body))
        if not TAKEN.fullmatch(answer):
            raise AddressRefused(
                f"{answer!r} instead of Slack's ok: does something else answer at this address? "
                "Set slack.webhook_url anew"
            )

    @staticmethod
    def _judge(status: int, after: str | None, answer: str) -> str:
        """The answer, if the message was taken; raises as :meth:`deliver` does."""
        try:
            raise_for(status, who="Slack", body=answer, after=after, of_the_key=OF_THE_WEBHOOK)
        except AddressRefused as error:
            raise AddressRefused(f"{error}; set slack.webhook_url anew") from None
        return answer

    async def _wait_for_turn(self) -> None:
        clock = asyncio.get_running_loop().time
        await asyncio.sleep(max(0.0, self._next_s - clock()))
        self._next_s = clock() + self._pause_s

    async def _post(self, body: dict[str, Any]) -> tuple[int, str | None, str]:
        if self._session is None:
            raise RuntimeError("a sink is entered before it delivers")
        try:
            async with self._session.post(
                self._url.get_secret_value(), json=body, allow_redirects=False
            ) as answer:
                text = (await answer.content.read(200)).decode("utf-8", "replace")
                return answer.status, answer.headers.get("Retry-After"), text
        except (aiohttp.ClientError, OSError, ValueError) as error:
            # The text of some of these holds the address, which is a secret.
            raise RetryLater(f"Slack can't be reached ({type(error).__name__})") from None
