"""The scanner of plain records says what the decoder says, or nothing."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st
from xxhash import xxh3_64_intdigest

from analyzer.core.config import CoreConfig
from analyzer.core.contracts.decode import decode_event
from analyzer.core.contracts.events import ARRAY_FIELDS, EventColumns
from analyzer.core.contracts.mend import read_event
from analyzer.core.ingest.columnize import LONGEST_NAME, Columnizer
from analyzer.core.kernels.byte_strings import Texts
from analyzer.core.kernels.xxh3 import LONGEST, xxh3
from analyzer.errors import BadRecord

LIMIT = CoreConfig().max_record_bytes
PLAIN: dict[str, Any] = {
    "event_id": "event-1",
    "timestamp_ms": 1_700_000_000_000,
    "account_id": "acct-1",
    "model": "large-4",
    "input_tokens": 10,
    "output_tokens": 20,
    "status": "ok",
}
TEXTS = st.one_of(st.text(max_size=20), st.text('ab 1.:/"\\\n\x1f\x7fé', max_size=260))
ODD = st.one_of(
    TEXTS,
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.sampled_from([0, 1, -1, 2**53, 2**53 + 1, 2**32, 2**32 + 1, 1.0, 1.5, 1e9, 2e9, 1e300]),
    st.floats(allow_nan=False, allow_infinity=False),
    st.lists(st.integers(), max_size=2),
)
ADDRESSES = st.sampled_from(
    (
        *("203.0.113.9", "203.0.113.009", "255.255.255.255", "1.2.3", "1.2.3.4.5", "1.2.3.256"),
        *("1.2.3.4/16", " 1.2.3.4", "1.2.3.4 ", "1..3.4", "1.2.3.", ""),
        *("2001:db8::1", "::ffff:1.2.3.4"),
    )
)
OPTIONAL = st.fixed_dictionaries(
    {},
    optional={
        "schema_version": st.sampled_from([1, 1.0, 2, None, "1", True]),
        "org_id": TEXTS,
        "client_ip": st.one_of(ADDRESSES, ODD),
        "ip_prefix": st.one_of(ADDRESSES, ODD),
        "status": st.sampled_from(["ok", "error", "refused", "rate_limited", "rate_limited ", "o"]),
        "account_created_ms": ODD,
        "asn": ODD,
        "user_agent": TEXTS,
        "tls_ja4": TEXTS,
        "payment_ref": TEXTS,
        "prompt_template_id": TEXTS,
        "prompt_hash": TEXTS,
        "prompt_text": TEXTS,
        "model": TEXTS,
        "timestamp_ms": ODD,
        "output_tokens": ODD,
        "temperature": ODD,
        "top_p": ODD,
        "max_tokens": ODD,
        "logprobs": ODD,
        "unknown": ODD,
    },
)
SEPARATORS = st.sampled_from([None, (",", ":"), (" , ", "\t:\r\n ")])


def same(line: bytes, columnizer: Columnizer) -> bool:
    """Hold the scanner to the decoder on one line; whether the line was plain."""
    scanned, plain = columnizer.scan(Texts.of([line]), np.array([3], np.int64))
    if not plain.all():
        return False
    event, mended = read_event(line, LIMIT, columnizer.blocks)
    assert not mended
    decoded = columnizer.columns([event], [3])
    for name in ARRAY_FIELDS:
        assert getattr(decoded, name).tolist() == getattr(scanned, name).tolist(), name
    assert decoded.names.as_dict() == scanned.names.as_dict()
    return True


@settings(max_examples=400)
@given(OPTIONAL, st.booleans(), SEPARATORS)
def test_plain_records_are_read_as_the_decoder_reads_them(
    fields: dict[str, Any], ascii_only: bool, separators: tuple[str, str] | None
) -> None:
    """Whatever the fields hold, a record that counts as plain is good and has these columns."""
    text = json.dumps(PLAIN | fields, ensure_ascii=ascii_only, separators=separators)
    same(text.encode("utf-8", "surrogatepass"), Columnizer(CoreConfig()))


@settings(max_examples=400)
@given(st.integers(0, 400), st.sampled_from(list(b'\x00\x1f "{}[],:.-eE019tfn\\\x7f\x80\xff')))
@example(0, ord("["))
def test_one_wrong_byte_is_never_overlooked(at: int, byte: int) -> None:
    """One byte of a good record changed: still plain only if it is still good."""
    more = {"temperature": 0.5, "max_tokens": 100, "client_ip": "203.0.113.9", "logprobs": True}
    line = bytearray(json.dumps(PLAIN | more | {"org_id": None, "unknown": -1.5e3}).encode())
    line[at % len(line)] = byte
    same(bytes(line), Columnizer(CoreConfig(pseudonymise=True, hash_key="a secret")))


@given(st.lists(st.tuples(OPTIONAL, st.booleans(), SEPARATORS), max_size=5), st.integers(0, 400))
def test_a_record_is_read_the_same_after_any_other(
    several: list[tuple[dict[str, Any], bool, tuple[str, str] | None]], cut: int
) -> None:
    """Keys in another order or written otherwise, or cut off: nothing is left of those before."""
    columnizer, lines = Columnizer(CoreConfig()), [json.dumps(PLAIN).encode()]
    for fields, by_name, separators in several:
        record = json.dumps(PLAIN | fields, sort_keys=by_name, separators=separators)
        lines += [record.encode(), record[:cut].encode()]
    together, plain = columnizer.scan(Texts.of(lines), np.arange(len(lines)))
    alone = [columnizer.scan(Texts.of([line]), np.array([i])) for i, line in enumerate(lines)]
    assert plain.tolist() == [bool(good.all()) for _, good in alone]
    expected = EventColumns.concat([columns for columns, _ in alone])
    for name in ARRAY_FIELDS:
        assert getattr(expected, name).tolist() == getattr(together, name).tolist(), name


def test_ordinary_records_are_plain() -> None:
    """The records that the scanner is made for go its way; those it gives up on do not."""
    columnizer = Columnizer(CoreConfig())
    plain: list[dict[str, Any]] = [
        {},
        {"client_ip": "203.0.113.9"},
        {"ip_prefix": "2001:db8::/40", "temperature": 1},
    ]
    plain += [{"org_id": "o", "logprobs": False, "top_p": 0.25}, {"unknown": "x" * 999}]
    for fields in plain:
        assert same(json.dumps(PLAIN | fields).encode(), columnizer)
    others: list[dict[str, Any]] = [
        {"org_id": "é"},
        {"temperature": 1e10},
        {"client_ip": "nowhere"},
        {"asn": -1},
    ]
    others += [{"prompt_text": "text"}, {"unknown": {}}, {"user_agent": "x" * (LONGEST + 1)}]
    for fields in others:
        assert not same(json.dumps(PLAIN | fields).encode(), columnizer)
    twice = json.dumps(PLAIN).encode()[:-1] + b',"status":"error"}'
    assert not same(twice, columnizer)


def test_long_names_and_pseudonyms_are_the_same_on_both_ways() -> None:
    """What is shown of a name does not depend on the way that its record went."""
    secret = CoreConfig(pseudonymise=True, hash_key="a secret")
    for config in (CoreConfig(), secret):
        columnizer = Columnizer(config)
        for size in (LONGEST_NAME, LONGEST_NAME + 1, LONGEST):
            long = {"user_agent": "u" * size, "payment_ref": "p" * size, "tls_ja4": "t" * size}
            assert same(json.dumps(PLAIN | long).encode(), columnizer)


def test_many_records_at_once() -> None:
    """Records that are not plain leave no trace in the columns of the others."""
    values = [json.dumps(PLAIN | {"event_id": f"e{i}", "n": i % 3}).encode() for i in range(9)]
    values[4] = b"{"
    values[7] = json.dumps(PLAIN | {"client_ip": "nowhere"}).encode()
    columns, plain = Columnizer(CoreConfig()).scan(Texts.of(values), np.arange(9))
    assert [0, 1, 2, 3, 5, 6, 8] == columns.offset.tolist() == np.flatnonzero(plain).tolist()
    assert len(set(columns.params.tolist())) == 3
    assert {"acct-1", "large-4"} == set(columns.names.texts())


def test_xxh3_is_that_of_the_package() -> None:
    """Every length, seeds at the edges, text anywhere in its buffer."""
    rng = np.random.default_rng(3)
    buffer = rng.integers(0, 256, 2 * LONGEST, np.uint8)
    for length in range(LONGEST + 1):
        start = int(rng.integers(0, LONGEST))
        text = buffer[start : start + length].tobytes()
        for seed in (0, 1, 2**64 - 1, int(rng.integers(0, 2**63))):
            found = int(xxh3(buffer, start, start + length, np.uint64(seed)))
            assert xxh3_64_intdigest(text, seed) == found


def test_what_is_bad_is_left_to_the_decoder() -> None:
    """A record that no decoder takes is never plain."""
    columnizer = Columnizer(CoreConfig())
    for line in (b"", b" ", b"{", b"{}", b"null", b'{"event_id":"x"}', b'{"event_id":"x",}'):
        assert not same(line, columnizer)
        try:
            decode_event(line, LIMIT)
        except BadRecord:
            continue
        raise AssertionError(line)
