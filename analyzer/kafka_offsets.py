"""Where a group goes on in a topic of events, by what it has committed and what the log holds.

Beside each offset a worker commits a mark: the watermark of the partition, the id of the topic,
and what else the step must know to go on. So it can tell its own offsets from those that somebody
has set, and a topic from one that was made anew under its name.

==============================  ==================================================================
nothing is committed            the log from its start
committed by a worker           from there
the topic is another one        the log from its start; none of it was counted
set by another tool             the log from its start; what was counted is not counted again.
                                With ``--skip-lost`` from where it was set to
records there were deleted      stop; with ``--skip-lost`` from the first that is left
the log ends before             stop: the broker has lost what it had confirmed
==============================  ==================================================================
"""

from __future__ import annotations

from dataclasses import dataclass

from analyzer.kafka_metadata import NO_ID


@dataclass(frozen=True, slots=True)
class Mark:
    """What a worker commits beside an offset."""

    watermark_ms: int
    topic_id: str = NO_ID
    clock: str = ""
    """What the source's clock has seen, without a blank in it."""

    def __str__(self) -> str:
        return f"{self.watermark_ms} {self.topic_id} {self.clock}".rstrip()

    @classmethod
    def parse(cls, text: str) -> Mark | None:
        """The mark in this text; None if no worker wrote it.

        Examples
        --------
        >>> Mark.parse(str(Mark(7, "ab"))), Mark.parse("")
        (Mark(watermark_ms=7, topic_id='ab', clock=''), None)
        """
        number, topic_id, clock, *_ = [*text.split(" "), "", ""]
        try:
            watermark_ms = int(number)
        except ValueError:
            return None
        return cls(watermark_ms, topic_id or NO_ID, clock) if _is_time(watermark_ms) else None


def _is_time(epoch_ms: int) -> bool:
    """Whether a clock can go on from it."""
    return -(2**62) <= epoch_ms < 2**62


@dataclass(frozen=True, slots=True)
class Log:
    """What a partition holds."""

    first: int
    """Its first offset."""
    end: int
    """The offset after its last."""
    topic_id: str = NO_ID
    tells_end: bool = True
    """False: the broker tells too low an end."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where to go on."""

    position: int
    mark: Mark | None = None
    """What was committed with it; None: nothing that counts."""
    lost_to: int | None = None
    """Records from ``position`` up to here were deleted before they were read."""
    note: str = ""
    """What an operator should know."""
    fatal: str = ""
    """Why there is no going on."""


def place_of(committed: tuple[int, str] | None, log: Log, *, skip_lost: bool = False) -> Place:
    """Where to go on; see the table above.

    Parameters
    ----------
    committed
        Next offset and its mark.
    """
    if committed is None:
        return Place(log.first)
    offset, mark = committed[0], Mark.parse(committed[1])
    if mark is None and not skip_lost:
        return Place(
            log.first,
            note=f"offset {offset} was not committed by a worker: the log is read from its start, "
            "and what was counted before is not counted again; start once with --skip-lost to go "
            "on from there instead",
        )
    if (
        mark is not None
        and mark.topic_id != log.topic_id
        and NO_ID
        not in {
            mark.topic_id,
            log.topic_id,
        }
    ):
        return Place(log.first, note="the topic was deleted and created anew: read from its start")
    if log.tells_end and offset > log.end:
        return Place(
            offset,
            fatal=f"the log ends at {log.end}, before {offset}, where its group stands: the broker "
            "has lost records that it had confirmed; set another ANALYZER_APP_ID and new names for "
            "the internal topics, to count what is left from its start",
        )
    lost_to = log.first if log.first > offset else None
    return Place(offset, mark, lost_to)
