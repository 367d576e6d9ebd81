"""Replay of a file, and the bare decoding of the same file.

Run as ``python -m analyzer.bench.files NAME FILE``; settings come from the environment.
"""

from __future__ import annotations

import io
import sys
from pathlib import Path

import msgspec

from analyzer.bench.timing import Stopwatch, tell
from analyzer.core.contracts.request_event import RequestEvent
from analyzer.precompile import compile_all
from analyzer.replay.report import Report
from analyzer.replay.runner import Runner
from analyzer.replay.sources import FileSource
from analyzer.settings import Settings


def bare(path: Path) -> None:
    """Read lines and decode each into a typed event, nothing else."""
    watch, decode, seen = Stopwatch(), msgspec.json.Decoder(RequestEvent).decode, 0
    watch.start()
    with path.open("rb") as lines:
        for line in lines:
            decode(line)
            seen += 1
    tell(watch.run("bare msgspec decoding", seen))


def replay(path: Path) -> None:
    """All steps over the file, with the results written."""
    settings, watch = Settings.load(), Stopwatch()
    compile_all()
    watch.start()
    with Report(path.parent / "replayed", io.BytesIO()) as report:
        runner = Runner(settings.core, [FileSource(str(path), 0)])
        report.take(runner)
    tell(watch.run("replay", runner.tally.events))


PROGRAMS = {"bare": bare, "replay": replay}

if __name__ == "__main__":
    PROGRAMS[sys.argv[1]](Path(sys.argv[2]))
