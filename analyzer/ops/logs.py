"""Logging, set up once: our own lines and those of the libraries look the same."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable
from typing import TextIO

import structlog
from structlog.tracebacks import ExceptionDictTransformer
from structlog.typing import Processor

from analyzer.settings import Settings

LIBRARIES = ("faust", "mode", "aiokafka", "asyncio")
NOISY = (*LIBRARIES, "analyzer.stream.transport.driver")

ONE_LINE_EVERY_S = 60.0

SHARED: list[Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.StackInfoRenderer(),
]


def setup(settings: Settings, stream: TextIO | None = None) -> None:
    """Log to standard error, as text for people or as one JSON object a line."""
    stream = stream or sys.stderr
    level = getattr(logging, settings.log_level.upper())
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *SHARED,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=SHARED,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *_renderers(settings, colors=stream.isatty()),
            ],
        )
    )
    if level > logging.DEBUG:
        handler.addFilter(Sparing(time.monotonic))
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    for name in NOISY:
        # Their debug lines hold the records themselves, with prompts and addresses.
        least = logging.WARNING if level > logging.DEBUG else logging.INFO
        logging.getLogger(name).setLevel(max(level, least))


def _renderers(settings: Settings, *, colors: bool) -> list[Processor]:
    if settings.log_format == "json":
        # Local variables stay out of the log: they may hold what customers wrote.
        frames = ExceptionDictTransformer(show_locals=False)
        return [
            structlog.processors.ExceptionRenderer(frames),
            structlog.processors.JSONRenderer(),
        ]
    plain = structlog.dev.plain_traceback
    return [structlog.dev.ConsoleRenderer(colors=colors, exception_formatter=plain)]


class Sparing(logging.Filter):
    """Lets the libraries say one line a minute: without a broker they say fifty a second.

    Parameters
    ----------
    clock
        Seconds of a clock that never goes back.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        super().__init__()
        self._clock = clock
        self._said: float | None = None
        self._withheld = 0

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the line is let through; the next one tells how many were not."""
        if record.levelno >= logging.CRITICAL or record.name.partition(".")[0] not in LIBRARIES:
            return True
        now = self._clock()
        if self._said is not None and now - self._said < ONE_LINE_EVERY_S:
            self._withheld += 1
            return False
        if self._withheld:
            more = f" (and {self._withheld} more lines of the libraries before)"
            record.msg, record.args = record.getMessage() + more, None
        self._said, self._withheld = now, 0
        return True


def hush() -> None:
    """Let the libraries say no more: the reason of the end was told."""
    for name in NOISY:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
