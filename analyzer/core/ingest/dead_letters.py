"""What is kept of a record that can't be used: why, where, its shape and a keyed hash.

The record itself may hold a prompt or an address. So its bytes are kept only where the setting
``core.keep_payloads`` asks for them.
"""

from __future__ import annotations

import base64
from hashlib import blake2b
from typing import Any

import msgspec

from analyzer.core.config import CoreConfig
from analyzer.core.contracts.lenient_json import read_object
from analyzer.core.contracts.records import DeadLetter
from analyzer.core.contracts.request_event import RequestEvent
from analyzer.errors import BadRecord

PAYLOAD_LIMIT = 65_536
LATE = BadRecord("late", "its pane was sealed")
FUTURE = BadRecord(
    "future", "further ahead of its source's time than max_future_s, and nothing near bears it out"
)
UNIT = BadRecord(
    "time_unit",
    "`timestamp_ms` is not set, or is in seconds, microseconds or nanoseconds; give milliseconds",
)
CLOCK_REASONS = frozenset({"late", "future"})
"""Reasons that speak of clocks, not of the format."""


def dead_letter(
    bad: BadRecord, value: bytes, source: str, partition: int, offset: int, config: CoreConfig
) -> DeadLetter:
    """A record that can't be used, with its place."""
    kept = value[:PAYLOAD_LIMIT] if config.keep_payloads else _sketch(value, config.hash_key)
    return DeadLetter(
        reason=bad.reason,
        detail=bad.detail,
        source=source,
        partition=partition,
        offset=offset,
        payload_base64=base64.b64encode(kept).decode(),
        payload_bytes=len(value),
    )


def _sketch(value: bytes, key: str) -> bytes:
    """What tells two records apart and one kind of fault from another, and nothing more."""
    digest = blake2b(value, key=key.encode()[:64], digest_size=16).hexdigest()
    return msgspec.json.encode({"hash": digest, "shape": shape_of(value)})


def shape_of(value: bytes) -> str:
    """Known fields with the kind and size of what stands in them, and nothing of it.

    Examples
    --------
    >>> shape_of(b'{"model":"m-1","output_tokens":-4,"my secret":"x"}')
    'model: text of 3, output_tokens: number, 1 unknown field'
    >>> shape_of(b"my secret")
    'no JSON object'
    """
    if len(value) > PAYLOAD_LIMIT:
        return "not looked at: too long"
    try:
        given = read_object(value)
    except BadRecord:
        return "no JSON object"
    parts = [f"{name}: {_kind(given[name])}" for name in _KNOWN if name in given]
    if unknown := len(given) - len(parts):
        parts.append(f"{unknown} unknown field{'s' if unknown > 1 else ''}")
    return ", ".join(parts) or "an empty object"


def _kind(value: Any) -> str:
    if isinstance(value, str):
        return f"text of {len(value)}"
    if isinstance(value, bool):
        return "flag"
    return _KINDS.get(type(value), "nothing")


_KINDS = {int: "number", float: "number", list: "list", dict: "object"}
_KNOWN = RequestEvent.__struct_fields__
