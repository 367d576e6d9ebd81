"""Whether Slack would take an alert: asked for real, and shown to nobody unless that is wanted.

A webhook that works refuses a message without a text (400, ``no_text``); one that is gone says so
(mostly 403, 404 or 410), whatever is posted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.errors import AddressRefused, BadRecord, RetryLater

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
            await sink.ask()
        except AddressRefused as error:
            return False, f"it does not know the webhook: {error}", NEW
        except (RetryLater, BadRecord) as error:
            return False, f"it is not able now: {error}", f"if it stays so: {NEW}"
    return True, f"Slack knows the webhook; alerts from {least} on are sent", ""
