"""Where shells are put together: which sinks, which topics, which broker.

The commands of one family need pieces of another; they meet here and nowhere else.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analyzer.console.doctor import NeededTopic
    from analyzer.settings import Settings
    from analyzer.sinks.protocol import Sink


def sinks(settings: Settings, *, console: bool = False) -> list[Sink]:
    """The one list of sinks: where alerts go with these settings, or to the console alone."""
    from analyzer.console.render import printer  # noqa: PLC0415 - only what is used is loaded
    from analyzer.sinks.console import ConsoleSink  # noqa: PLC0415 - as above
    from analyzer.sinks.slack import SlackSink  # noqa: PLC0415 - as above

    slack = settings.slack
    if console or slack.webhook_url is None:
        return [ConsoleSink(printer())]
    return [SlackSink(slack.webhook_url, pause_s=slack.pause_s, timeout_s=slack.timeout_s)]


def needed_topics(settings: Settings) -> list[NeededTopic]:
    """All topics of a worker with these settings."""
    from analyzer.console.doctor import NeededTopic  # noqa: PLC0415 - as above
    from analyzer.stream.topics.catalog import wanted  # noqa: PLC0415 - as above

    return [NeededTopic(t.name, t.partitions, t.setting) for t in wanted(settings)]


async def create_topics(settings: Settings) -> None:
    """Create the topics that are missing; leave the others alone."""
    from analyzer.stream.topics.catalog import prepare  # noqa: PLC0415 - as above

    await prepare(settings, create=True)


@contextmanager
def embedded_broker() -> Iterator[str]:
    """A broker in memory; its address as ``ANALYZER_BROKER`` takes it."""
    from analyzer.ops.embedded_broker import embedded  # noqa: PLC0415 - as above

    with embedded() as broker:
        yield broker.url
