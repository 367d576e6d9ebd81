"""Envoy AI Gateway: its access log as JSON lines.

Which keys a line has is up to whoever wrote the format; each is looked for under the names
that the gateway's own documentation and its default use. A dash is no value.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

import msgspec

from analyzer.formats.draft import Draft
from analyzer.formats.protocol import Outcome, PassedOver, Paths, UnfitError
from analyzer.formats.records import Tree, decoded, fill, missing
from analyzer.formats.values import count, event_id, first_text, moment_ms, status_of

_MODEL = (
    "gen_ai.request.model", "gen_ai.original.model", "x-ai-eg-model", "request_model",
    "genai_model_name", "model", "gen_ai.response.model", "response_model", "served_model",
    "model_name_override",
)  # fmt: skip
_INPUT = (
    "gen_ai.usage.input_tokens", "genai_tokens_input", "llm_input_token", "llm_input_tokens",
    "input_tokens", "input_token", "gen_ai.usage.prompt_tokens",
)  # fmt: skip
_OUTPUT = (
    "gen_ai.usage.output_tokens", "genai_tokens_output", "llm_output_token", "llm_output_tokens",
    "output_tokens", "output_token", "gen_ai.usage.completion_tokens",
)  # fmt: skip
_TIME = ("start_time", "timestamp", "@timestamp", "time")
_CODE = ("response_code", "status", "status_code", "http.response.status_code")
_ID = ("x-request-id", "request_id", "x_request_id", "request-id")
_AGENT = ("user-agent", "user_agent", "user_agent.original")
_PATH = ("x-envoy-origin-path", "path", "url.path", "x-envoy-original-path")

_decode = msgspec.json.Decoder(dict[str, Any]).decode


class Envoy:
    """One line is one event; one in which no model stands is none."""

    name: ClassVar[str] = "envoy"
    marks: ClassVar[tuple[bytes, ...]] = (
        b'"start_time"',
        b'"response_code"',
        b'"gen_ai.',
        b'"genai_',
    )
    paths: ClassVar[Paths] = Paths(
        account=(
            "account_id", "account", "x-account-id", "user.id", "enduser.id", "x-user-id", "user",
            "consumer", "caller", "client_id", "x-client-id", "x-api-key-id", "api_key_id",
            "jwt.sub", "sub", "subject", "x-consumer-id",
        ),
        organisation=(
            "org_id", "organization", "organisation", "organization.id", "x-org-id",
            "x-organization-id", "tenant", "tenant_id", "tenant.id", "x-tenant-id",
        ),
        address=(
            "x-forwarded-for", "x_forwarded_for", "client_ip", "client.address",
            "downstream_remote_address", "downstream_direct_remote_address",
        ),
    )  # fmt: skip
    losses: ClassVar[dict[str, str]] = {
        "account_created_ms": "the gateway knows no accounts",
        "asn": "an address is all there is",
        "country": "an address is all there is",
        "payment_ref": "billing is elsewhere",
        "signup_ref": "billing is elsewhere",
        "stream": "bodies are not logged",
        "logprobs": "bodies are not logged",
        "temperature": "bodies are not logged",
        "top_p": "bodies are not logged",
        "max_tokens": "bodies are not logged",
        "n": "bodies are not logged",
        "prompt_template_id": "bodies are not logged",
        "prompt_text": "bodies are not logged",
        "prompt_hash": "bodies are not logged",
        "finish_reason": "bodies are not logged",
        "reasoning_tokens": "not in its metadata",
        "end_user_id": "bodies are not logged",
        "api_key_id": "not logged unless a header says it",
        "tls_ja4": "not logged unless %TLS_JA4_FINGERPRINT% is added and a path set",
    }

    def __init__(self, paths: Paths, proxies: int) -> None:
        self._paths, self._proxies = paths, proxies

    def read(self, record: bytes) -> Iterable[Outcome]:
        """The line as an event, unless no model was asked."""
        tree = decoded(_decode, record)
        started = first_text(tree, _TIME)
        code = count(first_text(tree, _CODE))
        if started is None or not tree.keys() & _KNOWN:
            raise UnfitError
        if code == 401:
            return [PassedOver("rejected_key")]
        model = first_text(tree, _MODEL)
        if model is None:
            return [PassedOver("no_llm_call")]
        return [self._event(tree, model, started, record)]

    def _event(self, tree: Tree, model: str, started: str, record: bytes) -> Draft:
        account = first_text(tree, self._paths.account)
        started_ms = moment_ms(started)
        if account is None:
            raise missing(self.name, "account", self._paths.account)
        if started_ms is None:
            raise missing(self.name, "start_time")
        draft = Draft(
            event_id(first_text(tree, _ID), record),
            started_ms,
            account,
            model[:256],
            count(first_text(tree, _INPUT)) or 0,
            count(first_text(tree, _OUTPUT)) or 0,
            status_of(first_text(tree, _CODE)),
        )
        draft.latency_ms = count(first_text(tree, ("duration", "duration_ms")))
        draft.user_agent = first_text(tree, _AGENT)
        draft.conversation_id = first_text(tree, ("session.id", "session_id", "agent-session-id"))
        path = first_text(tree, _PATH)
        draft.operation = "embeddings" if path and "embedding" in path else "chat"
        return fill(draft, tree, self._paths, self._proxies)


_KNOWN = frozenset((*_CODE, *_MODEL, *_INPUT, *_OUTPUT))
