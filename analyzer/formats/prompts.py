"""The prompt in what a client sent: messages of any provider's shape as one text.

Answers of the model and results of tools are left out: a template lies in what the customer
wrote. A text that only says that the prompt was taken out is no prompt; taken as one it would
link everybody.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from analyzer.formats.values import parsed, text

REDACTED = frozenset(
    {
        "redacted-by-litellm", "redacted by litellm", "redacted", "[redacted]", "<redacted>",
        "__redacted__", "***", "[filtered]",
    }
)  # fmt: skip
_NOT_THE_CUSTOMER = ("assistant", "model", "tool", "function", "ai")
_INSIDE = ("content", "parts", "text", "value")


def prompt_of(*sent: Any) -> str | None:
    r"""All that the customer wrote, in order, with line feeds between; None if it is not there.

    Examples
    --------
    >>> prompt_of("Be brief.", [{"role": "user", "content": [{"type": "text", "text": "Hi"}]}])
    'Be brief.\nHi'
    >>> prompt_of([{"role": "user", "content": "redacted-by-litellm"}]), prompt_of([[1, 2, 3]])
    (None, None)
    """
    texts = [text for part in sent for text in _texts(parsed(part), 0)]
    return "\n".join(texts) or None


def _texts(part: Any, depth: int) -> Iterator[str]:
    if isinstance(part, str):
        if part.strip().lower() not in REDACTED and part.strip():
            yield part
    elif depth > 6:
        return
    elif isinstance(part, list):
        for inner in part:
            yield from _texts(inner, depth + 1)
    elif isinstance(part, dict) and text(part.get("role")) not in _NOT_THE_CUSTOMER:
        for key in _INSIDE:
            if part.get(key) is not None:
                yield from _texts(part[key], depth + 1)
                return


def prompt_of_body(body: Any) -> str | None:
    """The prompt in the body of a request to OpenAI, Anthropic, Bedrock, Cohere or Gemini."""
    body = parsed(body)
    if not isinstance(body, dict):
        return None
    for key in ("messages", "contents", "input", "prompt", "inputText", "message", "texts"):
        if body.get(key):
            system = body.get("system") or body.get("instructions")
            return prompt_of(system or body.get("systemInstruction"), body[key])
    return None
