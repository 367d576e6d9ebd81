"""Where a replay begins or ends, as people write it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from analyzer.errors import UsageError


@dataclass(frozen=True, slots=True)
class Bound:
    """Where to begin or end: an offset or a time, or neither."""

    offset: int | None = None
    time_ms: int | None = None


def parse_bound(text: str | None) -> Bound:
    """A bound from the address.

    Raises
    ------
    UsageError
        If it is neither an offset nor a time.

    Examples
    --------
    >>> parse_bound("offset:7"), parse_bound("1970-01-01T00:00:01Z").time_ms
    (Bound(offset=7, time_ms=None), 1000)
    """
    if not text:
        return Bound()
    try:
        if text.startswith("offset:"):
            return Bound(offset=_whole(text.removeprefix("offset:")))
        return Bound(time_ms=_whole(text) if text.isdigit() else _moment_ms(text))
    except ValueError as error:
        raise UsageError(
            f"{text!r} is no bound; write offset:1200, epoch milliseconds or 2026-03-02T00:00Z"
        ) from error


def _moment_ms(text: str) -> int:
    moment = datetime.fromisoformat(text)
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return _whole(str(round(moment.timestamp() * 1_000)))


def _whole(text: str) -> int:
    """An offset or a time that Kafka takes; those below 0 have a meaning of their own."""
    value = int(text)
    if not 0 <= value < 2**63:
        raise ValueError("out of range")
    return value
