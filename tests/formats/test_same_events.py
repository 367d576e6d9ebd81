"""A simulated world in every format gives the events of its native form, but for stated losses."""

from __future__ import annotations

import functools
from typing import Any

import msgspec
import numpy as np
import orjson
import pytest

from analyzer.core.config import CoreConfig
from analyzer.core.contracts.records import Record, encode_record
from analyzer.core.contracts.request_event import RequestEvent
from analyzer.core.ingest.step import RawBatch
from analyzer.core.kernels.byte_strings import Texts
from analyzer.core.pipeline import Pipeline, Sharding
from analyzer.formats.catalog import FORMATS
from analyzer.formats.options import FormatSettings
from analyzer.formats.protocol import Format
from analyzer.formats.reader import Reader
from analyzer.simulate import generate
from analyzer.testing.gateway_records import RENDERERS, full_events

LIMIT = 1_048_576


@functools.cache
def world() -> tuple[dict[str, Any], ...]:
    """Requests of a small world with prompts, each with the optional fields of a real client."""
    return tuple(
        event | {"end_user_id": f"end-user-{number % 7}", "stream": number % 2 == 0}
        for number, event in enumerate(full_events())
    )


def lessened(event: dict[str, Any], kind: type[Format]) -> RequestEvent:
    """The native event without what this format loses."""
    lost = set(kind.losses)
    if kind.name not in {"native", "cloudevents"}:
        lost |= {"ip_prefix"}
    kept = {key: value for key, value in event.items() if key not in lost}
    return msgspec.convert(kept, RequestEvent)


def differing(one: RequestEvent, other: RequestEvent, lost: set[str]) -> dict[str, Any]:
    """Fields that are not the same, and those that are there though said to be lost."""
    left, right = msgspec.structs.asdict(one), msgspec.structs.asdict(other)
    return {key: (left[key], right[key]) for key in left if left[key] != right[key]} | {
        key: right[key] for key in lost if right[key] is not None
    }


@pytest.mark.parametrize("kind", FORMATS, ids=lambda kind: kind.name)
@pytest.mark.parametrize("setting", ["auto", "named"])
def test_every_event_comes_back(kind: type[Format], setting: str) -> None:
    """Field by field, by probing and by name; a field that is said to be lost is never there."""
    reader = Reader(
        FormatSettings(name="auto" if setting == "auto" else kind.name),
        LIMIT,
    )
    if kind.name == "native" and setting == "named":
        return
    for event in world()[:1_500]:
        record = RENDERERS[kind.name](event)
        [found] = reader.outcomes(record)
        assert isinstance(found, bytes), (found, record)
        read = msgspec.json.decode(found, type=RequestEvent)
        expected = lessened(event, kind)
        if expected.operation == "completion" and read.operation == "chat":
            read = msgspec.structs.replace(read, operation="completion")  # no path says more
        assert differing(expected, read, set(kind.losses)) == {}, record


def alerts(values: list[bytes], reader: Reader | None, batch: int) -> list[bytes]:
    """What a pipeline makes of these records."""
    pipeline = Pipeline(CoreConfig(warmup_s=0), Sharding(("test",)))
    pipeline.understand(reader)
    found: list[Record] = []
    for at in range(0, len(values), batch):
        part = values[at : at + batch]
        raw = RawBatch(Texts.of(part), np.arange(at, at + len(part)))
        output = pipeline.feed(0, raw)
        assert output.dead == []
        found += output.made
    found += pipeline.finish().made
    return [encode_record(record) for record in found]


def test_mixed_formats_give_the_same_records() -> None:
    """A topic of many formats, in batches of any size: the alerts of the native events."""
    kinds = [kind for kind in FORMATS if kind.name in {"native", "cloudevents", "litellm"}]
    lost = {field for kind in kinds for field in kind.losses} | {"ip_prefix"}
    lost -= {"api_key_id"}  # which nothing reads
    events = []
    for event in map(orjson.loads, generate("smoke", 5, 0.5, 1.5).lines()):
        kept = {key: value for key, value in event.items() if key not in lost}
        events.append(kept)
    renderers = [RENDERERS[kind.name] for kind in kinds]
    mixed = [renderers[n % len(renderers)](event) for n, event in enumerate(events)]
    plain = [orjson.dumps(event) for event in events]
    reader = Reader(FormatSettings(), LIMIT)
    expected = alerts(plain, None, 5_000)
    assert expected
    assert alerts(mixed, reader, 5_000) == expected
    assert alerts(mixed, reader, 331) == expected
