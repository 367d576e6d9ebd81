"""Step 1, one per source: raw records to columns, sent to the shard of their organisation.

Keeps nothing but its position and its watermark. Bad and late records go aside as dead
letters with their original bytes.
"""

from __future__ import annotations

import base64
from collections import Counter
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from analyzer.core.config import CoreConfig
from analyzer.core.contracts.blocks import EventBlock
from analyzer.core.contracts.decode import decode_event
from analyzer.core.contracts.event_time import END_OF_TIME_MS, NO_WATERMARK, late_rows
from analyzer.core.contracts.events import EventColumns, RequestEvent
from analyzer.core.contracts.records import DeadLetter
from analyzer.core.contracts.step import StepOutput, labelled
from analyzer.core.ingest.columnize import Columnizer
from analyzer.core.ingest.json_scanner import Scanned
from analyzer.core.ingest.jump_guard import JumpGuard
from analyzer.core.ingest.translation import PASSED_OVER, Originals, Translator
from analyzer.core.kernels.byte_strings import Texts
from analyzer.errors import BadRecord

PAYLOAD_LIMIT = 65_536


@dataclass(frozen=True, slots=True)
class RawBatch:
    """Consecutive records of one source."""

    values: Texts
    """Original bytes, in the order of the source; ``b""`` for a Kafka null value."""
    offsets: NDArray[np.int64]
    """Position of each record, strictly rising; may have gaps."""
    append_ms: NDArray[np.int64] | None = None
    """Kafka record timestamps, epoch ms; None for files, which have none."""


@dataclass(frozen=True, slots=True)
class Look:
    """A batch as its events, and what is found at once in them."""

    raw: RawBatch
    """Native records; an offset may come more than once, or not at all."""
    found: Scanned
    refused: list[DeadLetter] = field(default_factory=list)
    passed_over: Counter[str] = field(default_factory=Counter)
    is_whole: bool = True
    """Whether the events are the raw records themselves."""


_Row = tuple[int, bytes]
"""A record that has to wait: offset and original bytes."""


@dataclass(frozen=True, slots=True)
class _Rows:
    """Good records: their columns, and their original bytes in the same order."""

    columns: EventColumns
    values: Texts


