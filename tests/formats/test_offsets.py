"""One record may be many events or none: offsets, duplicates and dead letters stay exact."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
import orjson
import pytest

from analyzer.core.config import CoreConfig
from analyzer.core.contracts.records import DeadLetter
from analyzer.core.ingest.step import IngestStep, RawBatch
from analyzer.core.kernels.byte_strings import Texts
from analyzer.core.pipeline import Pipeline, Sharding
from analyzer.formats.options import FormatSettings
from analyzer.formats.reader import Reader

START_MS = 1_772_409_600_000


def event(number: int, **fields: Any) -> dict[str, Any]:
    """A native event."""
    return {
        "event_id": f"e-{number}",
        "timestamp_ms": START_MS + number,
        "account_id": f"a-{number % 3}",
        "model": "m",
        "input_tokens": 1,
        "output_tokens": 2,
        "status": "ok",
    } | fields


def payload(number: int, **fields: Any) -> dict[str, Any]:
    """A LiteLLM payload."""
    return {
        "litellm_call_id": f"c-{number}",
        "call_type": "acompletion",
        "status": "success",
        "startTime": (START_MS + number) / 1_000,
        "model": "m",
        "prompt_tokens": 1,
        "completion_tokens": 2,
        "metadata": {"user_api_key_hash": "key"},
    } | fields


RECORDS = [
    orjson.dumps(event(1)),
    orjson.dumps([event(2), payload(3), {"nothing": 1}, event(4, input_tokens=-1)]),
    orjson.dumps(payload(5, cache_hit=True)),
    b"not json",
    orjson.dumps({"specversion": "1.0", "data": payload(6)}),
    orjson.dumps([event(7, input_tokens=-1), event(8, input_tokens=-2), event(9)]),
    b"[]",
]
TAKEN = [1, 2, 2, 5, 6]
"""Offset of each good event."""


def step() -> IngestStep:
    """A blank one that knows all formats."""
    made = IngestStep(CoreConfig(keep_payloads=True), source=0, source_name="topic", shards=1)
    made.understand(Reader(FormatSettings(), 1_048_576))
    return made


def feed(
    made: IngestStep, first: int, last: int, *, timed: bool
) -> tuple[list[int], list[DeadLetter]]:
    """Records with offsets from ``first + 1`` on: offsets of the events taken, and dead letters."""
    offsets = np.arange(first + 1, last + 1)
    append_ms = np.full(last - first, START_MS) if timed else None
    output = made.feed(RawBatch(Texts.of(RECORDS[first:last]), offsets, append_ms))
    [block] = output.made
    assert block.stop == last + 1
    return block.rows.offset.tolist(), output.dead


@pytest.mark.parametrize("timed", [True, False], ids=["topic", "file"])
@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_every_event_has_its_records_offset(size: int, *, timed: bool) -> None:
    """Whatever the batches; a file's first events wait for its end."""
    made = step()
    taken: list[int] = []
    dead: list[DeadLetter] = []
    for first in range(0, len(RECORDS), size):
        offsets, letters = feed(made, first, min(first + size, len(RECORDS)), timed=timed)
        taken += offsets
        dead += letters
    output = made.finish()
    [block] = output.made
    taken += block.rows.offset.tolist()
    dead += output.dead
    assert sorted(taken) == sorted([*TAKEN])
    places = sorted((letter.offset, letter.reason) for letter in dead)
    assert places == [
        (2, "missing_field"),
        (2, "out_of_range"),
        (4, "not_json"),
        (6, "out_of_range"),
    ]
    for letter in dead:
        assert base64.b64decode(letter.payload_base64) == RECORDS[letter.offset - 1]


def test_what_is_no_request_is_counted() -> None:
    """By why not; the records are counted as records."""
    offsets = np.arange(len(RECORDS))
    output = step().feed(RawBatch(Texts.of(RECORDS), offsets, np.full(len(RECORDS), START_MS)))
    assert output.counts["passed_over", "cache_hit"] == 1
    assert output.counts["passed_over", "control"] == 1
    assert output.count("events") == len(RECORDS)


def test_tries_of_one_request_count_once() -> None:
    """A failure and the answer under one id are one request, whichever comes first."""
    failure = payload(1, status="failure", completion_tokens=0)
    answer = payload(1, startTime=(START_MS + 900) / 1_000)
    other = payload(2, status="failure", completion_tokens=0, metadata={"user_api_key_hash": "b"})
    for order in ([failure, answer, other], [other, answer, failure]):
        pipeline = Pipeline(CoreConfig(warmup_s=0), Sharding(("x", "y")))
        pipeline.understand(Reader(FormatSettings(), 1_048_576))
        values = Texts.of(map(orjson.dumps, order))
        made = pipeline.read(0, RawBatch(values, np.arange(3))).made
        ends = [pipeline.read(source, None).made for source in (0, 1)]
        rows = [pane.rows for blocks in (made, *ends) for pane in pipeline.gather(blocks).made]
        requests = sum(int(table.account_requests.sum()) for table in rows)
        assert requests == 2
        assert sum(int(table.org_output_tokens.sum()) for table in rows) == 2


def test_neighbours_change_nothing() -> None:
    """A native record among others is read as it is alone, wherever it stands."""
    native = [
        orjson.dumps(event(1)),
        orjson.dumps(event(2, specversion="1.0")),
        b" " * 100 + orjson.dumps(event(3)),
        orjson.dumps(event(4, user_agent="é")),
        orjson.dumps(event(5, input_tokens=-1)),
        orjson.dumps({"specversion": "1.0", "type": "x", "data": event(6)}),
    ]
    for position in range(20):
        values = [orjson.dumps(payload(100 + number)) for number in range(200)]
        values[position : position + 1] = native
        offsets = np.arange(len(values))
        output = step().feed(RawBatch(Texts.of(values), offsets, np.full(len(values), START_MS)))
        [block] = output.made
        good = set(offsets.tolist()) - {position + 4}
        assert set(block.rows.offset.tolist()) == good
        assert [letter.offset for letter in output.dead] == [position + 4]
