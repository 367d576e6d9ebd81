"""Decoding of one JSON object: only the keys that a format reads, everything else skipped."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any, TypedDict

import msgspec

from analyzer.core.contracts.decode import UNREADABLE, told
from analyzer.errors import BadRecord
from analyzer.formats.draft import Draft
from analyzer.formats.protocol import Paths
from analyzer.formats.values import first_address, first_text

Tree = dict[str, Any]


def object_decoder(
    keys: Iterable[str], paths: Paths, raw: str | None = None
) -> Callable[[bytes], Tree]:
    """A decoder of objects that keeps these keys and the first keys of all paths.

    The decoder raises ``BadRecord`` for what is no JSON object.

    Parameters
    ----------
    raw
        A key whose value is kept as bytes, unless a path leads through it.
    """
    wanted = {path for found in _all(paths) for path in _heads(found)} | set(keys)
    shape: dict[str, Any] = dict.fromkeys(sorted(wanted), Any)
    if raw is not None:
        shape.setdefault(raw, msgspec.Raw)
    # Made at run time, as paths are settings; msgspec skips what it does not name.
    typed: Any = TypedDict("Record", shape, total=False)  # type: ignore[misc] # computed
    decoder = msgspec.json.Decoder(typed)

    def decode(record: bytes) -> Tree:
        tree: Tree = decoded(decoder.decode, record)
        return tree

    return decode


def decoded(decode: Callable[[bytes], Any], record: bytes) -> Any:
    """What ``decode`` makes of a record.

    Raises
    ------
    BadRecord
        With reason not_json, invalid_utf8 or wrong_type.
    """
    try:
        return decode(record)
    except UnicodeDecodeError as error:
        raise BadRecord("invalid_utf8", str(error)) from error
    except msgspec.ValidationError as error:
        raise BadRecord("wrong_type", told(error)) from error
    except UNREADABLE as error:
        if b"NaN" in record or b"Infinity" in record:
            return decoded(decode, _without_nan(record, error))
        raise BadRecord("not_json" if record.strip() else "empty", str(error)) from error


def _without_nan(record: bytes, error: Exception) -> bytes:
    """The record with null for the numbers that Python's own JSON writes and no other reads."""
    try:
        return msgspec.json.encode(json.loads(record))
    except (ValueError, RecursionError):
        raise BadRecord("not_json", str(error)) from error


def fill(draft: Draft, tree: Tree, paths: Paths, proxies: int) -> Draft:
    """The draft with organisation, address and whatever else settings name."""
    draft.org_id = first_text(tree, paths.organisation)
    draft.client_ip = first_address(tree, paths.address, proxies)
    for field, places in paths.more:
        if (found := first_text(tree, places)) is not None:
            draft.put(field, found)
    return draft


def missing(format_name: str, what: str, paths: tuple[str, ...] = ()) -> BadRecord:
    """The refusal of an event that lacks what no event can do without."""
    places = f" at {', '.join(paths)}" if paths else ""
    remedy = f"; set formats.paths.{format_name}.{what}" if paths else ""
    return BadRecord("missing_field", f"{format_name}: no {what}{places}{remedy}")


def _all(paths: Paths) -> Iterable[str]:
    yield from paths.account
    yield from paths.organisation
    yield from paths.address
    for _, places in paths.more:
        yield from places


def _heads(path: str) -> Iterable[str]:
    """Every key that may begin the path, since a key may hold dots itself."""
    at = path.find(".")
    while at >= 0:
        yield path[:at]
        at = path.find(".", at + 1)
    yield path
