"""From raw records of any format to records of the native one, for ingest to judge.

A record's format is told by the record alone, never by those before it: so a topic may mix
formats, and the answer does not depend on how it was cut into batches.
"""

from __future__ import annotations

import zlib
from codecs import BOM_UTF8
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from analyzer.core.contracts.decode import UNREADABLE, decode_event
from analyzer.core.ingest.translation import Translation
from analyzer.core.kernels.byte_strings import Texts
from analyzer.errors import BadRecord
from analyzer.formats.catalog import FORMATS
from analyzer.formats.compiled.batch import Way, Written, readable
from analyzer.formats.draft import Draft
from analyzer.formats.native import Native
from analyzer.formats.options import FormatSettings
from analyzer.formats.protocol import Format, HasRecipe, Inner, Outcome, PassedOver, UnfitError

GZIP = b"\x1f\x8b"
LOG_EVENTS = b'"logEvents"'
LARGEST = 64 * 1_048_576
"""Bytes of a record that holds others; each of those keeps to the limit of one record."""
DEEPEST = 6
"""Records inside records."""

_encode = msgspec.json.Encoder().encode
_top = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_elements = msgspec.json.Decoder(list[msgspec.Raw]).decode


class _LogEvent(msgspec.Struct):
    message: Any = None


class _CloudWatch(msgspec.Struct, rename="camel"):
    """What CloudWatch Logs sends to its subscribers."""

    message_type: Any = None
    log_events: list[_LogEvent] | None = None


_cloudwatch = msgspec.json.Decoder(_CloudWatch).decode


_Found = bytes | PassedOver | BadRecord
"""A native record, or why there is none."""


