"""What a replay says aloud about its input: what was left out, why, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from analyzer.formatting import clean

if TYPE_CHECKING:
    from analyzer.replay.runner import Tally

MUCH = 0.01
"""Share of the records from which it is worth a sentence."""
_WHY = {
    "late": "came after time had gone past their pane: a clock that runs slow or one that runs "
    "fast, or files joined out of order; core.lateness_s says how far is still in order",
    "future": "are further ahead of the others than core.max_future_s: a clock that runs fast",
    "time_unit": "have a timestamp_ms of 0, in seconds, microseconds, nanoseconds or as text: "
    "give whole milliseconds since 1970",
    "not_json": "are no JSON: one whole JSON object a line is needed, neither printed over several "
    "lines nor CSV",
    "empty": "are empty",
    "invalid_utf8": "are no UTF-8: a file of another kind, packed or encrypted?",
    "outside": "lie outside --since and --until",
    "too_large": "are longer than core.max_record_bytes",
}
_BY_CONTRACT = "are not what schemas/llm.request.v1.json asks for; dead_letters.ndjson says where"


def remarks(tally: Tally) -> Iterator[str]:
    """A sentence for each thing that somebody should look at."""
    for reason, count in sorted(tally.dead.items()):
        if count > MUCH * tally.records or reason in {"time_unit", "future"}:
            yield f"{_of(count, tally.records)} {_WHY.get(reason, _BY_CONTRACT)} ({reason})"
    if tally.ahead > MUCH * tally.records:
        yield (
            f"{_of(tally.ahead, tally.records)} were ahead of those that came after them: "
            "does a gateway's clock run fast?"
        )
    for field, count in sorted(tally.mended.items()):
        if count > MUCH * tally.records:
            yield f"`{field}` could not be taken as it stands in {_of(count, tally.records)}"


def nothing_counted(sources: Sequence[str], tally: Tally, *, whole: bool = True) -> str:
    """Why no event was counted, or none of one source among others; empty if some were of each.

    Parameters
    ----------
    whole
        Whether all of time was asked for.
    """
    if tally.events:
        unread = tally.unread if whole else []
        return f"{_names(unread)}: no record of it could be counted" if unread else ""
    if not tally.records:
        return f"{_names(sources)}: no event, for there is nothing in it"
    found = (tally.dead or tally.passed_over).most_common(1) or [("outside", 0)]
    [(reason, _)] = found
    why = _WHY.get(reason, _BY_CONTRACT if tally.dead else "are nobody's traffic")
    records = f"of {tally.records:,} records most"
    return f"{_names(sources)}: no event could be counted: {records} {why} ({reason})"


def _names(sources: Sequence[str]) -> str:
    names = ", ".join(clean(source, 200) for source in sources[:3])
    return names + (f" and {len(sources) - 3} more" if len(sources) > 3 else "")


def _of(count: int, records: int) -> str:
    return f"{count:,} of {records:,} records"
