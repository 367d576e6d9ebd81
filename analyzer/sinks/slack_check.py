"""Whether Slack would take an alert: asked for real, and shown to nobody unless that is wanted.

A webhook that works refuses a message without a text (400, ``no_text``); one that is gone says so
(403, 404, 410), whatever is posted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.errors import BadRecord, RetryLater
from analyzer.sinks.http_answers import NEVER

if TYPE_CHECKING:
    from analyzer.core.contracts.records import Severity
    from analyzer.sinks.slack import SlackSink

NEW = "make a new incoming webhook and set slack.webhook_url (or slack.webhook_url_file)"


async def check_slack(sink: SlackSink, least: Severity, *, send: bool) -> tuple[bool, str, str]:
    """Whether it is well, what was found, and what to do about it.

    Parameters
    ----------
    least
        Least severity that is sent.
    send
        Post a message that is shown.
    """
    async with sink:
        try:
            if send:
                await sink.greet()
                return True, "Slack has taken a test message: look for it in the channel", ""
            status = await sink.ask()
        except (RetryLater, BadRecord) as error:
            return (
                False,
                str(error),
                f"is it Slack's address and reachable? If so: {NEW}",
            )
    if 200 <= status < 300 or status in NEVER:
        return True, f"Slack knows the webhook; alerts from {least} on are sent", ""
    if status == 429 or status >= 500:
        return False, f"Slack answers {status}: it is not able now", "ask again in a while"
    return False, f"Slack answers {status}: it does not know the webhook", NEW
