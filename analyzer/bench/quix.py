"""Quix Streams with the same sliding windows, counted by message key.

Run as ``python -m analyzer.bench.quix EVENTS``; measured only where ``quixstreams`` can be
imported (it is no dependency of ours). Settings come from the environment.
"""

from __future__ import annotations

import logging
import sys
import tempfile
from importlib.util import find_spec
from typing import Any

from analyzer.bench.timing import Stopwatch, tell
from analyzer.settings import Settings
from analyzer.stream.run import leave

WINDOWS = 3
NAME = "Quix Streams, our three shortest windows"


def is_there() -> bool:
    """Whether the peer is installed."""
    return find_spec("quixstreams") is not None


def main(events: int) -> None:
    """Count by key in each window until so many events went through."""
    from quixstreams import Application  # noqa: PLC0415 - may be missing

    logging.disable(logging.CRITICAL)
    settings, watch = Settings.load(), Stopwatch()
    app = Application(
        broker_address=",".join(settings.bootstrap),
        consumer_group=f"{settings.app_id}-quix",
        auto_offset_reset="earliest",
        state_dir=tempfile.mkdtemp(prefix="analyzer-bench-"),
        loglevel=None,
    )
    topic = app.topic(settings.topics.requests, value_deserializer="json")
    seen = 0

    def count(_event: Any) -> None:
        nonlocal seen
        if not seen:
            watch.start()
        seen += 1
        if seen >= events:
            tell(watch.run(NAME, seen))
            leave(0)

    frame = app.dataframe(topic)
    for window in settings.core.windows[:WINDOWS]:
        length_ms, hop_ms = window.length_s * 1_000, window.hop_s * 1_000
        frame.hopping_window(duration_ms=length_ms, step_ms=hop_ms).count().current()
    frame.update(count)
    app.run()


if __name__ == "__main__":
    main(int(sys.argv[1]))
