"""What a raw request looks like on the wire: the contract ``llm.request.v1`` as a type."""

from __future__ import annotations

from typing import Annotated, Literal, get_args

import msgspec

MAX_INT = 2**53  # the largest integer every JSON reader agrees on

Id = Annotated[str, msgspec.Meta(min_length=1, max_length=256)]
EventId = Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
Text = Annotated[str, msgspec.Meta(max_length=1_024)]
Count = Annotated[int, msgspec.Meta(ge=0, le=MAX_INT)]
Millis = Annotated[int, msgspec.Meta(ge=0, le=MAX_INT)]
Status = Literal["ok", "error", "refused", "rate_limited"]
STATUSES: tuple[Status, ...] = get_args(Status)
"""By their numbers inside; the first one is no failure."""


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
