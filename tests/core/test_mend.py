"""What a client may choose can't hide its request: an optional field never costs the event."""

from __future__ import annotations

import base64
import json
from codecs import BOM_UTF8
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzer.core.config import CoreConfig
from analyzer.core.contracts.hashing import BlockCache, block_name
from analyzer.core.contracts.mend import read_event
from analyzer.core.contracts.request_event import RequestEvent
from analyzer.core.ingest.step import IngestStep, RawBatch
from analyzer.core.kernels.byte_strings import Texts
from analyzer.errors import BadRecord

SCHEMA = json.loads(
    (Path(__file__).parents[2] / "schemas" / "llm.request.v1.json").read_text("utf-8")
)
LIMIT = CoreConfig().max_record_bytes
NEEDED: dict[str, Any] = {
    "event_id": "event-1",
    "timestamp_ms": 1_772_532_000_000,
    "account_id": "acct-1",
    "model": "large-4",
    "input_tokens": 10,
    "output_tokens": 20,
    "status": "ok",
}
OPTIONAL = sorted(set(RequestEvent.__struct_fields__) - set(NEEDED))
REASONS = {
    "not_json",
    "empty",
    "too_large",
    "missing_field",
    "wrong_type",
    "out_of_range",
    "time_unit",
}
ANYTHING = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.integers(-(10**400), 10**400),
        st.floats(),
        st.text(max_size=30),
        st.text(st.characters(), max_size=30),
        st.text("\ud83d\udc00a\x00\x1b", max_size=5),
        st.sampled_from(["x" * 1_100, "x" * 70_000, "1e400", "-1", "512", "true", "NaN", "\ud83d"]),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=2), st.dictionaries(st.text(max_size=3), inner, max_size=2)
    ),
    max_leaves=4,
)
RAW = st.sampled_from(
    [
        b'"\xe9"', b'"\xff\xfe"', b'"a\tb"', b'"a\x01b"', rb'"\x22\x0a"', rb'"\ud83d"', rb'"\q"',
        b"NaN", b"Infinity", b"-Infinity", b"1e999", b"4.096e3", b"-0.0", b"1" * 5_000,
        b"[" * 3_000 + b"]" * 3_000, b'{"a":' * 3_000 + b"1" + b"}" * 3_000, b'{"a":{"b":[1]}}',
    ]
)  # fmt: skip


def written(fields: dict[str, Any], name: str, raw: bytes) -> bytes:
    """A record with these bytes as the value of a field."""
    others = {key: value for key, value in fields.items() if key != name}
    return json.dumps(others).encode()[:-1] + b',"' + name.encode() + b'":' + raw + b"}"


def read(line: bytes) -> tuple[RequestEvent, tuple[str, ...]]:
    """The event and what was mended."""
    return read_event(line, LIMIT, BlockCache())


def refusal(line: bytes) -> BadRecord | None:
    """Why a record can't be read; None if it can."""
    try:
        read(line)
    except BadRecord as bad:
        return bad
    return None


@settings(max_examples=400)
@given(st.sampled_from([*OPTIONAL, "unknown"]), ANYTHING)
def test_no_optional_field_costs_the_event(name: str, value: Any) -> None:
    """Whatever stands in it, the fields that are needed are read as without it."""
    event, mended = read(json.dumps(NEEDED | {name: value}).encode())
    for field, expected in NEEDED.items():
        assert expected == getattr(event, field)
    assert set(mended) <= {name}


@settings(max_examples=300)
@given(st.sampled_from([*OPTIONAL, "unknown"]), RAW)
def test_no_odd_bytes_in_an_optional_field_cost_the_event(name: str, raw: bytes) -> None:
    """Nor what is no JSON at all, as far as the end of the value can be found."""
    event, mended = read(written(NEEDED, name, raw))
    for field, expected in NEEDED.items():
        assert expected == getattr(event, field)
    assert set(mended) <= {name}


@settings(max_examples=300)
@given(st.dictionaries(st.sampled_from(RequestEvent.__struct_fields__), ANYTHING, max_size=6))
def test_what_the_schema_takes_is_taken(fields: dict[str, Any]) -> None:
    """A record that is valid by the published schema is an event, and mended in nothing.

    A time in another unit is valid there, for a schema can't tell; it is refused by its name.
    """
    import jsonschema

    record = json.loads(json.dumps(NEEDED | fields))
    if not jsonschema.Draft202012Validator(SCHEMA).is_valid(record):
        return
    try:
        json.dumps(record, ensure_ascii=False, allow_nan=False).encode()
    except (UnicodeEncodeError, ValueError):
        return  # half a surrogate pair, NaN: no JSON that may travel
    event, mended = read(json.dumps(record).encode())
    addresses = {"client_ip", "ip_prefix"}
    assert set(mended) <= addresses | {"schema_version", "org_id"}
    assert event.timestamp_ms == int(record["timestamp_ms"])


