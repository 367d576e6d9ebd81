"""JSON objects as gateways really write them: read as far as there is no doubt what is meant.

Bytes that are no UTF-8, half an emoji, control characters and wrong escapes come from whatever
a client put into a header. They cost a text its odd characters, never a record.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import msgspec

from analyzer.core.contracts.decode import UNREADABLE
from analyzer.errors import BadRecord

LONGEST_NUMBER = 400
"""Digits; a longer one is no number."""
_BOM = b"\xef\xbb\xbf"
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|.|$)", re.DOTALL)
_PLAIN_ESCAPES = frozenset('"\\/bfnrt')


def read_object(value: bytes) -> dict[str, Any]:
    r"""The fields of one JSON object; texts may hold halves of surrogate pairs (:func:`clean`).

    Raises
    ------
    BadRecord
        With reason empty, not_json or, if it is JSON but no object, wrong_type.

    Examples
    --------
    >>> read_object(b'{"a":"caf\xe9","b":"\\x22","c":NaN}')
    {'a': 'café', 'b': '"', 'c': nan}
    """
    text = decoded(value.removeprefix(_BOM))
    if not text.strip():
        raise BadRecord("empty", "nothing but white space")
    try:
        found = msgspec.json.decode(text)  # fast, and strict
    except (*UNREADABLE, UnicodeEncodeError):
        found = _leniently(text)
    if not isinstance(found, dict):
        raise BadRecord("wrong_type", "no JSON object")
    return found


def _leniently(text: str) -> Any:
    try:
        return _parse(text)
    except RecursionError:
        return dict(_shallow(text))


def decoded(value: bytes) -> str:
    """Text of these bytes: UTF-8, and each byte that is none as the character of Latin-1."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        text = value.decode(errors="surrogateescape")
        return "".join(chr(ord(c) - 0xDC00) if "\udc80" <= c <= "\udcff" else c for c in text)


def clean(text: str) -> str:
    r"""The text with every half of a surrogate pair written out, as ``\ud83d``."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "backslashreplace").decode()
    return text


def _parse(text: str) -> Any:
    try:
        return _DECODER.decode(text)
    except json.JSONDecodeError as error:
        mended = _ESCAPE.sub(_mended, text) if "\\" in text else text
        if mended == text:
            raise BadRecord("not_json", _where(error)) from error
    try:
        return _DECODER.decode(mended)
    except json.JSONDecodeError as error:
        raise BadRecord("not_json", _where(error)) from error


def _where(error: json.JSONDecodeError) -> str:
    return f"no JSON from character {error.pos + 1} on"


def _mended(escape: re.Match[str]) -> str:
    r"""An escape that JSON knows; ``\x22``, as web servers log it, is one of its characters."""
    said = escape[1]
    if said[:1] == "x" and len(said) == 3:
        return f"\\u00{said[1:]}"
    if said in _PLAIN_ESCAPES or (said[:1] == "u" and len(said) == 5):
        return escape[0]
    return "\\\\" + said


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) <= LONGEST_NUMBER else float("inf")


_DECODER = json.JSONDecoder(parse_int=_integer, strict=False)
_OPENING, _CLOSING = frozenset("{["), frozenset("}]")
_BETWEEN, _COLON = frozenset(":,"), frozenset(":")
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{}:,]|[^\s\[\]{}:,"]+', re.DOTALL)


def _shallow(text: str) -> Iterator[tuple[str, Any]]:
    """Fields of an object too deep to be read whole; what is nested is left out."""
    depth, waiting, key, spoiled = 0, False, "", False
    for match in _TOKEN.finditer(text):
        part = match[0]
        if part in _OPENING:
            depth, spoiled = depth + 1, True
        elif part in _CLOSING:
            depth -= 1
        elif depth != 1:
            continue
        elif part in _BETWEEN:
            waiting, spoiled = part in _COLON, False
        elif not waiting:
            key = str(_scalar(part))
        elif not spoiled:
            yield key, _scalar(part)


def _scalar(part: str) -> Any:
    try:
        return msgspec.json.decode(part)
    except UNREADABLE:
        return None
