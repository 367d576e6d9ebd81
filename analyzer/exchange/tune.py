"""``analyzer tune``: bounds for a budget of false alerts, tried on a record in seconds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import msgspec

from analyzer.core.contracts.records import DeadLetter
from analyzer.errors import AnalyzerError, UsageError
from analyzer.exchange.labels import positives
from analyzer.exchange.tuning import (
    Bounds,
    Outcome,
    Thread,
    best,
    candidates,
    outcome,
    threads_of,
)
from analyzer.replay.again import against
from analyzer.replay.compare import tell
from analyzer.replay.record import recorded
from analyzer.replay.report import RECORD, read, read_summary
from analyzer.settings import Settings
from analyzer.whole_files import whole_file

SHOWN = 12
"""Points of the curve on a terminal; the JSON has all."""


class Tuned(msgspec.Struct, frozen=True):
    """What came of it."""

    bounds: Bounds
    budget: float
    split_ms: int | None
    """Where time was split; None if validated on another record."""
    tuned_on: Outcome
    validated_on: Outcome
    present: Outcome
    """The present settings on what was validated on."""
    keeps_budget: bool
    improves: bool
    curve: list[Outcome]
    """On what was tuned, by rising confidence, at the chosen size."""
    changes: dict[str, Any]
    """What the new bounds would have changed in the whole record."""


class Part(msgspec.Struct, frozen=True):
    """Threads of a part of time, and its requests."""

    threads: list[Thread]
    requests: float


@click.command(
    epilog="Example: analyzer replay month.ndjson --out r --record && "
    "analyzer tune r --labels labels.json --budget 1 --out tuned.toml"
)
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option(
    "--labels", type=click.Path(path_type=Path), required=True, help="Who is an operator's."
)
@click.option(
    "--budget", type=click.FloatRange(min=0), required=True,
    help="False campaigns told in a million requests, at most.",
)  # fmt: skip
@click.option(
    "--split", type=click.FloatRange(min=0, max=1, min_open=True, max_open=True), default=0.6,
    show_default=True, help="Share of the time to tune on; the rest validates.",
)  # fmt: skip
@click.option("--validate", type=click.Path(path_type=Path), help="Another record to validate on.")
@click.option("--validate-labels", type=click.Path(path_type=Path), help="Its labels.")
@click.option(
    "--out", type=click.Path(path_type=Path), help="TOML file to write, if the bounds are better."
)
@click.option(
    "--config", type=click.Path(path_type=Path), help="TOML file of the present settings."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def tune(
    *,
    folder: Path,
    labels: Path,
    budget: float,
    split: float,
    validate: Path | None,
    validate_labels: Path | None,
    out: Path | None,
    config: Path | None,
    as_json: bool,
) -> None:
    """Find from how sure and how large on to tell, within a budget of false alerts.

    Tuned on the first part of a replay's record (`replay --record`), validated on campaigns that
    began later, or on another record. Nothing is validated on what it was tuned on.
    """
    settings = Settings.load(config)
    records = list(recorded(folder, settings.core))
    threads = threads_of(records, positives(labels))
    if validate is not None:
        _not_the_same(folder, validate)
        if validate_labels is None:
            raise UsageError("--validate needs --validate-labels")
        other = threads_of(recorded(validate, settings.core), positives(validate_labels))
        parts = _whole(folder, threads), _whole(validate, other)
        split_ms = None
    else:
        split_ms = _split(folder, split)
        parts = _parts(folder, threads, split, split_ms)
    present = Bounds(settings.core.tell_confidence, settings.core.tell_organisations)
    chosen, tried = _choose(*parts, present, budget)
    new = settings.core.model_copy(update=msgspec.to_builtins(chosen.bounds))
    letters = read(folder, "dead_letters", DeadLetter)
    found = _result(parts[1], chosen, tried, present=present, budget=budget, split_ms=split_ms)
    found = msgspec.structs.replace(found, changes=against(records, folder, letters, new))
    if out is not None and found.improves:
        _write(found, out)
    click.echo(msgspec.json.encode(found).decode() if as_json else _told(found, out))


def _not_the_same(folder: Path, other: Path) -> None:
    try:
        same = (folder / RECORD).read_bytes() == (other / RECORD).read_bytes()
    except OSError as error:
        raise UsageError(
            f"{error.filename}: {error.strerror}; give the results of a replay with --record"
        ) from error
    if same or read_summary(folder)["sources"] == read_summary(other)["sources"]:
        raise UsageError(
            f"{other}: the same traffic as {folder}; nothing is validated on what it was tuned on"
        )


def _split(folder: Path, share: float) -> int:
    summary = read_summary(folder)
    first, last = summary.get("first_event_ms"), summary.get("last_event_ms")
    if first is None or last is None:
        raise UsageError(f"{folder}: no event was counted; nothing can be tuned")
    return int(first + share * (last - first))


def _whole(folder: Path, threads: list[Thread]) -> Part:
    return Part(threads, float(read_summary(folder)["events"]))


def _parts(folder: Path, threads: list[Thread], share: float, split_ms: int) -> tuple[Part, Part]:
    """Threads by when they began; requests are taken as even over time."""
    events = float(read_summary(folder)["events"])
    before = [thread for thread in threads if thread.begins_ms < split_ms]
    after = [thread for thread in threads if thread.begins_ms >= split_ms]
    return Part(before, share * events), Part(after, (1 - share) * events)


def _choose(
    tuned: Part, validated: Part, present: Bounds, budget: float
) -> tuple[Outcome, list[Outcome]]:
    for part, name, to_do in (
        (tuned, "tune on", "replay more of the past"),
        (validated, "validate on", "replay more, or give --validate another record"),
    ):
        if not part.threads:
            raise AnalyzerError(f"no campaign began in the part to {name}: {to_do}")
    tried = [outcome(tuned.threads, b, tuned.requests) for b in candidates(tuned.threads)]
    tried.append(outcome(tuned.threads, present, tuned.requests))
    return best(tried, budget), tried


def _result(
    validated: Part,
    chosen: Outcome,
    tried: list[Outcome],
    *,
    present: Bounds,
    budget: float,
    split_ms: int | None,
) -> Tuned:
    ours, theirs = (
        outcome(validated.threads, bounds, validated.requests)
        for bounds in (chosen.bounds, present)
    )
    size = chosen.bounds.tell_organisations
    return Tuned(
        bounds=chosen.bounds,
        budget=budget,
        split_ms=split_ms,
        tuned_on=chosen,
        validated_on=ours,
        present=theirs,
        keeps_budget=ours.false_per_million <= budget,
        improves=_cost(ours, budget) < _cost(theirs, budget),
        curve=sorted(
            (o for o in tried if o.bounds.tell_organisations == size), key=lambda o: o.bounds
        ),
        changes={},
    )


def _cost(found: Outcome, budget: float) -> tuple[float, int, float]:
    """What is better has less of it: above the budget first, then what is not found, then time."""
    return max(0.0, found.false_per_million - budget), -found.found, found.late_h


def _write(found: Tuned, out: Path) -> None:
    ours = found.validated_on
    text = (
        f"# analyzer tune, for at most {found.budget:g} false campaigns in a million requests.\n"
        f"# On what it was not tuned on: {ours.found} of {ours.labelled} labelled accounts found, "
        f"{ours.false_per_million:g} false in a million\n"
        f"# (before: {found.present.found} found, {found.present.false_per_million:g} false).\n"
        f"[core]\ntell_confidence = {found.bounds.tell_confidence}\n"
        f"tell_organisations = {found.bounds.tell_organisations}\n"
    )
    with whole_file(out) as stream:
        stream.write(text.encode())


def _told(found: Tuned, out: Path | None) -> str:
    bounds = found.bounds
    lines = [
        f"confidence    {bounds.tell_confidence:g} and above",
        f"organisations {bounds.tell_organisations} and more",
        f"tuned on      {_line(found.tuned_on)}",
        f"validated on  {_line(found.validated_on)}",
        f"present       {_line(found.present)}, on the same",
        f"budget        {found.budget:g} false in a million: "
        + ("kept" if found.keeps_budget else "NOT kept on what it was not tuned on"),
        "",
        "confidence  found  false/M",
        *(
            f"{o.bounds.tell_confidence:10.3f} {o.found:6,} {o.false_per_million:8.2f}"
            for o in _thinned(found.curve)
        ),
        "",
        "what would have changed:",
        _changes(found.changes),
        "",
    ]
    if not found.improves:
        lines.append("no better than the present settings on what it was not tuned on: keep those")
    elif out is not None:
        lines.append(f"written to {out}")
    return "\n".join(lines)


def _thinned(curve: list[Outcome]) -> list[Outcome]:
    """So many that a terminal shows them, the first and the last among them."""
    step = max(1, -(-(len(curve) - 1) // SHOWN))
    return [*curve[:-1:step], *curve[-1:]]


def _changes(difference: dict[str, Any]) -> str:
    """What appears, goes, or is another: nothing of what stays as it is."""
    changed = [
        pair
        for pair in difference["both"]
        if pair["later_ms"] or pair["gained"] or pair["lost"] or pair["severity"]
    ]
    if not (changed or difference["only_left"] or difference["only_right"]):
        return f"nothing: all {len(difference['both'])} campaigns as they are"
    return tell({**difference, "both": changed})


def _line(found: Outcome) -> str:
    return (
        f"{found.found:,} of {found.labelled:,} labelled accounts in {found.true_campaigns} "
        f"campaigns, {found.false_campaigns} false ({found.false_per_million:g} in a million), "
        f"told {found.late_h:g} h after decided"
    )
