"""The contract ``llm.request.v1`` as arrays, one entry for each field: for the scanner."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import numpy as np
from msgspec import inspect
from numpy.typing import NDArray

from analyzer.core.contracts.request_event import STATUSES, RequestEvent

NUMBERS = ("timestamp_ms", "output_tokens", "account_created_ms", "asn", "status")
HASHED = (
    "event_id",
    "prompt_hash",
    "org_id",
    "account_id",
    "prompt_template_id",
    "tls_ja4",
    "user_agent",
    "payment_ref",
    "model",
)
NAMED = HASHED[3:]
"""What is shown to people by its text."""
PARAMS = ("temperature", "top_p", "max_tokens", "n", "logprobs")
ADDRESSES = ("client_ip", "ip_prefix")

STRING, INTEGER, FLOAT, FLAG, CHOICE, OTHER = range(6)
WORDS = 3
"""A name or a choice is compared as so many words of eight bytes."""

_FIELDS = inspect.type_info(RequestEvent).fields  # type: ignore[attr-defined] # a StructType
_NUMBER = {field.encode_name: i for i, field in enumerate(_FIELDS)}


def words(text: str) -> list[int]:
    """The text filled up with zeros, as numbers of eight bytes each."""
    padded = text.encode().ljust(8 * WORDS, b"\0")
    return [int.from_bytes(padded[i : i + 8], "little") for i in range(0, 8 * WORDS, 8)]


def _kind(field: inspect.Field) -> tuple[int, int, int]:
    """Kind of the value, and its least and greatest length or number."""
    options = getattr(field.type, "types", (field.type,))
    [kind] = [option for option in options if not isinstance(option, inspect.NoneType)]
    if isinstance(kind, inspect.StrType) and kind.max_length is not None:
        return STRING, kind.min_length or 0, kind.max_length
    if isinstance(kind, inspect.IntType) and kind.ge is not None and kind.le is not None:
        return INTEGER, kind.ge, kind.le
    if isinstance(kind, inspect.LiteralType) and set(kind.values) == set(STATUSES):
        return CHOICE, 0, 0
    if isinstance(kind, inspect.LiteralType) and isinstance(kind.values[0], int):
        return INTEGER, kind.values[0], kind.values[0]
    if isinstance(kind, inspect.FloatType) and field.encode_name in PARAMS:
        return FLOAT, 0, 0  # its limits are looked at where the parameters are told
    if isinstance(kind, inspect.BoolType):
        return FLAG, 0, 0
    return OTHER, 0, 0


def _is_nullable(field: inspect.Field) -> bool:
    options = getattr(field.type, "types", ())
    return any(isinstance(option, inspect.NoneType) for option in options)


KINDS = np.array([_kind(field) for field in _FIELDS], np.int64)
NULLABLE = np.array([_is_nullable(field) for field in _FIELDS])
NAMES = np.array([words(field.encode_name) for field in _FIELDS], np.uint64)
SIZES = np.array([len(field.encode_name) for field in _FIELDS], np.int64)
REQUIRED = np.uint64(sum(1 << i for i, field in enumerate(_FIELDS) if field.required))
CHOICES = np.array([words(text) for text in STATUSES], np.uint64)

NUMBER_FIELDS = np.array([_NUMBER[name] for name in NUMBERS])
HASHED_FIELDS = np.array([_NUMBER[name] for name in HASHED])
PARAM_FIELDS = np.array([_NUMBER[name] for name in PARAMS])
IP, PREFIX = (_NUMBER[name] for name in ADDRESSES)

SLOT_SHIFT = np.uint64(56)


def _multipliers() -> Iterator[tuple[np.uint64, NDArray[np.int64]]]:
    """Multipliers that put every name into a slot of its own, with the field in each slot."""
    first, second = NAMES[:, 0], NAMES[:, 1]
    for odd in count(0x9E3779B97F4A7C15, 2):
        multiplier = np.uint64(odd % 2**64)
        slots = ((first ^ (second >> np.uint64(3))) * multiplier) >> SLOT_SHIFT
        if len(np.unique(slots)) == len(slots):
            table = np.full(256, -1, np.int64)
            table[slots.astype(np.int64)] = np.arange(len(slots))
            yield multiplier, table


MULTIPLIER, FIELD_IN_SLOT = next(_multipliers())
