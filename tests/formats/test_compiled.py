"""The compiled way of a format and its own ``read`` say the same, to the byte."""

from __future__ import annotations

import functools
import json
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzer.core.ingest.translation import Translation
from analyzer.core.kernels.byte_strings import Texts
from analyzer.formats.catalog import FORMATS
from analyzer.formats.options import FormatSettings
from analyzer.formats.protocol import Format, HasRecipe
from analyzer.formats.reader import Reader
from analyzer.testing.gateway_records import RENDERERS, full_events, otlp_json, otlp_span
from analyzer.testing.strange_values import json_values, mutate

LIMIT = 1_048_576
COMPILED = [kind for kind in FORMATS if issubclass(kind, HasRecipe)]

GOLDEN = Path(__file__).with_name("golden")
each = pytest.mark.parametrize("kind", COMPILED, ids=lambda kind: kind.name)


def records(kind: type[Format]) -> list[bytes]:
    """Its golden input."""
    return (GOLDEN / f"{kind.name}.in.ndjson").read_bytes().splitlines()


@functools.cache
def world() -> tuple[dict[str, Any], ...]:
    """Requests of a small world with prompts, each with the optional fields of a real client."""
    return tuple(
        event
        | {
            "reasoning_tokens": number % 4,
            "temperature": number % 20 / 10,
            "n": number % 3,
        }
        for number, event in enumerate(full_events())
    )


@functools.cache
def reader(name: str, *, is_exact: bool) -> Reader:
    """One that reads every record exactly, or one as it is used."""
    made = Reader(FormatSettings(name=name), LIMIT)
    if is_exact:
        made.ways = []
    return made


def told(translation: Translation | None) -> Any:
    """Everything that a translation says."""
    if translation is None:
        return None
    return (
        list(translation.values),
        translation.rows.tolist(),
        [(row, bad.reason, bad.detail) for row, bad in translation.refused],
        translation.passed_over,
    )


def both(name: str, values: list[bytes], plain: list[bool] | None = None) -> None:
    """Both ways read these alike."""
    texts, kept = Texts.of(values), np.array(plain or [False] * len(values), np.bool_)
    exact = told(reader(name, is_exact=True).translate(texts, kept))
    assert told(reader(name, is_exact=False).translate(texts, kept)) == exact


def sure(name: str, values: list[bytes]) -> int:
    """How many of these records some compiled way is sure of."""
    texts, rows = Texts.of(values), np.arange(len(values))
    return max(len(way.read(texts, rows).rows) for way in reader(name, is_exact=False).ways)


@each
@pytest.mark.parametrize("setting", ["auto", "named"])
def test_real_records(kind: type[Format], setting: str) -> None:
    """The golden records, alone, together, and all in one array."""
    name = "auto" if setting == "auto" else kind.name
    values = [record for one in FORMATS for record in records(one)]
    both(name, values)
    both(name, [b"[" + b" , ".join(records(kind)) + b"]\n"])
    for record in values:
        both(name, [record])


@each
def test_a_world(kind: type[Format]) -> None:
    """Simulated requests, as the gateway would have logged them: most by the compiled way."""
    events = [dict(event) for event in world()[:1_500]]
    for number, event in enumerate(events):
        event["status"] = ("ok", "error", "refused", "rate_limited")[number % 7 % 4]
        if number % 3:
            event["prompt_text"] = None
    values = [RENDERERS[kind.name](event) for event in events]
    both("auto", values)
    assert sure("auto", values) > 0.6 * len(values)
    arrays = [b"[" + b",".join(values[at : at + 7]) + b"]" for at in range(0, len(values), 7)]
    both("auto", arrays)


@each
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_anything_in_any_place(kind: type[Format], data: st.DataObject) -> None:
    """Records of the format with anything in some places, as different writers write them."""
    events = world()[:40]
    values = []
    for _ in range(data.draw(st.integers(1, 4))):
        rendered = RENDERERS[kind.name](events[data.draw(st.integers(0, 39))])
        source = data.draw(st.sampled_from([rendered, *records(kind)]))
        tree = json.loads(source)
        for _ in range(data.draw(st.integers(0, 3))):
            mutate(tree, data)
        spaced = data.draw(st.booleans())
        values.append(json.dumps(tree, indent=1).encode() if spaced else msgspec.json.encode(tree))
    both("auto", values)
    both(kind.name, values)


