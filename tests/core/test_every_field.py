"""Every field of ``llm.request.v1`` is read by something, or the contract says that none does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import orjson
import pytest

from analyzer.core.config import CoreConfig
from analyzer.core.contracts.decode import decode_event
from analyzer.core.contracts.events import ARRAY_FIELDS, EventColumns
from analyzer.core.contracts.request_event import RequestEvent
from analyzer.core.ingest.columnize import Columnizer
from analyzer.core.kernels.byte_strings import Texts

SCHEMA = Path(__file__).parents[2] / "schemas" / "llm.request.v1.json"
UNREAD = "Nothing reads it"
ONE: dict[str, Any] = {
    "event_id": "e", "timestamp_ms": 1_772_409_600_000, "account_id": "a", "model": "m",
    "input_tokens": 1, "output_tokens": 2, "status": "ok",
}  # fmt: skip
OTHER: dict[str, Any] = {
    "event_id": "f", "timestamp_ms": 1_772_409_600_001, "account_id": "b", "model": "n",
    "input_tokens": 9, "output_tokens": 3, "status": "refused", "schema_version": 1,
    "client_ip": "203.0.113.7", "ip_prefix": "203.0.113.0/24", "org_id": "o",
    "account_created_ms": 1, "api_key_id": "k", "end_user_id": "u", "conversation_id": "c",
    "asn": 64_500, "country": "IS", "user_agent": "curl/8", "tls_ja4": "t13d", "payment_ref": "p",
    "signup_ref": "s", "operation": "chat", "stream": True, "logprobs": True, "temperature": 0.5,
    "top_p": 0.5, "max_tokens": 9, "n": 2, "reasoning_tokens": 4, "latency_ms": 5,
    "finish_reason": "stop", "prompt_template_id": "t", "prompt_text": "Say " * 40,
    "prompt_hash": "h",
}  # fmt: skip
"""Another value of each field."""


def seen(event: dict[str, Any], *, exact: bool) -> dict[str, Any]:
    """All that goes on from here of an event, by the scanner or by the exact decoder."""
    columnizer, record = Columnizer(CoreConfig()), orjson.dumps(event)
    columns: EventColumns
    if exact:
        columns = columnizer.columns([decode_event(record, len(record))], [0])
    else:
        columns, plain = columnizer.scan(Texts.of([record]), np.arange(1))
        assert plain.all()
    arrays = {name: getattr(columns, name).tolist() for name in ARRAY_FIELDS}
    return arrays | {"names": columns.names.as_dict()}


def unread() -> set[str]:
    """Fields of which the contract says that nothing reads them."""
    fields = orjson.loads(SCHEMA.read_bytes())["properties"]
    return {name for name, field in fields.items() if UNREAD in field["description"]}


def test_every_field_is_tried() -> None:
    """A field that is added has a value here."""
    assert set(OTHER) == {field.name for field in msgspec.structs.fields(RequestEvent)}


@pytest.mark.parametrize("exact", [False, True], ids=["scanner", "decoder"])
def test_what_is_read_goes_on(*, exact: bool) -> None:
    """A field's other value changes what goes on, unless the contract says that it does not."""
    before = seen(ONE, exact=exact)
    fields = [name for name in OTHER if exact or name != "prompt_text"]  # the decoder's own
    still = {name for name in fields if seen(ONE | {name: OTHER[name]}, exact=exact) == before}
    assert still - {"schema_version"} == unread()
