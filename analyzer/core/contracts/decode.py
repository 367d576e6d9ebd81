"""Raw records to events: typed, validated, each bad one with its reason."""

from __future__ import annotations

import re
from codecs import BOM_UTF8
from collections.abc import Callable
from typing import TypeVar

import msgspec

from analyzer.core.contracts.request_event import RequestEvent
from analyzer.errors import BadRecord

_REASONS = (
    ("missing required field", "missing_field"),
    ("Invalid enum", "out_of_range"),
    ("of length", "out_of_range"),
    (">=", "out_of_range"),
    ("<=", "out_of_range"),
    ("Number out of range", "out_of_range"),
    ("Integer value out of range", "out_of_range"),
    ("Expected", "wrong_type"),
)

T = TypeVar("T")

UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""What msgspec raises of bytes that it can't read, also where they are nested too deep for it."""

_decode = msgspec.json.Decoder(RequestEvent).decode


def decode_event(value: bytes, max_bytes: int) -> RequestEvent:
    """One raw record of the native format as an event.

    Raises
    ------
    BadRecord
        With reason empty, too_large, invalid_utf8, not_json, missing_field, wrong_type or
        out_of_range.

    Examples
    --------
    >>> decode_event(b"{", 100)
    Traceback (most recent call last):
    analyzer.errors.BadRecord: not_json: Input data was truncated
    """
    return decode_with(_decode, value, max_bytes)


def decode_with(decode: Callable[[bytes], T], value: bytes, max_bytes: int) -> T:
    """One raw record as whatever ``decode``, a typed msgspec decoder, makes of it.

    Raises
    ------
    BadRecord
        As :func:`decode_event`.
    """
    if len(value) > max_bytes:
        raise BadRecord("too_large", f"{len(value)} bytes; the limit is {max_bytes}")
    value = value.removeprefix(BOM_UTF8)
    try:
        if not value.isascii():
            value.decode()
        return decode(value)
    except UnicodeDecodeError as error:
        raise BadRecord("invalid_utf8", str(error)) from error
    except msgspec.ValidationError as error:
        raise BadRecord(_classify(str(error)), told(error)) from error
    except UNREADABLE as error:
        reason = "not_json" if value.strip() else "empty"
        raise BadRecord(reason, str(error)) from error


def told(error: msgspec.ValidationError) -> str:
    """What it says of the field and the rule, without the value, which may be anybody's secret.

    Examples
    --------
    >>> from typing import Literal
    >>> try:
    ...     msgspec.json.decode(b'["a secret"]', type=list[Literal["ok"]])
    ... except msgspec.ValidationError as error:
    ...     told(error)
    'Invalid enum value - at `$[...]`'
    """
    said = str(error)
    if not said.startswith(_WITH_VALUE):
        return said
    place = _PLACE.search(said)
    return _WITH_VALUE + (place[0] if place else "")


_WITH_VALUE = "Invalid enum value"
_PLACE = re.compile(r" - at `\$[\w.\[\]]*`$")


def _classify(message: str) -> str:
    return next((reason for needle, reason in _REASONS if needle in message), "wrong_type")