@each
@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_any_bytes_in_any_place(kind: type[Format], data: st.DataObject) -> None:
    """Records with bytes put in, taken out or doubled: good, bad or broken, both ways alike."""
    record = RENDERERS[kind.name](world()[data.draw(st.integers(0, 20))])
    for _ in range(data.draw(st.integers(1, 2))):
        at = data.draw(st.integers(0, len(record)))
        gone = data.draw(st.integers(0, 3))
        put = data.draw(
            st.sampled_from([b'"', b"\\", b"\\u0041", b"\\n", b"1", b"-", b".5", b"e9", b"0"])
            | st.sampled_from([b"null", b"{}", b"[]", b",", b":", b" ", b"\xff", b"\xc3\xa9"])
            | st.binary(max_size=3)
        )
        record = record[:at] + put + record[at + gone :]
    both("auto", [record])


@each
@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_keys_that_come_twice_or_elsewhere(kind: type[Format], data: st.DataObject) -> None:
    """A key twice, in another order, or with another's value."""
    tree = msgspec.json.decode(RENDERERS[kind.name](world()[data.draw(st.integers(0, 20))]))
    both("auto", [shuffled(tree, data)])


def shuffled(tree: Any, data: st.DataObject) -> bytes:
    """JSON of a tree with the keys of objects in any order and some of them twice."""
    if isinstance(tree, list):
        return b"[" + b",".join(shuffled(part, data) for part in tree) + b"]"
    if not isinstance(tree, dict):
        return msgspec.json.encode(tree)
    keys = list(tree)
    if keys and data.draw(st.integers(0, 3)) == 0:
        keys = data.draw(st.permutations(keys))
    if keys and data.draw(st.integers(0, 9)) == 0:
        keys.append(data.draw(st.sampled_from(keys)))
    pairs = [orjson.dumps(key) + b":" + shuffled(tree[key], data) for key in keys]
    return b"{" + b",".join(pairs) + b"}"


@settings(max_examples=100, deadline=None)
@given(
    ids=st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=6),
    values=st.lists(json_values, max_size=2),
)
def test_spans_that_know_one_another(ids: list[tuple[int, int]], values: list[Any]) -> None:
    """Spans of one message, some of which are in others; some are no call of a model."""
    spans = []
    for event, (own, parent) in zip(world(), ids, strict=False):
        span = otlp_span(event) | {"spanId": f"{own:016x}", "parentSpanId": ""}
        if parent:
            span["parentSpanId"] = f"{parent:016x}"
        if own == 1:
            span["attributes"] = [{"key": "x", "value": {"stringValue": "y"}}]
        spans.append(span)
    resource = {"attributes": [{"key": "user.id", "value": value} for value in values]}
    scopes = [{"spans": spans[:2]}, {"spans": spans[2:]}]
    both(
        "auto",
        [msgspec.json.encode({"resourceSpans": [{"resource": resource, "scopeSpans": scopes}]})],
    )