@settings(max_examples=400)
@given(st.binary(max_size=300), st.integers(0, 400), st.integers(0, 400))
def test_any_bytes_are_an_event_or_a_bad_record(junk: bytes, at: int, drop: int) -> None:
    """A record with bytes put in or left out is read or refused with a reason; no more."""
    good = json.dumps(NEEDED | {"prompt_text": "SECRET-4711", "user_agent": "SECRET-4711"}).encode()
    for line in (junk, good[:at] + junk + good[at + drop :]):
        bad = refusal(line)
        assert bad is None or bad.reason in REASONS
        assert "SECRET" not in str(bad)


@settings(max_examples=100)
@given(ANYTHING, st.sampled_from(sorted(NEEDED)))
def test_dead_letters_hold_no_text(value: Any, name: str) -> None:
    """Whatever makes a record bad, nothing of what it says is kept."""
    fields = NEEDED | {"prompt_text": "SECRET-4711", name: value, "status": "SECRET-4711"}
    step = IngestStep(CoreConfig(), source=0, source_name="x", shards=1)
    output = step.feed(RawBatch(Texts.of([json.dumps(fields).encode()]), np.array([0])))
    [letter] = output.dead
    assert "SECRET" not in repr(letter)
    assert b"SECRET" not in base64.b64decode(letter.payload_base64)


@pytest.mark.parametrize(
    ("written", "block"),
    [
        ("203.0.113.7:54321", "203.0.113.0/24"),
        ("[2001:db8::7]:54321", "2001:db8::/48"),
        ("[2001:db8::7]", "2001:db8::/48"),
        ("2001:db8::7%eth0", "2001:db8::/48"),
        ("::ffff:203.0.113.7", "203.0.113.0/24"),
        ("[::ffff:203.0.113.7]:80", "203.0.113.0/24"),
        ("203.0.113.7, 10.0.0.7", "203.0.113.0/24"),
        ("unknown, 203.0.113.7", "203.0.113.0/24"),
        (" 203.0.113.7 ", "203.0.113.0/24"),
        ('"203.0.113.7"', "203.0.113.0/24"),
        ("203.0.113.7," * 60, "203.0.113.0/24"),
    ],
)
def test_addresses_as_proxies_write_them(written: str, block: str) -> None:
    """With a port, in brackets, with a zone, in a list: the block is that of the address."""
    blocks = BlockCache()
    event, _ = read_event(json.dumps(NEEDED | {"client_ip": written}).encode(), LIMIT, blocks)
    assert block == block_name(blocks[event.client_ip])


@pytest.mark.parametrize("odd", ["unknown", "-", "1.2.3", 7, ["203.0.113.7"], "\x00", "1.2.3.4.5"])
def test_no_address_is_no_block(odd: Any) -> None:
    """The prefix serves instead, if one is given; the field is counted."""
    record = NEEDED | {"client_ip": odd, "ip_prefix": "198.51.100.0/24"}
    event, mended = read(json.dumps(record).encode())
    assert (event.client_ip, event.ip_prefix) == (None, "198.51.100.0/24")
    assert mended == ("client_ip",)


def test_different_bytes_stay_different() -> None:
    """Two accounts that differ in a byte that is no UTF-8, or in half a pair, stay two."""
    raws = [b'"a\xe9"', b'"a\xe8"', rb'"a\ud83d"', rb'"a\ud83c"']
    names = {read(written(NEEDED, "account_id", raw))[0].account_id for raw in raws}
    assert len(names) == len(raws)


def test_a_byte_order_mark_costs_nothing() -> None:
    """A record of Windows tools (RFC 8259, section 8.1), where no other format is asked for."""
    line = json.dumps(NEEDED).encode()
    assert read(BOM_UTF8 + line) == read(line)


def test_mended_fields_are_counted_by_name() -> None:
    """Each by how many events it was mended in."""
    step = IngestStep(CoreConfig(), source=0, source_name="x", shards=1)
    lines = [json.dumps(NEEDED | {"max_tokens": -1, "client_ip": "-"}).encode()] * 3
    output = step.feed(RawBatch(Texts.of(lines), np.arange(3)))
    mended = {name: times for (what, name), times in output.counts.items() if what == "mended"}
    assert mended == {"client_ip": 3, "max_tokens": 3}
