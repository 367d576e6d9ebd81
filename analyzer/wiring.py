"""Where adapters are put together: which sinks, which topics, which broker.

The commands of one family need pieces of another; they meet here and nowhere else.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Iterator
    from pathlib import Path

    from analyzer.console.doctor import AskSink
    from analyzer.console.finding import Finding
    from analyzer.kafka_topics import NeededTopic
    from analyzer.settings import Settings
    from analyzer.sinks.protocol import Sink


def sinks(settings: Settings, *, console: bool = False) -> list[Sink]:
    """Where alerts go with these settings; to the console if to nowhere else, or if asked to."""
    from analyzer.console.render import printer  # noqa: PLC0415 - only what is used is loaded
    from analyzer.sinks.catalog import configured  # noqa: PLC0415 - as above
    from analyzer.sinks.console import ConsoleSink  # noqa: PLC0415 - as above

    found = [] if console else configured(settings)
    return found or [ConsoleSink(printer())]


def needed_topics(settings: Settings) -> list[NeededTopic]:
    """All topics of a worker with these settings."""
    from analyzer.stream.topics.catalog import wanted  # noqa: PLC0415 - as above

    return [topic.needed for topic in wanted(settings)]


def write_report(folder: Path, settings: Settings, page: Path) -> None:
    """Write the page on a replay's results."""
    from analyzer.exchange.report import figures_of, write  # noqa: PLC0415 - as above

    write(figures_of(folder, settings), page)


def slack_check(settings: Settings, *, send: bool) -> AskSink | None:
    """What the doctor asks Slack with; None without a webhook."""
    from analyzer.sinks.slack import SlackSink  # noqa: PLC0415 - as above
    from analyzer.sinks.slack_check import check_slack  # noqa: PLC0415 - as above

    slack = settings.slack
    if slack.webhook_url is None:
        return None
    sink = SlackSink(slack.webhook_url, pause_s=0.0, timeout_s=slack.timeout_s)
    return lambda: _finding(check_slack(sink, slack.min_severity, send=send))


async def _finding(check: Awaitable[tuple[bool, str, str]]) -> Finding:
    from analyzer.console.finding import Finding  # noqa: PLC0415 - as above

    return Finding(*await check)


async def create_topics(settings: Settings) -> None:
    """Create the topics that are missing; leave the others alone."""
    from analyzer.stream.topics.catalog import prepare  # noqa: PLC0415 - as above

    await prepare(settings, create=True)


def sample_report(
    place: str, settings: Settings, format_name: str | None, *, json: bool
) -> tuple[str, bool]:
    """What is read of the first records of a file or topic, and whether any event is."""
    import orjson  # noqa: PLC0415 - as above
    from pydantic import ValidationError  # noqa: PLC0415 - as above

    from analyzer.errors import UsageError  # noqa: PLC0415 - as above
    from analyzer.exchange import sample  # noqa: PLC0415 - as above
    from analyzer.formats.options import FormatSettings  # noqa: PLC0415 - as above

    if format_name is not None:
        plain = settings.formats.model_dump() | {"name": format_name}
        try:
            named = FormatSettings.model_validate(plain)
        except ValidationError as error:
            raise UsageError(f"--format {format_name}: {error.errors()[0]['msg']}") from error
        settings = settings.model_copy(update={"formats": named})
    found = sample.sample(place, settings)
    text = orjson.dumps(sample.as_json(found)).decode() if json else sample.as_text(found)
    return text, found.events > 0


@contextmanager
def embedded_broker() -> Iterator[str]:
    """A broker in memory; its address as ``ANALYZER_BROKER`` takes it."""
    from analyzer.ops.embedded_broker import embedded  # noqa: PLC0415 - as above

    with embedded() as broker:
        yield broker.url
