"""Events whose optional fields are odd: what can be read is kept, what can't is dropped.

A client chooses what stands in a header, a name or a parameter. If one such field cost the
whole event, it would be a way to hide; so only the fields that the analysis can't do without
may refuse an event, and everything else is mended (a number written as text), cut (a text too
long) or dropped, and counted by the name of its field.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple, get_args

from msgspec import inspect

from analyzer.core.contracts.decode import decode_event
from analyzer.core.contracts.hashing import LONGEST_LIST, BlockCache
from analyzer.core.contracts.lenient_json import clean, read_object
from analyzer.core.contracts.request_event import MAX_INT, RequestEvent, Status
from analyzer.errors import BadRecord


class Read(NamedTuple):
    """One event as far as it could be read."""

    event: RequestEvent
    mended: tuple[str, ...] = ()
    """Fields that were not taken as they stand."""


def read_event(value: bytes, max_bytes: int, blocks: BlockCache) -> Read:
    """One raw record of the native format.

    Raises
    ------
    BadRecord
        With reason empty, too_large, not_json, missing_field, wrong_type, out_of_range or
        time_unit; its detail names the field and the rule, never the value.

    Examples
    --------
    >>> good = b'"timestamp_ms":1772532000000,"account_id":"a","model":"m","input_tokens":1,'
    >>> line = b'{"event_id":"e",' + good + b'"output_tokens":2.0,"status":"ok","max_tokens":-1}'
    >>> read = read_event(line, 1_000, BlockCache())
    >>> read.event.output_tokens, read.event.max_tokens, read.mended
    (2, None, ('max_tokens',))
    """
    try:
        event = decode_event(value, max_bytes)
        blocks[event.client_ip or event.ip_prefix]
    except BadRecord as bad:
        if bad.reason == "too_large":
            raise
        return mended_event(read_object(value), blocks)
    return Read(event)


def mended_event(given: dict[str, Any], blocks: BlockCache) -> Read:
    """The event in these fields, whatever wrote them.

    Raises
    ------
    BadRecord
        If a field that is needed can't be read.
    """
    taken: dict[str, Any] = {}
    mended: list[str] = []
    for field in _NEEDED:
        if field.name not in given:
            raise BadRecord("missing_field", f"`{field.name}` is needed")
        raw = given[field.name]
        taken[field.name] = found = field.read(raw, field)
        if _differs(raw, found):
            mended.append(field.name)
    for name, raw in given.items():
        optional = _OPTIONAL.get(name)
        if optional is None or (raw is None and name != "schema_version"):
            continue
        taken[name] = found = _read(optional, raw, blocks)
        if _differs(raw, found):
            mended.append(name)
        if found is None:
            del taken[name]
    return Read(RequestEvent(**taken), tuple(sorted(mended)))


def _read(field: _Field, raw: Any, blocks: BlockCache) -> Any:
    """What stands in an optional field; None if it can't be read."""
    try:
        found = field.read(raw, field)
        if field.name in _ADDRESSES:
            blocks[found or None]
    except BadRecord:
        return None
    return found


def _differs(raw: Any, found: Any) -> bool:
    """Whether the value was not taken as it stood; 2.0 is as good as 2, and true is not 1."""
    return bool(found != raw) or isinstance(raw, bool) is not isinstance(found, bool)


class _Field(NamedTuple):
    name: str
    needed: bool
    read: Callable[[Any, _Field], Any]
    least: float
    most: float


def _text(raw: Any, field: _Field) -> str:
    """A text, cut where it is too long; a whole number is one too."""
    if isinstance(raw, int) and not isinstance(raw, bool):
        raw = str(raw) if abs(raw) <= 2**64 else None
    if not isinstance(raw, str):
        raise BadRecord("wrong_type", f"`{field.name}` is no text")
    text = clean(raw)
    if len(text) < field.least:
        raise BadRecord("out_of_range", f"`{field.name}` is empty")
    return text if len(text) <= field.most else text[: int(field.most)]


def _account(raw: Any, field: _Field) -> str:
    """As ``_text``, but never cut: two accounts must not become one."""
    if isinstance(raw, str) and len(raw) > field.most:
        raise BadRecord("out_of_range", f"`{field.name}` has more than {field.most:.0f} characters")
    return _text(raw, field)


def _event_id(raw: Any, field: _Field) -> str:
    """As ``_text``; where gateways take it from a header, it may be empty."""
    return "" if raw == "" else _text(raw, field)


def _organisation(raw: Any, field: _Field) -> str | None:
    """As ``_account``; an empty one is none."""
    return None if raw == "" else _account(raw, field)


