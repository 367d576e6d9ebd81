"""What gateways write, read leniently: a field that is no use is left out, never an error."""

from __future__ import annotations

import ipaddress
import math
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import msgspec
from xxhash import xxh3_128_hexdigest

from analyzer.core.contracts.decode import UNREADABLE
from analyzer.core.contracts.request_event import MAX_INT, Status

TEXT_LIMIT, EVENT_ID_LIMIT, HEADER_LIMIT = 1_024, 128, 8_192
_NOTHING = frozenset({"", "-", "null", "None"})
_OWN_NETWORKS = tuple(
    ipaddress.ip_network(text)
    for text in (
        "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8", "169.254.0.0/16",
        "100.64.0.0/10", "::1/128", "fc00::/7", "fe80::/10",
    )
)  # fmt: skip


def text(value: Any) -> str | None:
    """A text that says something, cut at the contract's limit; a number as text; else None."""
    if value is None:
        return None
    if isinstance(value, str):
        if value in _NOTHING:
            return None
        return value if len(value) <= TEXT_LIMIT else value[:TEXT_LIMIT]
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    return None


def count(value: Any) -> int | None:
    """A whole number that is not negative, perhaps written as text; else None.

    Examples
    --------
    >>> count("42"), count(7.0), count("-"), count(-1), count(True)
    (42, 7, None, None, None)
    """
    if isinstance(value, bool) or value is None:
        return None
    try:
        number = int(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if 0 <= number <= MAX_INT else None


def real(value: Any) -> float | None:
    """A number within the contract's limits, perhaps written as text; else None."""
    if isinstance(value, bool) or value is None:
        return None
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if abs(number) <= 1e9 else None


def flag(value: Any) -> bool | None:
    """True or false, perhaps written as text; else None."""
    if isinstance(value, bool):
        return value
    return {"true": True, "false": False}.get(value.lower()) if isinstance(value, str) else None


def moment_ms(value: Any) -> int | None:
    """Epoch milliseconds of a time: seconds to nanoseconds by magnitude, or ISO 8601; else None.

    Examples
    --------
    >>> moment_ms(1772409600.123), moment_ms("1772409600123456789")
    (1772409600123, 1772409600123)
    >>> moment_ms("2026-03-02T00:00:00.1234567Z"), moment_ms("yesterday")
    (1772409600123, None)
    """
    if isinstance(value, str):
        value = _number_or_iso(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < math.inf:
        return None
    if value < 1e11:
        return round(value * 1_000)
    if value < 1e14:
        return int(value)
    found = int(value) // (1_000 if value < 1e17 else 1_000_000)
    return found if found <= MAX_INT else None


def whole(written: str) -> int | None:
    """The number that these digits are; None if it is none, or one that nobody can mean.

    Examples
    --------
    >>> whole("42"), whole("4²"), whole("9" * 5_000)
    (42, None, None)
    """
    try:
        return int(written) if written.isdecimal() else None
    except ValueError:  # Python reads no more than some thousand digits
        return None


def _number_or_iso(written: str) -> int | float | None:
    if (number := whole(written)) is not None:
        return number
    try:
        moment = datetime.fromisoformat(written)
    except ValueError:
        return real(written)
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return moment.timestamp()


def client_address(value: Any, proxies: int) -> str | None:
    """The client in an address or in an x-forwarded-for list, which a client may begin itself.

    Own networks at the right end are the way inside the house; of what is left, the entry that
    the ``proxies``-th trusted proxy from the right has appended is the client.

    Parameters
    ----------
    proxies
        How many trusted proxies append to the list, at least 1.

    Examples
    --------
    >>> client_address("spoofed, 203.0.113.7, 10.0.0.3", 1)
    '203.0.113.7'
    >>> client_address("[2001:db8::1]:443", 1), client_address("free text", 1)
    ('2001:db8::1', None)
    """
    if isinstance(value, list):
        value = ",".join(entry for entry in value if isinstance(entry, str))
    if not isinstance(value, str) or not value or len(value) > HEADER_LIMIT:
        return None
    return _client(value, proxies)


@lru_cache(maxsize=65_536)
def _client(value: str, proxies: int) -> str | None:
    entries = [_bare(entry) for entry in value.split(",")]
    last = len(entries)
    while last > 1 and is_own(entries[last - 1]):
        last -= 1
    return entries[max(0, last - proxies)]


def _bare(entry: str) -> str | None:
    """The address without port, brackets and zone; None if it is none."""
    entry = entry.strip().strip('"').removeprefix("for=").strip('"')
    if entry.startswith("["):
        entry = entry[1:].partition("]")[0]
    elif entry.count(":") == 1:
        entry = entry.partition(":")[0]
    entry = entry.partition("%")[0]
    if entry.removeprefix("::ffff:").count(".") == 3:
        entry = entry.removeprefix("::ffff:")
    try:
        ipaddress.ip_address(entry)
    except ValueError:
        return None
    return entry


def is_own(entry: str | None) -> bool:
    """Whether an address is one of a private network."""
    if entry is None:
        return False
    try:
        address = ipaddress.ip_address(entry)
    except ValueError:
        return False
    return any(address in network for network in _OWN_NETWORKS)


def status_of(http: Any) -> Status:
    """What became of a request, by its HTTP status; ok if it has none."""
    code = count(http)
    if code is None or code < 400 or code == 499:
        return "ok"  # 499 is a client that left: what was streamed was asked for
    if code == 429:
        return "rate_limited"
    return "refused" if code in {403, 451} else "error"


def event_id(value: Any, record: bytes) -> str:
    """An id within the contract's limit; one made of the record itself where there is none."""
    found = text(value)
    if found is None:
        return "sha-" + xxh3_128_hexdigest(record)
    return found if len(found) <= EVENT_ID_LIMIT else "sha-" + xxh3_128_hexdigest(found.encode())


def dig(tree: Any, path: str) -> Any:
    """What lies at a dotted path; a key may hold dots itself, and JSON in a text is looked into.

    Examples
    --------
    >>> dig({"a": {"b.c": 1}}, "a.b.c"), dig({"a": '{"b": 2}'}, "a.b"), dig({}, "a")
    (1, 2, None)
    """
    tree = tree if type(tree) is dict else parsed(tree)
    if type(tree) is not dict or path in tree:
        return tree[path] if type(tree) is dict else None
    head, dot, rest = path.partition(".")
    inner = tree.get(head)
    if type(inner) is dict and rest in inner:
        return inner[rest]
    if not dot or (inner is None and "." not in rest):
        return None
    at = len(head)
    while at >= 0:
        if (inner := tree.get(path[:at])) is not None:
            found = dig(inner, path[at + 1 :])
            if found is not None:
                return found
        at = path.find(".", at + 1)
    return None


def first_text(tree: Any, paths: Iterable[str]) -> str | None:
    """The first of these paths where a text lies."""
    for path in paths:
        if (found := text(dig(tree, path))) is not None:
            return found
    return None


def first_address(tree: Any, paths: Sequence[str], proxies: int) -> str | None:
    """The first of these paths where an address lies."""
    for path in paths:
        if (found := client_address(dig(tree, path), proxies)) is not None:
            return found
    return None


def parsed(written: Any) -> Any:
    """JSON in a text as what it stands for; anything else as it is."""
    if not isinstance(written, str) or written[:1] not in {"{", "["}:
        return written
    try:
        return msgspec.json.decode(written)
    except UNREADABLE:
        return written
