"""A part of time to replay: with what must be known before it begins, and nothing after it.

::

    dropped │ warm-up: counted, no alert │ since ── alerts ── until │ dropped

Windows and what is usual fill in the warm-up; alerts that were decided before ``since`` are not
written.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from analyzer.core.config import CoreConfig
from analyzer.core.contracts.blocks import EventBlock
from analyzer.core.contracts.records import Alert, DeadLetter, Record
from analyzer.errors import UsageError
from analyzer.replay.bounds import parse_bound

EVER = 2**62


@dataclass(frozen=True)
class Span:
    """Event times: from ``begin_ms`` on events count, in ``[since_ms, until_ms)`` alerts do."""

    begin_ms: int = -EVER
    since_ms: int = -EVER
    until_ms: int = EVER

    def cut(self, block: EventBlock) -> EventBlock:
        """The block without the rows outside of the span."""
        if not len(block.rows):
            return block
        times = block.rows.ts_ms
        inside = (times >= self.begin_ms) & (times < self.until_ms)
        return (
            block if inside.all() else replace(block, rows=block.rows.take(np.flatnonzero(inside)))
        )

    def tells(self, record: Record | DeadLetter) -> bool:
        """Whether the record is written: alerts decided before the span are not."""
        return not isinstance(record, Alert) or record.detected_at_ms >= self.since_ms


def time_of(text: str | None) -> int | None:
    """Epoch milliseconds that a text stands for; None without one.

    Raises
    ------
    UsageError
        If it is no time.
    """
    bound = parse_bound(text).time_ms
    if text and bound is None:
        raise UsageError(f"{text!r} is no time; write epoch milliseconds or 2026-03-02T00:00Z")
    return bound


def span_of(since: str | None, until: str | None, config: CoreConfig) -> Span:
    """The span that was asked for, with a warm-up of the longest window and ``core.warmup_s``.

    Raises
    ------
    UsageError
        If a bound is no time, or the span is empty.
    """
    bounds = []
    for text, unbounded in ((since, -EVER), (until, EVER)):
        bound = time_of(text)
        bounds.append(unbounded if bound is None else bound)
    if bounds[1] <= bounds[0]:
        raise UsageError("--until is not after --since; check both")
    warm_up_s = config.warmup_s + max(window.length_s for window in config.windows)
    begin = bounds[0] - warm_up_s * 1_000 if since else -EVER
    return Span(begin, *bounds)