def _number(raw: Any, field: _Field) -> float:
    if isinstance(raw, str):
        raw = _number_in(raw)
    if isinstance(raw, bool) or not isinstance(raw, int | float):
        raise BadRecord("wrong_type", f"`{field.name}` is no number")
    if not field.least <= raw <= field.most or abs(raw) == math.inf:
        raise BadRecord(
            "out_of_range", f"`{field.name}` is not in {field.least:.0f} to {field.most:.0f}"
        )
    return raw


def _number_in(text: str) -> float | None:
    if len(text) > 40 or "_" in text or not text.isascii():
        return None
    try:
        return int(text)
    except ValueError:
        pass
    try:
        return float(text)
    except ValueError:
        return None


def _whole(raw: Any, field: _Field) -> int:
    """A whole number; of a fraction its whole part, since no count needs more."""
    return math.floor(_number(raw, field))


def _real(raw: Any, field: _Field) -> float:
    return float(_number(raw, field))


def _time(raw: Any, field: _Field) -> int:
    if isinstance(raw, str) and _number_in(raw) is None:
        raise BadRecord("time_unit", f"`{field.name}` is text; give whole milliseconds since 1970")
    number = _number_in(raw) if isinstance(raw, str) else raw
    if isinstance(number, int | float) and MAX_INT < number < math.inf:
        raise wrong_unit("nanoseconds")
    return _whole(raw, field)


def _flag(raw: Any, field: _Field) -> bool:
    if isinstance(raw, bool):
        return raw
    found = _FLAGS.get(raw.strip().lower()) if isinstance(raw, str) else None
    if found is None and isinstance(raw, int | float) and raw in {0, 1}:
        return bool(raw)
    if found is None:
        raise BadRecord("wrong_type", f"`{field.name}` is neither true nor false")
    return found


def _status(raw: Any, field: _Field) -> str:
    if not isinstance(raw, str):
        raise BadRecord("wrong_type", f"`{field.name}` is no text")
    if raw not in get_args(Status):
        raise BadRecord("out_of_range", f"`{field.name}` is none of {', '.join(get_args(Status))}")
    return raw


def _version(raw: Any, field: _Field) -> int:
    if isinstance(raw, bool) or raw != 1:
        raise BadRecord("out_of_range", f"`{field.name}` is not 1")
    return 1


def _address(raw: Any, field: _Field) -> str:
    """The text as it stands, long lists too: the block is read from it, and no more kept."""
    if not isinstance(raw, str):
        raise BadRecord("wrong_type", f"`{field.name}` is no text")
    return clean(raw[:LONGEST_LIST])


def wrong_unit(unit: str) -> BadRecord:
    """What is said of a time in another unit than milliseconds."""
    return BadRecord("time_unit", f"`timestamp_ms` looks like {unit}; give milliseconds since 1970")


_FLAGS = {"true": True, "false": False}
_ADDRESSES = frozenset({"client_ip", "ip_prefix"})
_OWN: dict[str, Callable[[Any, _Field], Any]] = {
    "event_id": _event_id,
    "account_id": _account,
    "org_id": _organisation,
    "timestamp_ms": _time,
    "status": _status,
    "schema_version": _version,
    "client_ip": _address,
    "ip_prefix": _address,
}
_BY_TYPE: dict[type, Callable[[Any, _Field], Any]] = {
    inspect.StrType: _text,
    inspect.IntType: _whole,
    inspect.FloatType: _real,
    inspect.BoolType: _flag,
}


def _field(field: inspect.Field) -> _Field:
    options = getattr(field.type, "types", (field.type,))
    [kind] = [option for option in options if not isinstance(option, inspect.NoneType)]
    read = _OWN.get(field.encode_name) or _BY_TYPE[type(kind)]
    if isinstance(kind, inspect.StrType):
        return _Field(
            field.encode_name,
            field.required,
            read,
            kind.min_length or 0,
            math.inf if kind.max_length is None else kind.max_length,
        )
    least, most = getattr(kind, "ge", None), getattr(kind, "le", None)
    return _Field(
        field.encode_name,
        field.required,
        read,
        -math.inf if least is None else least,
        math.inf if most is None else most,
    )


_FIELDS = tuple(map(_field, inspect.type_info(RequestEvent).fields))  # type: ignore[attr-defined] # a StructType
_NEEDED = tuple(field for field in _FIELDS if field.needed)
_OPTIONAL = {field.name: field for field in _FIELDS if not field.needed}
