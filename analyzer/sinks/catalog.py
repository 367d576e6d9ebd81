"""The one list of sinks. A new sink is one file and one line here.

A line names a function ``(Settings) -> Sink | None``: the sink as the settings describe it, or None
if they ask for no such sink. A sink that needs settings of its own reads them from the table
``[sinks.NAME]`` with :func:`table`, against a pydantic model in its own file.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from pydantic import BaseModel, ValidationError

from analyzer.errors import UsageError

if TYPE_CHECKING:
    from analyzer.settings import Settings
    from analyzer.sinks.protocol import Sink

SINKS: tuple[str, ...] = (
    "analyzer.sinks.slack:slack_sink",
    "analyzer.sinks.webhook:webhook_sink",
    "analyzer.sinks.pagerduty:pagerduty_sink",
    "analyzer.sinks.alertmanager:alertmanager_sink",
    "analyzer.sinks.ocsf_topic:ocsf_topic_sink",
)  # fmt: skip
"""``module:function`` of each, imported when alerts are to be delivered."""

T = TypeVar("T", bound=BaseModel)


def configured(settings: Settings) -> list[Sink]:
    """The sinks that these settings ask for."""
    found = [sink for line in SINKS if (sink := _maker(line)(settings)) is not None]
    unknown = sorted(set(settings.sinks) - {sink.name for sink in found})
    if unknown:
        raise UsageError(f"sinks.{unknown[0]}: no such sink; analyzer/sinks/catalog.py lists them")
    return found


def table(settings: Settings, name: str, kind: type[T]) -> T | None:
    """The table ``[sinks.NAME]`` as that model; None if there is none.

    Raises
    ------
    UsageError
        If a key is unknown or a value impossible; the message names the key.
    """
    if (given := settings.sinks.get(name)) is None:
        return None
    try:
        return kind.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, ("sinks", name, *first["loc"])))
        raise UsageError(f"{key}: {first['msg']}") from error


def _maker(line: str) -> Callable[[Settings], Sink | None]:
    module, _, function = line.partition(":")
    maker: Callable[[Settings], Sink | None] = getattr(importlib.import_module(module), function)
    return maker