def test_many_spans_in_one_message() -> None:
    """Each is an event with the number of its message; what is no call is counted."""
    spans = [otlp_span(event) for event in world()[:50]]
    spans[7]["attributes"] = []
    for span in spans:
        span["attributes"] = [a for a in span["attributes"] if "messages" not in a["key"]]
    message = orjson.dumps({"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]})
    texts = Texts.of([message, otlp_json(dict(world()[50]) | {"prompt_text": None}), message])
    found = reader("auto", is_exact=False).translate(texts, np.zeros(3, np.bool_))
    assert found is not None
    assert found.rows.tolist() == [0] * 49 + [1] + [2] * 49
    assert found.passed_over == Counter({"no_llm_call": 2})
    both("auto", list(texts))


def test_times_and_numbers() -> None:
    """Every shape of a time or a number that gateways write."""
    base = orjson.loads(RENDERERS["litellm"](dict(world()[0]) | {"prompt_text": None}))
    times = [
        "1795996457.20549", "1795996457.2054999999", "1795996457.2055", "1795996457", "0", "0.5",
        "1795996457342", "1795996457342427", "1795996457342427000", "1795996457342.5", "1e9",
        "99999999999.9999", "100000000000", "-5", '"1795996457.2"', '"1795996457342427001"',
        '"01795996457"', '"2026-11-29T10:00:00Z"', "1.7959964572055e9", "179599645720.5",
        '"9795996457342427001"', "1795996457.20450001", "1795996457.2044999",
    ]  # fmt: skip
    numbers = [
        "0", "1", "1.0", "1.50", "0.7", "0.001", "0.0001", "0.00000001", "1e-3", "-0.5", "-0",
        "12.0",
        "123456789.5", "1234567890", "0.1234567890123456", '"0.5"', "true", "null", "[]", "{}",
        "100000000000000000000", "9007199254740993", "7.0", '"7"', '"007"', '"-"', '""', '" 7"',
    ]  # fmt: skip
    values = []
    for places, found in ((("startTime", "endTime"), times), (_COUNTED, numbers)):
        for place in places:
            for written in found:
                text = orjson.dumps(base | {place: "@@"}) if place in base else b""
                if not text:
                    sent = base["model_parameters"] | {place: "@@"}
                    text = orjson.dumps(base | {"model_parameters": sent})
                values.append(text.replace(b'"@@"', written.encode()))
    both("auto", values)


_COUNTED = ("prompt_tokens", "temperature", "top_p", "max_tokens", "n", "logprobs", "stream")


def test_texts() -> None:
    """Texts that say nothing, that are long, escaped, or beyond ASCII, wherever a text may be."""
    base = orjson.loads(RENDERERS["litellm"](dict(world()[0]) | {"prompt_text": None}))
    texts = [
        '""', '"-"', '"null"', '"None"', '"a"', '"' + "x" * 128 + '"', '"' + "x" * 129 + '"',
        '"' + "é" * 70 + '"', '"' + "y" * 300 + '"', '"' + "z" * 1_025 + '"', '"\\u0041"', '"\\/"',
        '"a\\nb"', '"\\ud83d\\ude00"', '"\\ud800"', '"\x7f"', '"failure"', "7", "7.5", "-7", "true",
        "null", "[]", "{}", '"redacted"', '" REDACTED "', '"203.0.113.7"', '"203.0.113.07"',
        '"203.0.113.7, 10.0.0.1"', '"2001:db8::1"', '"10.0.0.1:80"', '"event_id"',
        '"say \\"event_id"',
        '"logEvents"', '["User-Agent: a", "User-Agent: a/b", "x"]', '["User-Agent: \\u0041"]',
        "[1]",
        '[{"role":"user","content":"a"},{"role":"assistant","content":"b"},{"content":"c"}]',
        '[{"role":"user","content":[{"type":"text","text":"a"},{"type":"image_url"}]}]',
        '[{"role":"user","content":"one\\ntwo three four five six seven eight nine"}]',
        '[{"role":"user","content":null,"parts":["x"]}]', '[{"role":"user","content":" "}]',
        '[{"role":["x"],"content":"a"}]', '[{"content":"a","text":"b"}]',
        '[{"content":"a","content":"b"}]',
        '"[1]"', '"{}"', '{"session_id":"s"}', '{"prompt_id":"p"}', '{"error_code":"401"}',
        '{"error_code":"429"}', '{"error_code":500,"error_class":"RateLimitError"}',
        '{"choices":[],"stop_reason":"x"}', '{"choices":[{"finish_reason":"content_filter"},{}]}',
        '{"choices":[{},1]}', '{"choices":null,"stop_reason":"refusal"}',
        '{"stop_reason":"refusal"}',
    ]  # fmt: skip
    places = [(key,) for key in base] + [("metadata", key) for key in base["metadata"]]
    places += [("error_str",), ("user_agent",), ("metadata.user_api_key_hash",)]
    places += [("metadata", "user_agent"), ("metadata", "requester_metadata.session_id")]
    values = []
    for status in ("success", "failure"):
        for place in places:
            for text in texts:
                tree = base | {"status": status}
                if len(place) == 1:
                    tree |= {place[0]: "@@"}
                else:
                    tree |= {"metadata": tree["metadata"] | {place[1]: "@@"}}
                values.append(orjson.dumps(tree).replace(b'"@@"', text.encode()))
    both("auto", values)
    assert sure("auto", values) > 0.15 * len(values)