class Reader:
    """Reads raw records (implements ``Translator``); pure, so any thread may ask it.

    Parameters
    ----------
    settings
        Which format, or ``auto``; and where the formats' records hold what.
    max_bytes
        Largest record of one event.
    """

    def __init__(self, settings: FormatSettings, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        # An envelope may be around anything, and in binary mode there is none to see.
        self.takes_native = settings.name in {"auto", "cloudevents"}
        self._formats: list[Format] = [
            kind(settings.of(kind.name), settings.trusted_proxies)
            for kind in FORMATS
            if kind.name != Native.name and (self.takes_native or settings.name == kind.name)
        ]
        self.ways = _ways(self._formats, takes_native=self.takes_native)
        self._tried = ", ".join(
            ["native"] * self.takes_native + [format_.name for format_ in self._formats]
        )

    def translate(self, values: Texts, plain: NDArray[np.bool_]) -> Translation | None:
        """Native records for these, or None if they are native as they stand.

        Parameters
        ----------
        plain
            Which are known to be good native records; they are kept as they are.
        """
        left = np.flatnonzero(~plain)
        written = []
        for way in self.ways:
            if not len(left):
                break
            made = way.read(values, readable(values, left, LARGEST))
            if len(made.rows):
                written.append(made)
                left = np.setdiff1d(left, made.rows, assume_unique=True)
        found = {row: self.outcomes(values[row]) for row in left.tolist()}
        if not written and all(_is_itself(values, row, found[row]) for row in found):
            return None
        return _joined(values, plain, found, written)

    def outcomes(self, record: bytes) -> list[_Found]:
        """Everything that one record holds, in its order."""
        try:
            return list(self._read(record, 0))
        except BadRecord as bad:
            return [bad]

    def format_of(self, record: bytes, depth: int = 0) -> str:
        """Name of the format that reads this record, or the first record in it."""
        if self.takes_native and _looks_native(record):
            return Native.name
        try:
            first = next(_opened(record), b"")
        except BadRecord:
            return "none"
        if first is not None:
            deeper = first and depth < DEEPEST
            return self.format_of(first, depth + 1) if deeper else "none"
        for format_ in self._formats:
            if any(mark in record for mark in format_.marks):
                try:
                    format_.read(record)
                except UnfitError:
                    continue
                except BadRecord:
                    pass
                return format_.name
        return "none"

    def _read(self, record: bytes, depth: int) -> Iterator[_Found]:
        if self.takes_native and _looks_native(record):
            yield record
            return
        if len(record) > LARGEST:
            raise BadRecord("too_large", f"{len(record)} bytes; the limit is {LARGEST}")
        opened = list(_opened(record))
        if not opened:
            yield PassedOver("control")
        for inner in opened:
            if inner is None:
                yield from self._fitted(record, depth)
            else:
                yield from self._inside(inner, depth)

    def _inside(self, record: bytes, depth: int) -> Iterator[_Found]:
        """A record inside a record; what is wrong with it says nothing of its neighbours."""
        if depth >= DEEPEST:
            yield BadRecord("wrong_type", f"records inside records, more than {DEEPEST} deep")
            return
        try:
            yield from self._read(record, depth + 1)
        except BadRecord as bad:
            yield bad

    def _fitted(self, record: bytes, depth: int) -> Iterator[_Found]:
        for format_ in self._formats:
            if any(mark in record for mark in format_.marks):
                try:
                    outcomes = format_.read(record)
                except UnfitError:
                    continue
                yield from self._settled(outcomes, depth)
                return
        yield self._unfit(record)

    def _settled(self, outcomes: Iterable[Outcome], depth: int) -> Iterator[_Found]:
        for outcome in outcomes:
            if isinstance(outcome, Draft):
                yield _encode(outcome)
            elif isinstance(outcome, Inner):
                yield from self._inside(outcome.value, depth)
            else:
                yield outcome

    def _unfit(self, record: bytes) -> _Found:
        """A record that no format takes: what the native one says of it, and what was tried."""
        try:
            decode_event(record, self._max_bytes)
        except BadRecord as bad:
            if bad.reason in {"empty", "not_json", "invalid_utf8", "too_large"}:
                return bad
            return BadRecord(bad.reason, f"{bad.detail}; fits no format, tried {self._tried}")
        if self.takes_native:
            return record
        return BadRecord("wrong_type", f"a native record; fits no format, tried {self._tried}")


def reader_of(settings: FormatSettings, max_bytes: int, name: str | None = None) -> Reader | None:
    """The reader that these settings ask for; None if all records are to be native.

    Parameters
    ----------
    name
        Format instead of that of the settings.
    """
    if name is not None:
        settings = settings.model_copy(update={"name": name})
    return None if settings.name == "native" else Reader(settings, max_bytes)


def _looks_native(record: bytes) -> bool:
    """Whether a record is to be judged as a native one; a good one always is."""
    if sum(mark in record for mark in Native.marks) < 2 or not record.lstrip().startswith(b"{"):
        return False
    return b'"specversion"' not in record or _is_bare(record)


def _is_bare(record: bytes) -> bool:
    """Whether it is a native record with a field of that name, rather than one in an envelope."""
    try:
        keys = _top(record).keys()
    except UNREADABLE:
        return False
    return sum(mark.strip(b'"').decode() in keys for mark in Native.marks) > 1


def _opened(record: bytes) -> Iterator[bytes | None]:
    """The records that a compressed record, an array or a CloudWatch batch holds, or None."""
    if record.startswith(BOM_UTF8):
        yield record.removeprefix(BOM_UTF8)
        return
    if record.startswith(GZIP):
        yield _unzipped(record)
        return
    head = record[:64].lstrip()
    if head.startswith(b"["):
        try:
            yield from map(bytes, _elements(record))
        except UNREADABLE as error:
            raise BadRecord("not_json", str(error)) from error
    elif LOG_EVENTS in record and (events := _log_events(record)) is not None:
        yield from events
    elif head[:1].isdigit() and 0 < (at := record.find(b" {")) < len(head):
        yield record[at + 1 :]  # an export task puts the time before each line
    else:
        yield None


def _log_events(record: bytes) -> list[bytes] | None:
    try:
        batch = _cloudwatch(record)
    except UNREADABLE:
        return None
    if batch.log_events is None or batch.message_type == "CONTROL_MESSAGE":
        return None if batch.log_events is None else []
    return [
        event.message.encode() if isinstance(event.message, str) else _encode(event.message)
        for event in batch.log_events
    ]


def _unzipped(record: bytes) -> bytes:
    try:
        opener = zlib.decompressobj(wbits=31)
        found = opener.decompress(record, LARGEST)
    except zlib.error as error:
        raise BadRecord("not_json", f"gzip: {error}") from error
    if opener.unconsumed_tail:
        raise BadRecord("too_large", f"gzip: more than {LARGEST} bytes")
    return found


def _ways(formats: list[Format], *, takes_native: bool) -> list[Way]:
    """The compiled ways of these formats, the pickiest first.

    A record may be read so only if nothing in it would have another format asked before.
    """
    strangers = [LOG_EVENTS, *(Native.marks if takes_native else ())]
    ways: list[Way] = []
    for format_ in formats:
        recipe = format_.recipe() if isinstance(format_, HasRecipe) else None
        if recipe is not None:
            ways.append(Way(recipe, tuple(strangers)))
        strangers += format_.marks
    return ways[::-1]


def _is_itself(values: Texts, row: int, outcomes: list[_Found]) -> bool:
    return len(outcomes) == 1 and outcomes[0] == values[row]


def _joined(
    values: Texts,
    plain: NDArray[np.bool_],
    found: dict[int, list[_Found]],
    written: list[Written],
) -> Translation:
    """Records that were kept and those that were found, in the order of the source."""
    exact = [
        (row, outcome)
        for row, outcomes in found.items()
        for outcome in outcomes
        if isinstance(outcome, bytes)
    ]
    refused = [
        (row, outcome)
        for row, outcomes in found.items()
        for outcome in outcomes
        if isinstance(outcome, BadRecord)
    ]
    passed_over = Counter(
        outcome.reason
        for outcomes in found.values()
        for outcome in outcomes
        if isinstance(outcome, PassedOver)
    )
    for made in written:
        passed_over += made.passed_over
    kept = np.flatnonzero(plain)
    parts = [
        (values.take(kept), kept),
        (Texts.of(outcome for _, outcome in exact), np.array([row for row, _ in exact], np.int64)),
        *((made.events, made.event_rows) for made in written),
    ]
    rows = np.concatenate([part for _, part in parts])
    order = np.argsort(rows, kind="stable")
    texts = Texts.joined([part for part, _ in parts]).take(order)
    return Translation(texts, rows[order], refused, passed_over)
