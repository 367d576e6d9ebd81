"""Recorded decisions judged again: the files of a replay with other bounds, without replaying."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from analyzer.core.campaign.telling import judged_again
from analyzer.core.config import CoreConfig
from analyzer.core.contracts.records import Alert, DeadLetter, Record
from analyzer.errors import UsageError
from analyzer.replay.compare import compare
from analyzer.replay.record import recorded
from analyzer.replay.report import RECORD, Report, is_result, read, read_summary, standard_output

_COUNTED = ("alerts", "campaigns", "members")


def replay_record(source: Path, out: Path | None, config: CoreConfig) -> dict[str, Any]:
    """Write what a replay with this configuration would have written; gives its summary.

    Parameters
    ----------
    source
        Results of a replay with ``--record``.
    out
        Folder for the results; None streams alerts to standard output.

    Raises
    ------
    UsageError
        If there is no record, the results would take its place, or it can't be judged by this
        configuration.
    """
    if out is not None and is_result(source / RECORD, out):
        raise UsageError(f"{source}: the results would take the record's place; give another --out")
    records = list(recorded(source, config))
    letters = read(source, "dead_letters", DeadLetter)
    return write(records, letters, read_summary(source), out, config)


def write(
    records: Iterable[Record],
    letters: Iterable[DeadLetter],
    summary: dict[str, Any],
    out: Path | None,
    config: CoreConfig,
) -> dict[str, Any]:
    """Judge these decisions and write the results."""
    with Report(out, standard_output()) as report:
        report.take(letters)
        since_ms = summary.get("since_ms") or 0
        report.take(
            replace(r, provenance=replace(r.provenance, replay=True)) if isinstance(r, Alert) else r
            for r in judged_again(records, config)
            if not isinstance(r, Alert) or r.detected_at_ms >= since_ms
        )
        kept = {name: value for name, value in summary.items() if name not in _COUNTED}
        return report.finish(kept | {"config_hash": config.config_hash})


def against(
    records: Iterable[Record], folder: Path, letters: Iterable[DeadLetter], config: CoreConfig
) -> dict[str, Any]:
    """The difference between results and what this configuration makes of the same decisions."""
    with tempfile.TemporaryDirectory() as scratch:
        other = Path(scratch) / "other"
        write(records, letters, read_summary(folder), other, config)
        return compare(folder, other)
