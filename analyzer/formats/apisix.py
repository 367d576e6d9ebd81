"""Apache APISIX: entries of ``kafka-logger`` and its kin on a route with ai-proxy.

With ``logging.summaries`` the plugin adds ``llm_summary``, with ``logging.payloads`` also
``llm_request``; a ``log_format`` of one's own may carry the same as flat variables.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from analyzer.formats.draft import Draft
from analyzer.formats.prompts import prompt_of, prompt_of_body
from analyzer.formats.protocol import Outcome, PassedOver, Paths, UnfitError
from analyzer.formats.records import Tree, fill, missing, object_decoder
from analyzer.formats.values import (
    count,
    dig,
    event_id,
    first_text,
    flag,
    moment_ms,
    parsed,
    status_of,
    text,
)

_KEYS = (
    "llm_summary", "llm_request", "request", "response", "consumer", "client_ip", "start_time",
    "latency", "route_id", "service_id", "apisix_latency", "@timestamp", "request_id",
    "request_type", "llm_model", "request_llm_model", "llm_prompt_tokens",
    "llm_completion_tokens", "status", "consumer_name", "remote_addr", "http_user_agent",
)  # fmt: skip


class Apisix:
    """One entry is one event; one without ``llm_summary`` is none."""

    name: ClassVar[str] = "apisix"
    marks: ClassVar[tuple[bytes, ...]] = (
        b'"llm_summary"',
        b'"apisix_latency"',
        b'"route_id"',
        b'"llm_prompt_tokens"',
    )
    paths: ClassVar[Paths] = Paths(
        account=("consumer.username", "consumer_name", "consumer.consumer_name"),
        organisation=("consumer.group_id",),
        address=("client_ip", "remote_addr", "request.headers.x-forwarded-for"),
    )
    losses: ClassVar[dict[str, str]] = {
        "account_created_ms": "a consumer has no date in the entry",
        "asn": "an address is all there is",
        "country": "an address is all there is",
        "tls_ja4": "the gateway logs no handshake",
        "payment_ref": "billing is elsewhere",
        "signup_ref": "billing is elsewhere",
        "api_key_id": "not in the entry",
        "end_user_id": "only in the body",
        "conversation_id": "the gateway knows none",
        "prompt_template_id": "the gateway knows none",
        "prompt_hash": "made of llm_request, where logging.payloads is on",
        "reasoning_tokens": "not in llm_summary",
        "finish_reason": "only in the answer's body",
    }

    def __init__(self, paths: Paths, proxies: int) -> None:
        self._paths, self._proxies = paths, proxies
        self._decode = object_decoder(_KEYS, paths)

    def read(self, record: bytes) -> Iterable[Outcome]:
        """The entry as an event, unless no model was asked."""
        tree = self._decode(record)
        if not tree.keys() & {"llm_summary", "apisix_latency", "route_id", "llm_prompt_tokens"}:
            raise UnfitError
        if count(dig(tree, "response.status") or tree.get("status")) == 401:
            return [PassedOver("rejected_key")]
        model = _model(tree)
        if model is None:
            return [PassedOver("no_llm_call")]
        return [self._event(tree, model, record)]

    def _event(self, tree: Tree, model: str, record: bytes) -> Draft:
        account = first_text(tree, self._paths.account)
        started = moment_ms(tree.get("start_time")) or moment_ms(tree.get("@timestamp"))
        if account is None:
            raise missing(self.name, "account", self._paths.account)
        if started is None:
            raise missing(self.name, "start_time")
        draft = Draft(
            event_id(_request_id(tree), record),
            started,
            account,
            model[:256],
            count(dig(tree, "llm_summary.prompt_tokens") or tree.get("llm_prompt_tokens")) or 0,
            count(dig(tree, "llm_summary.completion_tokens") or tree.get("llm_completion_tokens"))
            or 0,
            status_of(dig(tree, "response.status") or tree.get("status")),
        )
        body = parsed(dig(tree, "request.body"))
        draft.prompt_text = prompt_of(dig(tree, "llm_request.messages")) or prompt_of_body(body)
        draft.sampling(body)
        stream = dig(tree, "llm_request.stream")
        kind = tree.get("request_type")
        draft.stream = flag(stream) if stream is not None else draft.stream
        draft.stream = kind == "ai_stream" if isinstance(kind, str) else draft.stream
        draft.user_agent = text(dig(tree, "request.headers.user-agent")) or text(
            tree.get("http_user_agent")
        )
        draft.latency_ms = count(tree.get("latency"))
        uri = dig(tree, "request.uri")
        draft.operation = "embeddings" if isinstance(uri, str) and "embedding" in uri else "chat"
        return fill(draft, tree, self._paths, self._proxies)


def _model(tree: Tree) -> str | None:
    """The name that was asked for, else the one that answered."""
    for path in (
        "llm_summary.request_model",
        "request_llm_model",
        "llm_summary.model",
        "llm_model",
    ):
        if found := text(dig(tree, path)):
            return found
    return None


def _request_id(tree: Tree) -> object:
    for path in (
        "request_id",
        "response.headers.x-request-id",
        "request.headers.x-request-id",
    ):
        if found := dig(tree, path):
            return found
    return None
