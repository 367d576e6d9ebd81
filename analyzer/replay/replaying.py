"""One replay from its sources to its results, as the command line asks for it."""

from __future__ import annotations

import gc
import sys
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NoReturn

from analyzer.core.cohort.fusion import unfitted
from analyzer.core.config import CoreConfig
from analyzer.core.contracts.calibration import Calibration
from analyzer.core.contracts.feedback import Feedback
from analyzer.core.contracts.records import DeadLetter
from analyzer.errors import UsageError
from analyzer.formats.reader import reader_of
from analyzer.precompile import compile_all
from analyzer.replay.again import against
from analyzer.replay.checkpoint import load, place_of, save, terms
from analyzer.replay.feedback import allowances, read_feedback
from analyzer.replay.opening import open_sources, progress_of
from analyzer.replay.record import Decisions
from analyzer.replay.remarks import nothing_counted, remarks
from analyzer.replay.report import Report, is_result, read, standard_output
from analyzer.replay.runner import Runner
from analyzer.replay.span import EVER, Span
from analyzer.replay.stopping import INTERRUPTED, Interrupt, stoppable
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
    span: Span
    resume: bool


@dataclass(frozen=True)
class Done:
    """What came of it."""

    summary: dict[str, Any]
    difference: dict[str, Any] | None
    """To what the other configuration makes of it, if there is one."""
    remarks: list[str]
    nothing: str
    """Why no event was counted, of all or of one source; empty if some were of each."""


def run(order: Order, settings: Settings, *, quiet: bool) -> Done:
    """Replay, and write the results.

    Raises
    ------
    UsageError
        If the results would take the place of a source.
    SystemExit
        If Ctrl-C stopped it and what it came to is kept.
    """
    said = read_feedback(order.feedback, settings.core.max_record_bytes) if order.feedback else []
    for name in order.sources if order.folder else ():
        if is_result(Path(name), order.folder or Path()):
            raise UsageError(f"{name}: the results would take its place; give --out another folder")
    opened = open_sources(order.sources, settings)
    translator = reader_of(settings.formats, settings.core.max_record_bytes, order.format_name)
    kept = _Kept.of(order, settings, said)
    before = kept.load() if kept and order.resume else None
    compile_all()
    gc.freeze()  # what is loaded stays: looking through it for garbage takes a thirtieth
    with (
        Interrupt() if kept else nullcontext(lambda: False) as stop,
        stoppable(),
        Report(order.folder, standard_output()) as report,
    ):
        with progress_of(opened, quiet=quiet) as bar:
            runner = Runner(
                settings.core, opened, feedback=said, translator=translator, progress=bar,
                span=order.span, stop=stop,
            )  # fmt: skip
            if before is not None:
                runner.go_on(before["runner"])
                report.go_on(before["report"])
            decided = _looked_on(order, runner, report, settings.core)
            report.take(runner)
            decided.close()
        if kept and runner.stopped:
            kept.save({"runner": runner.state(), "report": report.state()})
        summary = report.finish(_summary(order, settings.core, runner, said))
    if kept:
        kept.path.unlink(missing_ok=True)
    difference = None
    if order.folder is not None and order.against is not None:
        letters = read(order.folder, "dead_letters", DeadLetter)
        difference = against(decided.kept, order.folder, letters, order.against)
    nothing = nothing_counted(order.sources, runner.tally, whole=order.span == Span())
    notes = [source.note for source in opened if source.note]
    return Done(summary, difference, [*notes, *remarks(runner.tally)], nothing)


def _looked_on(order: Order, runner: Runner, report: Report, config: CoreConfig) -> Decisions:
    decided = Decisions(runner.campaign, config)
    if order.record:
        decided.write_to(report.open_record())
    if order.against is not None:
        decided.keep()
    return decided


@dataclass(frozen=True)
class _Kept:
    """Where a replay that is stopped is kept, and what it may go on with."""

    path: Path
    terms: dict[str, str]

    @classmethod
    def of(cls, order: Order, settings: Settings, said: list[Feedback]) -> _Kept | None:
        """None for a replay that can't go on: from a pipe, to one, or with a record."""
        again = all(name.startswith("kafka://") or Path(name).is_file() for name in order.sources)
        if order.folder is None or not again or order.record or order.against:
            if order.resume:
                raise UsageError(
                    "--resume goes with files or topics and a folder, without --record or --against"
                )
            return None
        of = terms(
            order.sources,
            settings.core.config_hash,
            feedback=said,
            format=[order.format_name, settings.formats.model_dump(mode="json")],
            span=asdict(order.span),
        )
        return cls(place_of(order.folder), of)

    def load(self) -> dict[str, Any]:
        """What was kept."""
        return load(self.path, self.terms)

    def save(self, state: dict[str, Any]) -> NoReturn:
        """Keep it, say so, and leave."""
        save(self.path, self.terms, state)
        print("analyzer: stopped; go on with the same command and --resume", file=sys.stderr)  # noqa: T201 - the last word of a command
        sys.exit(INTERRUPTED)


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
        "since_ms": None if order.span.since_ms == -EVER else order.span.since_ms,
        "until_ms": None if order.span.until_ms == EVER else order.span.until_ms,
        "feedback": len(said),
        "allowed": allowances(runner.campaign.judgements),
    }
