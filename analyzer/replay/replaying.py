"""One replay from its sources to its results, as the command line asks for it."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from analyzer.core.cohort.fusion import unfitted
from analyzer.core.config import CoreConfig
from analyzer.core.contracts.calibration import Calibration
from analyzer.core.contracts.feedback import Feedback
from analyzer.core.contracts.records import DeadLetter
from analyzer.formats.reader import reader_of
from analyzer.precompile import compile_all
from analyzer.replay.again import against
from analyzer.replay.feedback import allowances, read_feedback
from analyzer.replay.opening import open_sources, progress_of
from analyzer.replay.record import Decisions
from analyzer.replay.remarks import nothing_counted, remarks
from analyzer.replay.report import Report, read
from analyzer.replay.runner import Runner
from analyzer.replay.stopping import stoppable
from analyzer.settings import Settings


@dataclass(frozen=True)
class Order:
    """What is to be replayed, and what is to come of it."""

    sources: tuple[str, ...]
    folder: Path | None
    """None streams alerts to standard output."""
    feedback: Path | None
    format_name: str | None
    record: bool
    against: CoreConfig | None


@dataclass(frozen=True)
class Done:
    """What came of it."""

    summary: dict[str, Any]
    difference: dict[str, Any] | None
    """To what the other configuration makes of it, if there is one."""
    remarks: list[str]
    nothing: str
    """Why no event was counted; empty if any was."""


def run(order: Order, settings: Settings, *, quiet: bool) -> Done:
    """Replay, and write the results."""
    said = read_feedback(order.feedback, settings.core.max_record_bytes) if order.feedback else []
    opened = open_sources(order.sources, settings)
    translator = reader_of(settings.formats, settings.core.max_record_bytes, order.format_name)
    compile_all()
    with stoppable(), Report(order.folder, sys.stdout.buffer) as report:
        with progress_of(opened, quiet=quiet) as bar:
            runner = Runner(
                settings.core, opened, feedback=said, translator=translator, progress=bar
            )
            decided = Decisions(runner.campaign, settings.core)
            if order.record:
                decided.write_to(report.open_record())
            if order.against is not None:
                decided.keep()
            report.take(runner)
            decided.close()
        summary = report.finish(_summary(order, settings.core, runner, said))
    difference = None
    if order.folder is not None and order.against is not None:
        letters = read(order.folder, "dead_letters", DeadLetter)
        difference = against(decided.kept, order.folder, letters, order.against)
    nothing = "" if runner.tally.events else nothing_counted(order.sources, runner.tally)
    return Done(summary, difference, list(remarks(runner.tally)), nothing)


def _summary(
    order: Order, config: CoreConfig, runner: Runner, said: list[Feedback]
) -> dict[str, Any]:
    tally = runner.tally
    return {
        "sources": list(order.sources),
        "config_hash": config.config_hash,
        "fdr": config.fdr,
        "events": tally.events,
        "late": tally.late,
        "ahead": tally.ahead,
        "duplicates": tally.duplicates,
        "unfitted_signals": unfitted(config.calibration or Calibration.shipped()),
        "mended": dict(sorted(tally.mended.items())),
        "dead_letters": dict(sorted(tally.dead.items())),
        "passed_over": dict(sorted(tally.passed_over.items())),
        "first_event_ms": tally.first_event_ms,
        "last_event_ms": tally.last_event_ms,
        "feedback": len(said),
        "allowed": allowances(runner.campaign.judgements),
    }
