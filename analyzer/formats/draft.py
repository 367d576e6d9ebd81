"""An event on its way from a gateway's shape to ``llm.request.v1``."""

from __future__ import annotations

from typing import Any

import msgspec

from analyzer.core.contracts.request_event import RequestEvent, Status
from analyzer.formats.values import count, flag, real, text


class Draft(msgspec.Struct, omit_defaults=True):
    """The contract's fields as a format has read them; judged later, like every event."""

    event_id: str
    timestamp_ms: int
    account_id: str
    model: str
    input_tokens: int
    output_tokens: int
    status: Status
    client_ip: str | None = None
    ip_prefix: str | None = None
    org_id: str | None = None
    account_created_ms: int | None = None
    api_key_id: str | None = None
    end_user_id: str | None = None
    conversation_id: str | None = None
    asn: int | None = None
    country: str | None = None
    user_agent: str | None = None
    tls_ja4: str | None = None
    payment_ref: str | None = None
    signup_ref: str | None = None
    operation: str | None = None
    stream: bool | None = None
    logprobs: bool | None = None
    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    n: int | None = None
    reasoning_tokens: int | None = None
    latency_ms: int | None = None
    finish_reason: str | None = None
    prompt_template_id: str | None = None
    prompt_text: str | None = None
    prompt_hash: str | None = None

    def sampling(self, sent: Any) -> None:
        """Take the sampling parameters from the body of a request, or from a part of it."""
        if not isinstance(sent, dict):
            return
        read = sent.get
        self.temperature = real(read("temperature"))
        self.top_p = real(read("top_p", read("topP")))
        most = read("max_tokens", read("max_completion_tokens"))
        self.max_tokens = count(most if most is not None else read("maxTokens"))
        self.n = count(read("n"))
        self.logprobs = flag(read("logprobs"))
        if self.stream is None:
            self.stream = flag(read("stream"))

    def put(self, field: str, value: Any) -> None:
        """Set an optional field that a setting names; a value of the wrong kind leaves it out."""
        setattr(self, field, COERCIONS[field](value))


_BY_TYPE = {"str": text, "int": count, "float": real, "bool": flag}


def _coercion(field: msgspec.structs.FieldInfo) -> Any:
    kind = str(field.type).partition("|")[0]
    return next(read for name, read in _BY_TYPE.items() if name in kind)


REQUIRED = frozenset(field.name for field in msgspec.structs.fields(RequestEvent) if field.required)
COERCIONS = {
    field.name: _coercion(field)
    for field in msgspec.structs.fields(Draft)
    if field.name not in REQUIRED
}
"""How each optional field is read from whatever a gateway wrote."""
