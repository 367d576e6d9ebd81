"""Quix Streams by our keys: in our windows, or in sliding ones of their lengths.

Run as ``python -m analyzer.bench.quix KIND EVENTS``; measured only where ``quixstreams`` can be
imported (it is no dependency of ours). Settings come from the environment.
"""

from __future__ import annotations

import logging
import sys
import tempfile
from functools import partial
from importlib.util import find_spec
from typing import Any

from analyzer.bench.events import KEYS, WINDOWS
from analyzer.bench.timing import Stopwatch, tell
from analyzer.settings import Settings
from analyzer.stream.run import leave

KINDS = ("hopping", "sliding")


def is_there() -> bool:
    """Whether the peer is installed."""
    return find_spec("quixstreams") is not None


def main(kind: str, events: int) -> None:
    """Count in each window until so many events went through by every key."""
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
    frame = app.dataframe(topic)
    seen = dict.fromkeys(KEYS, 0)

    def counted(name: str, _event: Any) -> None:
        if not any(seen.values()):
            watch.start()
        seen[name] += 1
        if min(seen.values()) >= events:
            tell(watch.run(f"Quix Streams, {kind} windows", events))
            leave(0)

    for name, key in KEYS.items():
        by_key = frame.group_by(key, name=name)
        for window in settings.core.windows[:WINDOWS]:
            length_ms, hop_ms = window.length_s * 1_000, window.hop_s * 1_000
            if kind == "sliding":
                windows: Any = by_key.sliding_window(length_ms)
            else:
                windows = by_key.hopping_window(length_ms, hop_ms)
            windows.count().current()
        by_key.update(partial(counted, name))
    app.run()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
