"""Whatever comes in from outside is taken or refused with a reason, never an error of ours."""

from __future__ import annotations

import json
from codecs import BOM_UTF8
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzer.core.config import CoreConfig
from analyzer.core.contracts import blocks
from analyzer.core.contracts.blocks import EventBlock
from analyzer.core.contracts.decode import decode_event
from analyzer.core.contracts.feedback import decode_feedback
from analyzer.core.contracts.snapshot_codec import unpack
from analyzer.core.ingest.step import IngestStep, RawBatch
from analyzer.core.kernels.byte_strings import Texts
from analyzer.core.pipeline import Pipeline
from analyzer.errors import BadRecord, StateError, UsageError
from analyzer.formats.options import FormatSettings
from analyzer.formats.reader import Reader
from analyzer.replay.families import families
from analyzer.replay.json_values import is_by_line
from analyzer.settings import Settings
from analyzer.stream.transport.message_chunks import MARK, Assembler

EXAMPLES = Path(__file__).parents[2] / "schemas" / "examples"
EVENTS = [file.read_bytes() for file in sorted((EXAMPLES / "llm.request.v1").glob("*/*.json"))]
FEEDBACK = [file.read_bytes() for file in sorted((EXAMPLES / "feedback.v1").glob("*/*.json"))]
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=3,
)


@st.composite
def damaged(draw: st.DrawFn, whole: list[bytes]) -> bytes:
    """One of these with bytes changed, put in, left out, or a field replaced."""
    data = draw(st.sampled_from(whole))
    if draw(st.booleans()):
        fields = json.loads(data)
        for name in draw(st.lists(st.sampled_from(sorted(fields) or ["x"]), max_size=3)):
            fields[name] = draw(VALUES)
        return json.dumps(fields).encode()
    at, drop = draw(st.integers(0, len(data))), draw(st.integers(0, 9))
    return data[:at] + draw(st.binary(max_size=9)) + data[at + drop :]


@settings(max_examples=150)
@given(st.lists(damaged(EVENTS), min_size=1, max_size=40), st.booleans())
def test_any_records_go_the_whole_way(lines: list[bytes], topic: bool) -> None:
    """Each record is an event or one dead letter, and the steps after ingest take what it gives."""
    config = CoreConfig(warmup_s=0)
    step = IngestStep(config, source=0, source_name="odd", shards=1)
    append = np.arange(len(lines)) if topic else None
    output = step.feed(RawBatch(Texts.of(lines), np.arange(len(lines)), append))
    last = step.finish()
    events = sum(len(block.rows) for block in [*output.made, *last.made])
    assert events + len(output.dead) + len(last.dead) == len(lines)
    pipeline = Pipeline(config)
    for made in (output.made, last.made):
        for block in made:
            assert blocks.decode(blocks.encode(block), EventBlock).stop == block.stop
        list(pipeline.judge(pipeline.gather(list(made)).made).made)


@settings(max_examples=300)
@given(damaged(FEEDBACK) | st.binary(max_size=60))
def test_any_feedback_is_taken_or_refused(value: bytes) -> None:
    """And what is taken can be written again."""
    try:
        said = decode_feedback(value, 10_000)
    except BadRecord as bad:
        assert bad.reason  # noqa: PT017 - either outcome is right
        return
    assert decode_feedback(msgspec.json.encode(said), 10_000) == said


[BLOCK] = (
    IngestStep(CoreConfig(), source=0, source_name="x", shards=1)
    .feed(RawBatch(Texts.of(EVENTS), np.arange(len(EVENTS)), np.arange(len(EVENTS))))
    .made
)
WHOLE = blocks.encode(BLOCK)


@settings(max_examples=300)
@given(st.integers(0, len(WHOLE)), st.integers(0, 9), st.binary(max_size=9))
def test_any_bytes_are_a_block_or_a_state_error(at: int, drop: int, junk: bytes) -> None:
    """A block with bytes changed anywhere."""
    try:
        blocks.decode(WHOLE[:at] + junk + WHOLE[at + drop :], EventBlock)
    except StateError as error:
        assert str(error)  # noqa: PT017 - either outcome is right


NAMES = st.sampled_from(
    [
        *(f"CORE__{name.upper()}" for name in CoreConfig.model_fields),
        *(name.upper() for name in Settings.model_fields),
        *("WORKER__STUCK_AFTER_S", "HEALTH__PORT", "SLACK__WEBHOOK_URL", "KAFKA__SASL_PASSWORD"),
    ]
)


