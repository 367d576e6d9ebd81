"""GenAI attributes of OpenTelemetry, under every name that they have had.

The semantic conventions old and new (``gen_ai.*``), OpenLLMetry (``gen_ai.prompt.0.content``,
``llm.request.type``), and OpenInference (``llm.*``, ``openinference.span.kind``).
"""

from __future__ import annotations

from typing import Any

from analyzer.core.contracts.request_event import Status
from analyzer.formats.draft import Draft
from analyzer.formats.prompts import prompt_of
from analyzer.formats.values import count, parsed, status_of, text, whole

Attributes = dict[str, Any]

OPERATIONS = {
    "chat": "chat", "text_completion": "completion", "completion": "completion",
    "generate_content": "chat", "embeddings": "embeddings", "embedding": "embeddings",
    "responses": "chat", "rerank": "rerank", "LLM": "chat", "EMBEDDING": "embeddings",
}  # fmt: skip
NO_CALL = frozenset(
    {
        "execute_tool", "invoke_agent", "create_agent", "invoke_workflow", "retrieval",
        "create_thread", "run_thread", "workflow", "task", "agent", "tool",
    }
)  # fmt: skip
MODEL = (
    "gen_ai.request.model", "llm.request.model", "llm.model_name", "embedding.model_name",
    "gen_ai.response.model", "llm.response.model",
)  # fmt: skip
INPUT = (
    "gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens", "llm.token_count.prompt",
    "llm.usage.prompt_tokens",
)  # fmt: skip
OUTPUT = (
    "gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens", "llm.token_count.completion",
    "llm.usage.completion_tokens",
)  # fmt: skip
REASONING = (
    "gen_ai.usage.reasoning.output_tokens", "gen_ai.usage.reasoning_tokens",
    "llm.token_count.completion_details.reasoning",
)  # fmt: skip
CODE = ("http.response.status_code", "http.status_code")
FAILED = (2, "STATUS_CODE_ERROR")
REFUSALS = ("content_filter", "refusal", "content_filtered")
LIMITS = frozenset({"429", "RateLimitError", "rate_limit_exceeded", "ThrottlingException"})
MESSAGES = ("gen_ai.input.messages", "gen_ai.prompt", "llm.prompts", "gen_ai.content.prompt")
_SYSTEM = "gen_ai.system_instructions"
NUMBERED = (
    # prefix, what follows the number for the text and for the role
    ("gen_ai.prompt.", ".content", ".role"),
    ("llm.input_messages.", ".message.content", ".message.role"),
    ("llm.prompts.", ".content", ".role"),
)


def plain(value: Any) -> Any:
    """An AnyValue of OTLP/JSON as what it stands for; 64-bit numbers come as text."""
    if not isinstance(value, dict) or not value:
        return value or None
    kind, inner = next(iter(value.items()))
    if kind in {"stringValue", "boolValue", "doubleValue", "bytesValue"}:
        return inner
    if kind == "intValue":
        return count(inner)
    if kind == "arrayValue":
        return [plain(part) for part in _listed(inner)]
    return _pairs(_listed(inner)) if kind == "kvlistValue" else value


def _pairs(listed: list[Any]) -> Attributes:
    return {
        part["key"]: plain(part.get("value"))
        for part in listed
        if isinstance(part, dict) and isinstance(part.get("key"), str)
    }


def _listed(inner: Any) -> list[Any]:
    values = inner.get("values") if isinstance(inner, dict) else None
    return values if isinstance(values, list) else []


def first(attributes: Attributes, names: tuple[str, ...]) -> Any:
    """The value of the first of these names that is there."""
    for name in names:
        if name in attributes:
            return plain(attributes[name])
    return None


def operation_of(attributes: Attributes) -> str | None:
    """What was asked of a model; None if this is no call of one."""
    kind = plain(attributes.get("openinference.span.kind"))
    if kind is not None:
        return OPERATIONS.get(str(kind).upper())
    named = plain(attributes.get("gen_ai.operation.name") or attributes.get("llm.request.type"))
    if named is None and "traceloop.span.kind" in attributes:
        named = plain(attributes["traceloop.span.kind"])
    if isinstance(named, str) and (named in NO_CALL or named in OPERATIONS):
        return OPERATIONS.get(named)
    return (text(named) or "chat") if first(attributes, MODEL) is not None else None


def status_from(attributes: Attributes, status: Any, finish: str | None) -> Status:
    """What became of a call: by error type and HTTP status before the span's own status."""
    error = str(plain(attributes.get("error.type")) or "")
    if error in LIMITS or "RateLimit" in error:
        return "rate_limited"
    by_code = status_of(first(attributes, CODE))
    if by_code != "ok":
        return by_code
    if finish in REFUSALS:
        return "refused"
    failed = isinstance(status, dict) and status.get("code") in FAILED
    if failed and ("429" in str(status.get("message")) or "rate limit" in str(status).lower()):
        return "rate_limited"
    return "error" if error or failed else "ok"


def finish_reason(attributes: Attributes) -> str | None:
    """Of the first answer."""
    found = plain(attributes.get("gen_ai.response.finish_reasons"))
    if found is None:
        found = first(
            attributes,
            ("gen_ai.completion.0.finish_reason", "llm.finish_reason", "gen_ai.finish_reason"),
        )
    found = parsed(found)
    return text(found[0] if isinstance(found, list) and found else found)


def prompt(attributes: Attributes) -> str | None:
    """The prompt in JSON text, in structured values or in numbered attributes."""
    for name in MESSAGES:
        if name in attributes:
            system = parsed(plain(attributes.get(_SYSTEM)))
            return prompt_of(system, parsed(plain(attributes[name])))
    for prefix, content, role in NUMBERED:
        if found := _numbered(attributes, prefix, content, role):
            return prompt_of(found)
    return prompt_of(plain(attributes.get("input.value"))) if _is_text(attributes) else None


def _is_text(attributes: Attributes) -> bool:
    return bool(plain(attributes.get("input.mime_type")) == "text/plain")


def _numbered(attributes: Attributes, prefix: str, content: str, role: str) -> list[Any]:
    """Messages by their number, which begins at 0 or 1 and may have gaps."""
    found = []
    for name, value in attributes.items():
        if name.startswith(prefix) and name.endswith(content):
            written = name[len(prefix) : -len(content)]
            if (number := whole(written)) is not None:
                said = {"role": plain(attributes.get(f"{prefix}{written}{role}"))}
                found.append((number, said | {"content": parsed(plain(value))}))
    return [message for _, message in sorted(found, key=lambda pair: pair[0])]


def sampling(attributes: Attributes, draft: Draft) -> None:
    """Take the sampling parameters."""
    sent = parsed(plain(attributes.get("llm.invocation_parameters")))
    sent = dict(sent) if isinstance(sent, dict) else {}
    for name, attribute in (
        ("temperature", "gen_ai.request.temperature"),
        ("top_p", "gen_ai.request.top_p"),
        ("max_tokens", "gen_ai.request.max_tokens"),
        ("n", "gen_ai.request.choice.count"),
    ):
        if attribute in attributes:
            sent[name] = plain(attributes[attribute])
    stream = first(attributes, ("gen_ai.request.stream", "llm.is_streaming", "gen_ai.is_streaming"))
    if stream is not None:
        sent["stream"] = stream
    draft.sampling(sent)


def tokens(attributes: Attributes, names: tuple[str, ...]) -> int:
    """How many; 0 where a cut stream or the client's settings left no usage."""
    return count(first(attributes, names)) or 0
