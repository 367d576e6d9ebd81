"""Step 1, one per source: raw records to columns, sent to the shard of their organisation.

Keeps nothing but its position and its clock (:mod:`.source_clock`). Records that can't be read,
late ones and those that no clock bears out go aside as dead letters.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from analyzer.core.config import CoreConfig
from analyzer.core.contracts.blocks import EventBlock
from analyzer.core.contracts.event_time import END_OF_TIME_MS, WRONG_UNIT_MS
from analyzer.core.contracts.events import EventColumns
from analyzer.core.contracts.mend import read_event
from analyzer.core.contracts.records import DeadLetter
from analyzer.core.contracts.request_event import RequestEvent
from analyzer.core.contracts.snapshot_codec import pack, restoring, unpack
from analyzer.core.contracts.step import StepOutput, labelled
from analyzer.core.ingest.clock_rows import HELD as HELD_VERDICT
from analyzer.core.ingest.clock_rows import LATE as LATE_VERDICT
from analyzer.core.ingest.clock_rows import PASSED as PASSED_VERDICT
from analyzer.core.ingest.clock_rows import REFUSED as REFUSED_VERDICT
from analyzer.core.ingest.columnize import Columnizer
from analyzer.core.ingest.dead_letters import FUTURE, LATE, UNIT, dead_letter
from analyzer.core.ingest.json_scanner import Scanned
from analyzer.core.ingest.source_clock import ClockRules, Judged, SourceClock
from analyzer.core.ingest.translation import PASSED_OVER, Originals, Translator
from analyzer.core.kernels.byte_strings import Texts
from analyzer.errors import BadRecord

STATE_VERSION = 1
_FEW = 16
"""Records of a batch that are looked at to see whether it has native ones."""


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


@dataclass(frozen=True, slots=True)
class _Rows:
    """Good records: their columns, and their original bytes in the same order."""

    columns: EventColumns
    values: Texts

    def take(self, rows: NDArray[np.bool_]) -> _Rows:
        return _Rows(self.columns.take(rows), self.values.take(rows))


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
        self._config = config
        self._source = source
        self._source_name = source_name
        self._shards = shards
        self._columnizer = Columnizer(config)
        lateness_ms = config.lateness_s * 1_000
        rules = ClockRules(
            far_ms=config.max_future_s * 1_000,
            lateness_ms=lateness_ms,
            pane_ms=config.pane_ms,
            quorum=config.time_quorum,
            stale_after_ms=config.max_jump_s * 1_000,
        )
        self._clock = SourceClock(rules)
        self.watermark_ms = self._clock.watermark_ms
        """Time reached in this source, less the lateness."""
        self._held: dict[int, tuple[int, bytes]] = {}
        """Row of the source → offset and original bytes, until the clock decides."""
        self._translator: Translator | None = None
        self._originals = Originals()

    def understand(self, translator: Translator | None) -> None:
        """Take records that are not native as well; without, they are dead letters."""
        self._translator = translator

    def resume(self, position: int, watermark_ms: int | None, clock: str | None = None) -> None:
        """Go on after a restart; without a watermark, lateness starts anew.

        Parameters
        ----------
        clock
            What :attr:`clock` said before; more exact than the watermark alone.
        """
        self.position = position
        self._clock.resume(watermark_ms)
        if clock is not None:
            self._clock.restore(clock)
        self.watermark_ms = self._clock.watermark_ms

    @property
    def clock(self) -> str:
        """The state of the source's clock, for a restart; of a file it is of no use."""
        return self._clock.mark()

    def snapshot(self) -> bytes:
        """All state as bytes, records that wait for the clock included: of a bounded source.

        A worker keeps less, see :meth:`resume`, as it can read again.
        """
        return pack(
            "ingest",
            STATE_VERSION,
            {
                "position": self.position,
                "clock": self._clock.state(),
                "held": [(row, *record) for row, record in self._held.items()],
                "originals": self._originals.state(),
            },
        )

    @restoring("ingest")
    def restore(self, data: bytes) -> None:
        """Put back what :meth:`snapshot` gave.

        Raises
        ------
        StateError
            If the bytes are damaged or of another version.
        """
        state = unpack("ingest", STATE_VERSION, data)
        self.position = state["position"]
        self._clock.put_back(state["clock"])
        self._held = {row: (offset, value) for row, offset, value in state["held"]}
        self._originals.restore(state["originals"])
        self.watermark_ms = self._clock.watermark_ms

    def look(self, raw: RawBatch) -> Look:
        """Begin :meth:`feed`; changes nothing, so it may run in a thread beside everything."""
        translator = self._translator
        if translator is None or (translator.takes_native and self._has_native(raw.values)):
            look = Look(raw, self._columnizer.look(raw.values))
            if translator is None or look.found.plain.all():
                return look
            return self._translated(raw, translator, look.found.plain) or look
        nothing = np.zeros(len(raw.values), np.bool_)
        return self._translated(raw, translator, nothing) or Look(
            raw, self._columnizer.look(raw.values)
        )

    def _has_native(self, values: Texts) -> bool:
        """Whether a few of these are good native records; if none is, all need translating.

        The translator knows native records too, so this saves time and changes no answer.
        """
        few = values[:: 1 + len(values) // _FEW]
        return bool(self._columnizer.look(few).plain.any())

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
        rows, dead, mended = self._read(look.raw, look.found)
        dead += look.refused
        append_ms = look.raw.append_ms
        if append_ms is not None and len(rows.columns) < len(look.raw.values):
            append_ms = append_ms[np.searchsorted(look.raw.offsets, rows.columns.offset)]
        first, refuted = self._clock.rows + 1, self._clock.refuted
        judged = self._clock.judge(rows.columns.ts_ms, rows.columns.org, append_ms)
        stop = int(raw.offsets[-1]) + 1 if len(raw.offsets) else self.position
        output = self._pack(rows, judged, first, dead, mended, (stop, len(raw.values)))
        output.counts.update({("ahead", ""): self._clock.refuted - refuted})
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
        none = _Rows(EventColumns(), Texts.of([]))
        output = self._pack(none, self._clock.finish(), 0, [], Counter(), (self.position, 0))
        output = self._of_records(output, Counter())
        self.watermark_ms, end = END_OF_TIME_MS, self.position
        last = [
            EventBlock(self._source, end, end + 1, END_OF_TIME_MS, rows=block.rows)
            for block in output.made
        ]
        return replace(output, made=last)

    def _read(
        self, raw: RawBatch, found: Scanned | None = None
    ) -> tuple[_Rows, list[DeadLetter], Counter[str]]:
        """Columns of the good records; the others as dead letters, in the order of the source."""
        columns, plain = self._columnizer.scan(raw.values, raw.offsets, found)
        rows, dead, mended = _Rows(columns, raw.values), list[DeadLetter](), Counter[str]()
        if not plain.all():
            rows, dead = self._decode(raw, columns, plain, mended)
        return *self._in_milliseconds(rows, dead), mended

    def _read_again(self, rows: list[tuple[int, bytes]]) -> _Rows:
        """Columns of records that were found good before."""
        offsets = np.array([offset for offset, _ in rows], np.int64)
        return self._read(RawBatch(Texts.of(value for _, value in rows), offsets))[0]

    def _decode(
        self,
        raw: RawBatch,
        columns: EventColumns,
        plain: NDArray[np.bool_],
        mended: Counter[str],
    ) -> tuple[_Rows, list[DeadLetter]]:
        """The records that are not plain, one by one, put between the plain ones."""
        events: list[RequestEvent] = []
        decoded: list[int] = []
        dead: list[DeadLetter] = []
        good = plain.copy()
        for i in np.flatnonzero(~plain).tolist():
            value, offset = raw.values[i], int(raw.offsets[i])
            try:
                read = read_event(value, self._config.max_record_bytes, self._columnizer.blocks)
            except BadRecord as bad:
                dead.append(self._dead(offset, value, bad))
                continue
            good[i] = True
            mended.update(read.mended)
            events.append(read.event)
            decoded.append(i)
        more = self._columnizer.columns(events, raw.offsets[decoded].tolist())
        columns = EventColumns.concat([columns, more])
        rows = np.concatenate([np.flatnonzero(plain), np.array(decoded, np.int64)])
        columns = columns.take(np.argsort(rows))
        return _Rows(columns, raw.values.take(good)), dead

    def _in_milliseconds(
        self, rows: _Rows, dead: list[DeadLetter]
    ) -> tuple[_Rows, list[DeadLetter]]:
        """The rows whose time can be one in milliseconds; the others are set aside."""
        ts_ms = rows.columns.ts_ms
        wrong = np.zeros(len(ts_ms), np.bool_)
        for low, high in WRONG_UNIT_MS:
            wrong |= (ts_ms >= low) & (ts_ms < high)
        if not wrong.any():
            return rows, dead
        dead += self._letters(rows, wrong, UNIT)
        return rows.take(~wrong), sorted(dead, key=lambda d: d.offset)

    def _pack(
        self,
        rows: _Rows,
        judged: Judged,
        first: int,
        dead: list[DeadLetter],
        mended: Counter[str],
        range_: tuple[int, int],
    ) -> StepOutput[EventBlock]:
        """Blocks of what passed, letters for what did not; ``first`` is the first row's number."""
        stop, received = range_
        verdicts = judged.verdicts
        late, refused = verdicts == LATE_VERDICT, verdicts == REFUSED_VERDICT
        held = verdicts == HELD_VERDICT
        for i in np.flatnonzero(held).tolist():
            self._held[first + i] = int(rows.columns.offset[i]), rows.values[i]
        passed, jumped = self._release(judged)
        before = len(dead)
        dead += self._letters(rows, late, LATE) if late.any() else []
        dead += self._letters(rows, refused, FUTURE) if refused.any() else []
        dead += [self._dead(offset, value, FUTURE) for offset, value in jumped]
        if len(dead) > before:
            dead.sort(key=lambda d: d.offset)
        out = late | refused | held
        columns = rows.columns.take(~out) if out.any() else rows.columns
        if passed:
            columns = EventColumns.concat([columns, self._read_again(passed).columns])
            columns = columns.take(np.argsort(columns.offset, kind="stable"))
        self.watermark_ms = self._clock.watermark_ms
        start, self.position = self.position, stop
        blocks = [
            EventBlock(
                self._source,
                start,
                stop,
                self.watermark_ms,
                stale=self._clock.stale,
                rows=shard_rows,
            )
            for shard_rows in self._columnizer.split(columns, self._shards)
        ]
        counts = Counter({("events", ""): received, ("late", ""): int(late.sum())})
        return StepOutput(blocks, dead, +(counts + labelled("mended", mended)))

    def _release(self, judged: Judged) -> tuple[list[tuple[int, bytes]], list[tuple[int, bytes]]]:
        """Records held before that are decided now: passed and refused."""
        passed, refused = list[tuple[int, bytes]](), list[tuple[int, bytes]]()
        for row, verdict in zip(judged.rows.tolist(), judged.decided.tolist(), strict=True):
            (passed if verdict == PASSED_VERDICT else refused).append(self._held.pop(row))
        return passed, refused

    def _of_records(
        self, output: StepOutput[EventBlock], passed_over: Counter[str]
    ) -> StepOutput[EventBlock]:
        """What was said of events, as it is told of the records that they were in."""
        dead = self._originals.letters(output.dead, self._dead)
        if not self._held:
            self._originals.clear()
        counts = +(output.counts + labelled(PASSED_OVER, passed_over))
        return replace(output, dead=dead, counts=counts)

    def _letters(self, rows: _Rows, which: NDArray[np.bool_], bad: BadRecord) -> list[DeadLetter]:
        return [
            self._dead(int(rows.columns.offset[i]), rows.values[i], bad)
            for i in np.flatnonzero(which).tolist()
        ]

    def _dead(self, offset: int, value: bytes, bad: BadRecord) -> DeadLetter:
        return dead_letter(bad, value, self._source_name, self._source, offset, self._config)
