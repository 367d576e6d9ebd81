"""What a replay says aloud about its input: what was left out, why, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterator
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


def nothing_counted(sources: tuple[str, ...], tally: Tally) -> str:
    """Why no event was counted."""
    names = ", ".join(clean(source, 200) for source in sources[:3])
    names += f" and {len(sources) - 3} more" if len(sources) > 3 else ""
    if not tally.records:
        return f"{names}: no event, for there is nothing in it"
    [(reason, _)] = tally.dead.most_common(1) or [("late", 0)]
    why = _WHY.get(reason, _BY_CONTRACT)
    return f"{names}: no event could be counted: of {tally.records:,} records most {why} ({reason})"


def _of(count: int, records: int) -> str:
    return f"{count:,} of {records:,} records"