@settings(max_examples=200)
@given(
    name=NAMES, value=st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=20)
)
def test_any_setting_is_taken_or_refused_by_name(name: str, value: str) -> None:
    """Whatever stands in the environment."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(f"ANALYZER_{name}", value)
        try:
            Settings.load()
        except UsageError as error:
            key: Any = name.lower().replace("__", ".")
            assert key.partition(".")[0] in str(error).lower()  # noqa: PT017 - either is right


@pytest.mark.parametrize(
    "settings_",
    [{"pseudonymise": True}, {"pseudonymise": True, "hash_key": "x", "keep_payloads": True}],
)
def test_pseudonyms_that_hide_nothing_are_refused(settings_: dict[str, Any]) -> None:
    """With the key that everybody knows, or beside the records themselves."""
    with pytest.raises(ValueError, match="pseudonymise"):
        CoreConfig(**settings_)


def test_pseudonyms_reach_everything_that_is_shown() -> None:
    """Accounts, templates, clients and payments, on both ways through ingest."""
    config = CoreConfig(pseudonymise=True, hash_key="a secret of ours")
    fields = {
        "event_id": "e",
        "timestamp_ms": 1_772_532_000_000,
        "account_id": "PRIVATE-1",
        "org_id": "PRIVATE-2",
        "model": "m",
        "input_tokens": 1,
        "output_tokens": 1,
        "status": "ok",
        "user_agent": "PRIVATE-3",
        "payment_ref": "PRIVATE-4",
        "prompt_template_id": "PRIVATE-5",
        "tls_ja4": "PRIVATE-6",
        "client_ip": "203.0.113.7",
    }
    lines = [json.dumps(fields).encode(), json.dumps(fields | {"prompt_text": "PRIVATE"}).encode()]
    lines.append(json.dumps(fields | {"status": "PRIVATE"}).encode())
    step = IngestStep(config, source=0, source_name="x", shards=1)
    output = step.feed(RawBatch(Texts.of(lines), np.arange(3), np.arange(3)))
    [block] = output.made
    assert len(block.rows) == 2
    assert "m" in block.rows.names.texts()
    assert not [text for text in block.rows.names.texts() if "PRIVATE" in text]
    assert "PRIVATE" not in repr(output.dead)


DEPTH = 5_000
"""More than the interpreter's own stack; what reads recursively fails at it."""
DEEP = {
    "arrays": b"[" * DEPTH,
    "whole arrays": b"[" * DEPTH + b"]" * DEPTH,
    "objects": b'{"a":' * DEPTH,
    "in a native field": EVENTS[0].rstrip(b"}\n") + b',"x":' + b"[" * DEPTH + b"]" * DEPTH + b"}",
    "in a batch": b'{"logEvents":' + b"[" * DEPTH + b"]" * DEPTH + b"}",
    "marks of order": BOM_UTF8 * DEPTH + EVENTS[0],
    "a packed array": b"\x91" * DEPTH,
    "a part of a block": MARK + b"\x91" * DEPTH,
}
READER = Reader(FormatSettings(), 1_048_576)
BORDERS: dict[str, Callable[[bytes], object]] = {
    "any format": READER.outcomes,
    "its name": READER.format_of,
    "a file's first lines": is_by_line,
    "feedback": lambda value: decode_feedback(value, 1_048_576),
    "a block": lambda value: blocks.decode(value, EventBlock),
    "a part": lambda value: Assembler().feed(0, value),
    "a saved state": lambda value: unpack("account", 1, value),
    "a prompt": lambda value: list(families([value], "key")),
}


@pytest.mark.parametrize("border", BORDERS)
@pytest.mark.parametrize("kind", DEEP)
def test_what_is_nested_too_deep_stops_nobody(border: str, kind: str) -> None:
    """It is read, or refused as any other: one such record would end every worker that reads it."""
    with suppress(BadRecord, StateError):
        BORDERS[border](DEEP[kind])


PRIVATE = "a secret - at `$.x`"


@pytest.mark.parametrize("kind", ["llm.request.v1", "feedback.v1"])
def test_no_refusal_shows_what_stood_there(kind: str) -> None:
    """In whatever field of whatever record: it may be a prompt, an address or a name."""
    whole = json.loads(next((EXAMPLES / kind / "valid").glob("*.json")).read_bytes())
    places = [(name,) for name in whole] + [
        (name, inner) for name, value in whole.items() if isinstance(value, dict) for inner in value
    ]
    for place in places:
        for value in (PRIVATE, [PRIVATE], {PRIVATE: PRIVATE}, PRIVATE * 500):
            record = json.loads(json.dumps(whole))
            table = record if len(place) == 1 else record[place[0]]
            table[place[-1]] = value
            line = json.dumps(record).encode()
            try:
                decode_feedback(line, 9_999) if kind == "feedback.v1" else decode_event(line, 9_999)
            except BadRecord as bad:
                assert "secret" not in str(bad)  # noqa: PT017 - either outcome is right
            for outcome in READER.outcomes(line):
                assert "secret" not in str(outcome if isinstance(outcome, BadRecord) else "")
