"""What a raw request looks like on the wire, and what remains of it inside.

``RequestEvent`` is the contract ``llm.request.v1`` as a type; ``EventColumns`` is the same
as columns of hashes and integers, with the text gone.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import Annotated, Literal, Self

import msgspec
import numpy as np
from numpy.typing import NDArray

from analyzer.core.kernels.interned_names import Names

U64 = NDArray[np.uint64]
I64 = NDArray[np.int64]
U8 = NDArray[np.uint8]

MAX_INT = 2**53  # the largest integer every JSON reader agrees on

Id = Annotated[str, msgspec.Meta(min_length=1, max_length=256)]
EventId = Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
Text = Annotated[str, msgspec.Meta(max_length=1_024)]
Count = Annotated[int, msgspec.Meta(ge=0, le=MAX_INT)]
Millis = Annotated[int, msgspec.Meta(ge=0, le=MAX_INT)]
Status = Literal["ok", "error", "refused", "rate_limited"]


class RequestEvent(msgspec.Struct, frozen=True, gc=False):
    """One request to a model, as its gateway saw it (contract ``llm.request.v1``)."""

    event_id: EventId
    timestamp_ms: Millis
    account_id: Id
    model: Id
    input_tokens: Count
    output_tokens: Count
    status: Status
    schema_version: Literal[1] = 1
    client_ip: Annotated[str, msgspec.Meta(max_length=64)] | None = None
    ip_prefix: Annotated[str, msgspec.Meta(max_length=64)] | None = None
    org_id: Id | None = None
    account_created_ms: Annotated[int, msgspec.Meta(ge=-MAX_INT, le=MAX_INT)] | None = None
    api_key_id: Text | None = None
    end_user_id: Text | None = None
    conversation_id: Text | None = None
    asn: Annotated[int, msgspec.Meta(ge=0, le=2**32)] | None = None
    country: Annotated[str, msgspec.Meta(max_length=64)] | None = None
    user_agent: Text | None = None
    tls_ja4: Text | None = None
    payment_ref: Text | None = None
    signup_ref: Text | None = None
    operation: Text | None = None
    stream: bool | None = None
    logprobs: bool | None = None
    temperature: Annotated[float, msgspec.Meta(ge=-1e9, le=1e9)] | None = None
    top_p: Annotated[float, msgspec.Meta(ge=-1e9, le=1e9)] | None = None
    max_tokens: Count | None = None
    n: Count | None = None
    reasoning_tokens: Count | None = None
    latency_ms: Count | None = None
    finish_reason: Text | None = None
    prompt_template_id: Text | None = None
    prompt_text: str | None = None
    prompt_hash: Text | None = None


def _u64() -> U64:
    return np.zeros(0, np.uint64)


def _i64() -> I64:
    return np.zeros(0, np.int64)


@dataclass(frozen=True, slots=True)
class EventColumns:
    """Events as columns of equal length ``n``; a hash of 0 means "not given".

    ``names`` maps the hashes of accounts and objects in these rows to the text that an
    alert shows.
    """

    offset: I64 = field(default_factory=_i64)
    """Position in the source: Kafka offset, or number of the line."""
    ts_ms: I64 = field(default_factory=_i64)
    event: U64 = field(default_factory=_u64)
    account: U64 = field(default_factory=_u64)
    org: U64 = field(default_factory=_u64)
    """Billing organisation; the account itself if it has none."""
    template: U64 = field(default_factory=_u64)
    block: U64 = field(default_factory=_u64)
    """IPv4 /24 or IPv6 /48, reversible (see :mod:`analyzer.core.contracts.hashing`)."""
    tls: U64 = field(default_factory=_u64)
    agent: U64 = field(default_factory=_u64)
    payment: U64 = field(default_factory=_u64)
    model: U64 = field(default_factory=_u64)
    params: U64 = field(default_factory=_u64)
    """Sampling parameters taken together (temperature, top_p, max_tokens, n, logprobs)."""
    prompt: U64 = field(default_factory=_u64)
    output_tokens: I64 = field(default_factory=_i64)
    created_ms: I64 = field(default_factory=_i64)
    """Account creation, epoch ms; -1 means "not given"."""
    chains: NDArray[np.uint64] = field(default_factory=lambda: np.zeros((0, 0), np.uint64))
    """Anchor chains of the prompt text (see :mod:`.template_chains`), shape (n, k);
    k is 0 where no event of the batch came with text."""
    names: Names = field(default_factory=Names)

    def __len__(self) -> int:
        return len(self.ts_ms)

    def take(self, rows: NDArray[np.intp] | NDArray[np.bool_] | slice) -> Self:
        """The given rows; the names stay as they are."""
        return replace(self, **{name: getattr(self, name)[rows] for name in ARRAY_FIELDS})

    @classmethod
    def concat(cls, parts: list[Self]) -> Self:
        """All rows of all parts, in that order."""
        parts = [part for part in parts if len(part)]
        if not parts:
            return cls()
        names = Names.joined([part.names for part in parts])
        width = max(part.chains.shape[1] for part in parts)
        arrays = {
            name: np.concatenate([getattr(part, name) for part in parts])
            for name in ARRAY_FIELDS
            if name != "chains"
        }
        chains = np.concatenate(
            [np.pad(part.chains, ((0, 0), (0, width - part.chains.shape[1]))) for part in parts]
        )
        return cls(**arrays, chains=chains, names=names)


NAMED_FIELDS = ("account", "org", "template", "tls", "agent", "payment", "model")
"""Columns of which ``names`` may hold the text: all but that of organisations, which nobody
shows."""
ARRAY_FIELDS = tuple(f.name for f in fields(EventColumns) if f.name != "names")