class IngestStep:
    """Decodes one source and cuts it into blocks.

    Parameters
    ----------
    source
        Number of the raw partition or file.
    source_name
        Topic or file, as dead letters name it.
    shards
        Number of account shards.
    """

    def __init__(self, config: CoreConfig, *, source: int, source_name: str, shards: int) -> None:
        self.position = 0
        """Next offset that is new."""
        self.watermark_ms = NO_WATERMARK
        """Greatest event time seen, less the lateness."""
        self._config = config
        self._source = source
        self._source_name = source_name
        self._shards = shards
        self._columnizer = Columnizer(config)
        self._guard = JumpGuard[_Row](config.max_jump_s * 1_000)
        self._translator: Translator | None = None
        self._originals = Originals()

    def understand(self, translator: Translator | None) -> None:
        """Take records that are not native as well; without, they are dead letters."""
        self._translator = translator

    def resume(self, position: int, watermark_ms: int | None) -> None:
        """Go on after a restart; without a watermark, lateness starts anew."""
        self.position = position
        self.watermark_ms = NO_WATERMARK if watermark_ms is None else watermark_ms

    def look(self, raw: RawBatch) -> Look:
        """Begin :meth:`feed`; changes nothing, so it may run in a thread beside everything."""
        translator = self._translator
        if translator is None or translator.takes_native:
            look = Look(raw, self._columnizer.look(raw.values))
            if translator is None or look.found.plain.all():
                return look
            return self._translated(raw, translator, look.found.plain) or look
        nothing = np.zeros(len(raw.values), np.bool_)
        return self._translated(raw, translator, nothing) or Look(
            raw, self._columnizer.look(raw.values)
        )

    def _translated(
        self, raw: RawBatch, translator: Translator, plain: NDArray[np.bool_]
    ) -> Look | None:
        """The native records in these; None if they are native themselves."""
        translation = translator.translate(raw.values, plain)
        if translation is None:
            return None
        rows = translation.rows
        append_ms = None if raw.append_ms is None else raw.append_ms[rows]
        events = RawBatch(translation.values, raw.offsets[rows], append_ms)
        refused = [
            self._dead(int(raw.offsets[row]), raw.values[row], bad)
            for row, bad in translation.refused
        ]
        found = self._columnizer.look(events.values)
        return Look(events, found, refused, translation.passed_over, is_whole=False)

    def feed(self, raw: RawBatch, look: Look | None = None) -> StepOutput[EventBlock]:
        """Judge and pack the next records of the source.

        Exactly one block per account shard comes of it, empty ones too; the index is the
        destination.

        Parameters
        ----------
        look
            What :meth:`look` said of them, if it was asked before.
        """
        look = look or self.look(raw)
        if not look.is_whole:
            self._originals.add(raw.offsets, raw.values)
        rows, dead = self._read(look.raw, look.found)
        dead += look.refused
        stop = int(raw.offsets[-1]) + 1 if len(raw.offsets) else self.position
        if raw.append_ms is None and not self._guard.calm(rows.columns.ts_ms):
            waiting = list(zip(rows.columns.offset.tolist(), rows.values, strict=True))
            passed, jumped = self._guard.pass_on(waiting, rows.columns.ts_ms.tolist())
            rows = self._read_again(passed)
            dead += self._refused(jumped)
        output = self._pack(rows, dead, stop, len(raw.values))
        return self._of_records(output, look.passed_over)

    def idle(self) -> StepOutput[EventBlock]:
        """Empty blocks that say: nothing comes and nothing waits here; hold nobody back."""
        blocks = [
            EventBlock(self._source, self.position, self.position, self.watermark_ms, idle=True)
            for _ in range(self._shards)
        ]
        return StepOutput(blocks)

    def finish(self) -> StepOutput[EventBlock]:
        """End of a bounded source: release what was held and let every pane close.

        The end takes a position of its own, since a receiver drops a block that brings none.
        """
        rows, jumped = self._guard.finish()
        output = self._pack(self._read_again(rows), self._refused(jumped), self.position, 0)
        output = self._of_records(output, Counter())
        self.watermark_ms, end = END_OF_TIME_MS, self.position
        last = [
            EventBlock(self._source, end, end + 1, END_OF_TIME_MS, rows=block.rows)
            for block in output.made
        ]
        return replace(output, made=last)

    def _read(self, raw: RawBatch, found: Scanned | None = None) -> tuple[_Rows, list[DeadLetter]]:
        """Columns of the good records; the others as dead letters, in the order of the source."""
        columns, plain = self._columnizer.scan(raw.values, raw.offsets, found)
        rows, dead = _Rows(columns, raw.values), list[DeadLetter]()
        if not plain.all():
            rows, dead = self._decode(raw, columns, plain)
        return self._without_future(raw, rows, dead)

    def _read_again(self, rows: list[_Row]) -> _Rows:
        """Columns of records that were found good before."""
        offsets = np.array([offset for offset, _ in rows], np.int64)
        return self._read(RawBatch(Texts.of(value for _, value in rows), offsets))[0]

    def _decode(
        self, raw: RawBatch, columns: EventColumns, plain: NDArray[np.bool_]
    ) -> tuple[_Rows, list[DeadLetter]]:
        """The records that are not plain, one by one, put between the plain ones."""
        events: list[RequestEvent] = []
        decoded: list[int] = []
        dead: list[DeadLetter] = []
        good = plain.copy()
        for i in np.flatnonzero(~plain).tolist():
            value, offset = raw.values[i], int(raw.offsets[i])
            try:
                event = decode_event(value, self._config.max_record_bytes)
                self._columnizer.blocks[event.client_ip or event.ip_prefix]
            except BadRecord as bad:
                dead.append(self._dead(offset, value, bad))
                continue
            good[i] = True
            events.append(event)
            decoded.append(i)
        more = self._columnizer.columns(events, raw.offsets[decoded].tolist())
        columns = EventColumns.concat([columns, more])
        rows = np.concatenate([np.flatnonzero(plain), np.array(decoded, np.int64)])
        columns = columns.take(np.argsort(rows))
        return _Rows(columns, raw.values.take(good)), dead

    def _without_future(
        self, raw: RawBatch, rows: _Rows, dead: list[DeadLetter]
    ) -> tuple[_Rows, list[DeadLetter]]:
        """Events that are further ahead of their append time than they may be, set aside."""
        if raw.append_ms is None:
            return rows, dead
        columns = rows.columns
        limit_ms = raw.append_ms + self._config.max_future_s * 1_000
        if len(columns) < len(raw.values):
            limit_ms = limit_ms[np.searchsorted(raw.offsets, columns.offset)]
        future = columns.ts_ms > limit_ms
        if not future.any():
            return rows, dead
        dead += [
            self._dead(int(columns.offset[i]), rows.values[i], _AHEAD)
            for i in np.flatnonzero(future).tolist()
        ]
        rows = _Rows(columns.take(~future), rows.values.take(~future))
        return rows, sorted(dead, key=lambda d: d.offset)

    def _pack(
        self, rows: _Rows, dead: list[DeadLetter], stop: int, received: int
    ) -> StepOutput[EventBlock]:
        late = 0
        columns = rows.columns
        if len(columns):
            is_late, self.watermark_ms = late_rows(
                columns.ts_ms, self.watermark_ms, self._config.pane_ms, self._config.lateness_s
            )
            if late := int(is_late.sum()):
                dead += [
                    self._dead(int(columns.offset[i]), rows.values[i], _LATE)
                    for i in np.flatnonzero(is_late).tolist()
                ]
                columns = columns.take(~is_late)
        start, self.position = self.position, stop
        blocks = [
            EventBlock(self._source, start, stop, self.watermark_ms, rows=shard_rows)
            for shard_rows in self._columnizer.split(columns, self._shards)
        ]
        counts = Counter({("events", ""): received, ("late", ""): late})
        return StepOutput(blocks, dead, +counts)

    def _of_records(
        self, output: StepOutput[EventBlock], passed_over: Counter[str]
    ) -> StepOutput[EventBlock]:
        """What was said of events, as it is told of the records that they were in."""
        dead = self._originals.letters(output.dead, self._dead)
        if not self._guard.holds:
            self._originals.clear()
        counts = output.counts + labelled(PASSED_OVER, passed_over)
        return replace(output, dead=dead, counts=counts)

    def _refused(self, rows: list[_Row]) -> list[DeadLetter]:
        return [self._dead(offset, value, _UNCONFIRMED) for offset, value in rows]

    def _dead(self, offset: int, value: bytes, bad: BadRecord) -> DeadLetter:
        return dead_letter(bad, value, self._source_name, self._source, offset)


def dead_letter(
    bad: BadRecord, value: bytes, source: str, partition: int, offset: int
) -> DeadLetter:
    """A record that can't be used, with its place and original bytes."""
    return DeadLetter(
        reason=bad.reason,
        detail=bad.detail,
        source=source,
        partition=partition,
        offset=offset,
        payload_base64=base64.b64encode(value[:PAYLOAD_LIMIT]).decode(),
        payload_bytes=len(value),
    )


_LATE = BadRecord("late", "its pane was sealed")
_AHEAD = BadRecord("future", "further ahead of its append time than max_future_s")
_UNCONFIRMED = BadRecord(
    "future", "further ahead of its file than max_jump_s, and nothing near it confirms the jump"
)
