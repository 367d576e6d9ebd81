"""Every raw format keeps its promises; the list of formats is the list of those tested."""

from __future__ import annotations

from codecs import BOM_UTF8
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzer.core.contracts.request_event import RequestEvent
from analyzer.errors import BadRecord
from analyzer.formats.catalog import FORMATS, NAMES
from analyzer.formats.draft import COERCIONS, Draft
from analyzer.formats.options import FormatSettings
from analyzer.formats.protocol import Format, PassedOver, UnfitError
from analyzer.formats.reader import Reader
from analyzer.testing.strange_values import json_values, mutate

GOLDEN = Path(__file__).with_name("golden")
LIMIT = 1_048_576

each = pytest.mark.parametrize("kind", FORMATS, ids=lambda kind: kind.name)


def told(outcome: bytes | PassedOver | BadRecord) -> Any:
    """An outcome as the golden file has it."""
    if isinstance(outcome, PassedOver):
        return {"passed_over": outcome.reason}
    if isinstance(outcome, BadRecord):
        return {"refused": outcome.reason, "detail": outcome.detail}
    return msgspec.json.decode(outcome)


def read(name: str, record: bytes) -> list[Any]:
    """Everything in one record."""
    reader = Reader(FormatSettings(name=name), LIMIT)
    return [told(outcome) for outcome in reader.outcomes(record)]


def golden(kind: type[Format]) -> bytes:
    """All outcomes of each record as a line."""
    found = [read("auto", record) for record in records(kind)]
    return b"".join(msgspec.json.encode(line) + b"\n" for line in found)


def records(kind: type[Format]) -> list[bytes]:
    """Its golden input."""
    return (GOLDEN / f"{kind.name}.in.ndjson").read_bytes().splitlines()


@each
def test_golden(kind: type[Format]) -> None:
    """What is read of real-shaped records; ``python tests/formats/test_contract.py`` writes it."""
    expected = (GOLDEN / f"{kind.name}.out.ndjson").read_bytes()
    assert expected == golden(kind)


@each
def test_named_is_as_probed(kind: type[Format]) -> None:
    """A setting that names the format changes nothing for its own records."""
    if kind.name == "native":
        return
    for record in records(kind):
        probed, named = read("auto", record), read(kind.name, record)
        if not any("refused" in str(outcome) for outcome in probed):
            assert probed == named


@each
def test_a_byte_order_mark_costs_nothing(kind: type[Format]) -> None:
    """Windows tools put one before a text (RFC 8259, section 8.1)."""
    for record in records(kind):
        found = read("auto", record)
        if not any("refused" in str(outcome) for outcome in found):
            assert read("auto", BOM_UTF8 + record) == found


@each
def test_good_events_are_good(kind: type[Format]) -> None:
    """Whatever a format gives is an event that the contract takes."""
    for record in records(kind):
        for outcome in Reader(FormatSettings(), LIMIT).outcomes(record):
            if isinstance(outcome, bytes) and kind.name != "native":
                msgspec.json.decode(outcome, type=RequestEvent)


@each
def test_other_formats_do_not_claim_it(kind: type[Format]) -> None:
    """A format that is asked for by name refuses what others wrote."""
    if kind.name in {"native", "cloudevents"}:
        return
    for other in FORMATS:
        if other.name in {kind.name, "cloudevents", "native"}:
            continue
        for record in records(other):
            assert not any(isinstance(o, dict) and "event_id" in o for o in read(kind.name, record))


@each
def test_its_words(kind: type[Format]) -> None:
    """Its name can be set, its losses are fields of the contract, its marks are there."""
    assert kind.name in NAMES
    assert set(kind.losses) <= set(COERCIONS)
    assert all(isinstance(mark, bytes) and mark for mark in kind.marks)
    assert (kind.__doc__ or "").strip()


@each
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_anything_is_read_or_refused(kind: type[Format], data: st.DataObject) -> None:
    """A record of the format with anything in any place: its own errors alone, twice the same."""
    tree = msgspec.json.decode(records(kind)[0])
    mutate(tree, data)
    record = msgspec.json.encode(tree)
    made = kind(FormatSettings().of(kind.name), 1)
    assert outcomes(made, record) == outcomes(made, record)
    assert isinstance(read("auto", record), list)


def outcomes(made: Format, record: bytes) -> list[Any]:
    """What the format itself says."""
    try:
        return [
            msgspec.structs.asdict(o) if isinstance(o, Draft) else str(o) for o in made.read(record)
        ]
    except (BadRecord, UnfitError) as error:
        return [str(error)]


@settings(max_examples=200, deadline=None)
@given(record=st.binary() | json_values.map(msgspec.json.encode))
def test_no_record_breaks_the_reader(record: bytes) -> None:
    """Any bytes: events, or a refusal that says what was tried or what is wrong."""
    for outcome in Reader(FormatSettings(), LIMIT).outcomes(record):
        assert isinstance(outcome, bytes | PassedOver | BadRecord)


if __name__ == "__main__":
    for each_kind in FORMATS:
        (GOLDEN / f"{each_kind.name}.out.ndjson").write_bytes(golden(each_kind))
