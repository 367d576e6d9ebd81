"""Kong Gateway: entries of ``kafka-log``, ``http-log`` or ``file-log`` on a route with ai-proxy.

Since 3.8 the plugin's part stands at ``ai.proxy``, before that at ``ai.ai-proxy`` with
``prompt_token`` in the singular; the advanced plugin names its own.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from analyzer.formats.draft import Draft
from analyzer.formats.prompts import prompt_of_body
from analyzer.formats.protocol import Outcome, PassedOver, Paths, UnfitError
from analyzer.formats.records import Tree, fill, missing, object_decoder
from analyzer.formats.values import (
    count,
    dig,
    event_id,
    first_text,
    moment_ms,
    parsed,
    status_of,
    text,
)

_KEYS = (
    "ai", "request", "response", "latencies", "client_ip", "started_at", "consumer", "route",
    "service", "authenticated_entity", "upstream_status",
)  # fmt: skip
_PARTS = ("proxy", "ai-proxy", "ai-proxy-advanced")


class Kong:
    """One entry is one event; one of a route without ai-proxy is none."""

    name: ClassVar[str] = "kong"
    marks: ClassVar[tuple[bytes, ...]] = (b'"started_at"', b'"latencies"')
    paths: ClassVar[Paths] = Paths(
        account=("consumer.custom_id", "consumer.username", "consumer.id"),
        organisation=(),
        address=("client_ip", "request.headers.x-forwarded-for"),
    )
    losses: ClassVar[dict[str, str]] = {
        "org_id": "a consumer has no organisation unless a path is set",
        "asn": "an address is all there is",
        "country": "an address is all there is",
        "tls_ja4": "the gateway logs no handshake",
        "payment_ref": "billing is elsewhere",
        "signup_ref": "billing is elsewhere",
        "end_user_id": "only in the body, which is not logged by default",
        "conversation_id": "the gateway knows none",
        "prompt_template_id": "the gateway knows none",
        "prompt_hash": "made of the body, where logging.log_payloads is on",
        "reasoning_tokens": "not in its usage",
        "finish_reason": "only in the answer's body",
    }

    def __init__(self, paths: Paths, proxies: int) -> None:
        self._paths, self._proxies = paths, proxies
        self._decode = object_decoder(_KEYS, paths)

    def read(self, record: bytes) -> Iterable[Outcome]:
        """The entry as an event, unless no model was asked."""
        tree = self._decode(record)
        if "started_at" not in tree or not isinstance(tree.get("request"), dict):
            raise UnfitError
        status = dig(tree, "response.status")
        if count(status) == 401:
            return [PassedOver("rejected_key")]
        part = _ai_part(tree.get("ai"))
        if part is None:
            return [PassedOver("no_llm_call")]
        if str(dig(part, "cache.cache_status")).lower() == "hit":
            return [PassedOver("cache_hit")]
        return [self._event(tree, part, record)]

    def _event(self, tree: Tree, part: Tree, record: bytes) -> Draft:
        account = first_text(tree, self._paths.account)
        model = text(dig(part, "meta.request_model")) or text(dig(part, "meta.response_model"))
        started = moment_ms(tree.get("started_at"))
        if account is None:
            raise missing(self.name, "account", self._paths.account)
        if model is None:
            raise missing(self.name, "ai.proxy.meta.request_model")
        if started is None:
            raise missing(self.name, "started_at")
        usage = part.get("usage")
        usage = usage if isinstance(usage, dict) else {}
        draft = Draft(
            event_id(dig(tree, "request.id"), record),
            started,
            account,
            model[:256],
            count(usage.get("prompt_tokens", usage.get("prompt_token"))) or 0,
            count(usage.get("completion_tokens", usage.get("completion_token"))) or 0,
            status_of(dig(tree, "response.status")),
        )
        body = parsed(dig(part, "payload.request") or dig(tree, "ai.payload.request"))
        body = body if isinstance(body, dict) else parsed(dig(tree, "request.body"))
        draft.prompt_text = prompt_of_body(body)
        draft.sampling(body)
        mode = dig(part, "meta.request_mode")
        draft.stream = mode == "stream" if isinstance(mode, str) else draft.stream
        draft.user_agent = text(dig(tree, "request.headers.user-agent"))
        draft.latency_ms = count(dig(tree, "latencies.request"))
        draft.operation = _operation(dig(tree, "request.uri"))
        draft.api_key_id = text(dig(tree, "authenticated_entity.id"))
        draft.account_created_ms = moment_ms(dig(tree, "consumer.created_at"))
        return fill(draft, tree, self._paths, self._proxies)


def _ai_part(ai: Any) -> Tree | None:
    """What the proxying plugin logged; that of any AI plugin if it has another name."""
    if not isinstance(ai, dict):
        return None
    found = [ai[name] for name in _PARTS if isinstance(ai.get(name), dict)]
    found += [part for part in ai.values() if isinstance(part, dict) and "meta" in part]
    return found[0] if found else None


def _operation(uri: Any) -> str | None:
    if not isinstance(uri, str):
        return None
    if "embedding" in uri:
        return "embeddings"
    if "chat" in uri or "messages" in uri or "responses" in uri:
        return "chat"
    return "completion" if "completions" in uri else None
