"""Step 1, one per source: raw records to columns, sent to the shard of their organisation.

Keeps nothing but its position and its watermark. Bad and late records go aside as dead
letters with their original bytes.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from analyzer.core.alerts import DeadLetter
from analyzer.core.blocks import EventBlock
from analyzer.core.columns import Columnizer
from analyzer.core.config import CoreConfig
from analyzer.core.decode import decode_event, decode_events
from analyzer.core.events import EventColumns, RequestEvent
from analyzer.core.jumps import JumpGuard
from analyzer.core.panes import END_OF_TIME_MS, NO_WATERMARK, late_rows
from analyzer.errors import BadRecord

PAYLOAD_LIMIT = 65_536


@dataclass(frozen=True, slots=True)
class RawBatch:
    """Consecutive records of one source."""

    values: list[bytes]
    """Original bytes, in the order of the source; ``b""`` for a Kafka null value."""
    offsets: NDArray[np.int64]
    """Position of each record, strictly rising; may have gaps."""
    append_ms: NDArray[np.int64] | None = None
    """Kafka record timestamps, epoch ms; None for files, which have none."""


@dataclass(frozen=True, slots=True)
class IngestOutput:
    """What one batch becomes."""

    blocks: list[EventBlock]
    """Exactly one per account shard, empty ones too; the index is the destination."""
    dead: list[DeadLetter]
    received: int = 0
    late: int = 0


_Row = tuple[int, bytes, RequestEvent]
"""A record on its way: offset, original bytes, decoded event."""


@dataclass(frozen=True, slots=True)
class _Rows:
    """Good records, as three lists of equal length."""

    offsets: list[int]
    values: list[bytes]
    events: list[RequestEvent]

    @classmethod
    def of(cls, rows: list[_Row]) -> Self:
        """The lists of these rows."""
        return cls([r[0] for r in rows], [r[1] for r in rows], [r[2] for r in rows])

    def each(self) -> list[_Row]:
        """The rows of these lists."""
        return list(zip(self.offsets, self.values, self.events, strict=True))


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
    position
        Next offset that is new.
    watermark_ms
        Watermark to go on from after a restart.
    """

    def __init__(
        self,
        config: CoreConfig,
        *,
        source: int,
        source_name: str,
        shards: int,
        position: int = 0,
        watermark_ms: int | None = None,
    ) -> None:
        self.position = position
        self.watermark_ms = NO_WATERMARK if watermark_ms is None else watermark_ms
        self._config = config
        self._source = source
        self._source_name = source_name
        self._shards = shards
        self._columnizer = Columnizer(config)
        self._guard = JumpGuard[_Row](config.max_jump_s * 1_000)

    def feed(self, raw: RawBatch) -> IngestOutput:
        """Judge and pack the next records of the source."""
        rows, dead = self._decode(raw)
        stop = int(raw.offsets[-1]) + 1 if len(raw.offsets) else self.position
        if raw.append_ms is None:
            times = [event.timestamp_ms for event in rows.events]
            if not self._guard.calm(times):
                passed, jumped = self._guard.pass_on(rows.each(), times)
                rows = _Rows.of(passed)
                dead += self._refused(jumped)
        return self._pack(rows, dead, stop, len(raw.values))

    def idle(self) -> IngestOutput:
        """Empty blocks that say: nothing comes and nothing waits here; hold nobody back."""
        blocks = [
            EventBlock(self._source, self.position, self.position, self.watermark_ms, idle=True)
            for _ in range(self._shards)
        ]
        return IngestOutput(blocks, [])

    def finish(self) -> IngestOutput:
        """End of a bounded source: release what was held and let every pane close."""
        rows, jumped = self._guard.finish()
        output = self._pack(_Rows.of(rows), self._refused(jumped), self.position, 0)
        self.watermark_ms = END_OF_TIME_MS
        last = [
            EventBlock(self._source, self.position, self.position, END_OF_TIME_MS, rows=block.rows)
            for block in output.blocks
        ]
        return IngestOutput(last, output.dead, late=output.late)

    def _decode(self, raw: RawBatch) -> tuple[_Rows, list[DeadLetter]]:
        """All records at once if all are good, which is the rule; else one by one."""
        offsets: list[int] = raw.offsets.tolist()
        try:
            events = decode_events(raw.values, self._config.max_record_bytes)
            self._check(events, raw)
        except BadRecord:
            return self._decode_each(raw, offsets)
        return _Rows(offsets, raw.values, events), []

    def _decode_each(self, raw: RawBatch, offsets: list[int]) -> tuple[_Rows, list[DeadLetter]]:
        rows: list[_Row] = []
        dead: list[DeadLetter] = []
        for i, (offset, value) in enumerate(zip(offsets, raw.values, strict=True)):
            try:
                event = decode_event(value, self._config.max_record_bytes)
                append_ms = None if raw.append_ms is None else raw.append_ms[i : i + 1]
                self._check([event], RawBatch([value], raw.offsets[i : i + 1], append_ms))
                rows.append((offset, value, event))
            except BadRecord as bad:
                dead.append(self._dead(offset, value, bad.reason, bad.detail))
        return _Rows.of(rows), dead

    def _check(self, events: list[RequestEvent], raw: RawBatch) -> None:
        """What the types can't say: addresses are addresses, and no event is of the future.

        Raises
        ------
        BadRecord
            If any of the events is bad.
        """
        blocks = self._columnizer.blocks
        for event in events:
            blocks[event.client_ip or event.ip_prefix]
        if raw.append_ms is not None and len(events):
            times = np.array([event.timestamp_ms for event in events])
            if (times > raw.append_ms + self._config.max_future_s * 1_000).any():
                raise BadRecord("future", "further ahead of its append time than max_future_s")

    def _pack(self, rows: _Rows, dead: list[DeadLetter], stop: int, received: int) -> IngestOutput:
        late = 0
        columns = EventColumns()
        if rows.events:
            columns = self._columnizer.columns(rows.events, rows.offsets)
            is_late, self.watermark_ms = late_rows(
                columns.ts_ms, self.watermark_ms, self._config.pane_ms, self._config.lateness_s
            )
            if late := int(is_late.sum()):
                dead += [
                    self._dead(rows.offsets[i], rows.values[i], "late", "its pane was sealed")
                    for i in np.flatnonzero(is_late).tolist()
                ]
                columns = columns.take(~is_late)
        start, self.position = self.position, stop
        blocks = [
            EventBlock(self._source, start, stop, self.watermark_ms, rows=shard_rows)
            for shard_rows in self._columnizer.split(columns, self._shards)
        ]
        return IngestOutput(blocks, dead, received, late)

    def _refused(self, rows: list[_Row]) -> list[DeadLetter]:
        return [self._dead(offset, value, "future", _UNCONFIRMED) for offset, value, _ in rows]

    def _dead(self, offset: int, value: bytes, reason: str, detail: str) -> DeadLetter:
        return DeadLetter(
            reason=reason,
            detail=detail,
            source=self._source_name,
            partition=self._source,
            offset=offset,
            payload_base64=base64.b64encode(value[:PAYLOAD_LIMIT]).decode(),
            payload_bytes=len(value),
        )


_UNCONFIRMED = "further ahead of its file than max_jump_s, and nothing near it confirms the jump"
