"""LiteLLM proxy: the StandardLoggingPayload of its callbacks and of its S3 and GCS loggers.

Seen with 1.108.7 and 1.110.2. A retry or a fallback gives a failure and a success that only
``litellm_call_id`` joins, so that is the event's id, never ``id``.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

import msgspec

from analyzer.core.contracts.decode import UNREADABLE
from analyzer.core.contracts.request_event import Status
from analyzer.formats.compiled.recipe import Recipe
from analyzer.formats.draft import Draft
from analyzer.formats.litellm_recipe import recipe
from analyzer.formats.prompts import prompt_of
from analyzer.formats.protocol import Outcome, PassedOver, Paths, UnfitError
from analyzer.formats.records import Tree, fill, missing, object_decoder
from analyzer.formats.values import count, dig, event_id, first_text, flag, moment_ms, text

_KEYS = (
    "id", "litellm_call_id", "trace_id", "call_type", "stream", "status", "startTime", "endTime",
    "prompt_tokens", "completion_tokens", "cache_hit", "model", "model_group", "end_user",
    "error_str", "error_information", "model_parameters", "messages", "request_tags", "metadata",
    "requester_ip_address", "user_agent",
)  # fmt: skip
_OPERATIONS = {
    "completion": "chat", "acompletion": "chat", "text_completion": "completion",
    "atext_completion": "completion", "embedding": "embeddings", "aembedding": "embeddings",
    "anthropic_messages": "chat", "responses": "chat", "aresponses": "chat",
    "acreate_batch": "batch", "create_batch": "batch",
}  # fmt: skip
_TEMPLATE = "prompt_management_metadata.prompt_id"
_REASONING = "usage_object.completion_tokens_details.reasoning_tokens"
_REJECTED = "No connected db."
_AGENT = "User-Agent: "


class _Choice(msgspec.Struct):
    finish_reason: Any = None


class _Answer(msgspec.Struct):
    choices: list[_Choice] = []
    stop_reason: Any = None


_answer = msgspec.json.Decoder(_Answer).decode


class LiteLlm:
    """One payload is one event, or none."""

    name: ClassVar[str] = "litellm"
    marks: ClassVar[tuple[bytes, ...]] = (
        b'"litellm_call_id"',
        b'"call_type"',
        b'"user_api_key_hash"',
    )
    paths: ClassVar[Paths] = Paths(
        account=("metadata.user_api_key_hash", "metadata.user_api_key_user_id"),
        organisation=("metadata.user_api_key_org_id", "metadata.user_api_key_team_id"),
        address=("metadata.requester_ip_address", "requester_ip_address"),
    )
    losses: ClassVar[dict[str, str]] = {
        "account_created_ms": "keys have no date in the payload",
        "api_key_id": "the key is the account",
        "asn": "an address is all there is",
        "country": "an address is all there is",
        "tls_ja4": "the proxy does not see the client's handshake",
        "payment_ref": "billing is elsewhere",
        "signup_ref": "billing is elsewhere",
        "prompt_hash": "made of the messages, where they are logged",
    }

    def __init__(self, paths: Paths, proxies: int) -> None:
        self._paths, self._proxies = paths, proxies
        self._decode = object_decoder(_KEYS, paths, raw="response")

    def recipe(self) -> Recipe | None:
        """Its common records, without Python objects."""
        return recipe(self._paths, _OPERATIONS, _REJECTED, _AGENT)

    def read(self, record: bytes) -> Iterable[Outcome]:
        """The payload as an event, unless it is a cache hit or a key that was refused."""
        tree = self._decode(record)
        if "call_type" not in tree and "litellm_call_id" not in tree:
            raise UnfitError
        reason = _passed_over(tree)
        return [PassedOver(reason) if reason else self._event(tree, record)]

    def _event(self, tree: Tree, record: bytes) -> Draft:
        account = first_text(tree, self._paths.account)
        model = text(tree.get("model_group")) or text(tree.get("model"))
        started = moment_ms(tree.get("startTime"))
        if account is None:
            raise missing(self.name, "account", self._paths.account)
        if started is None:
            raise missing(self.name, "startTime")
        if model is None:
            raise missing(self.name, "model")
        finish = _finish_reason(tree.get("response"))
        draft = Draft(
            event_id(tree.get("litellm_call_id") or tree.get("id"), record),
            started,
            account,
            model[:256],
            count(tree.get("prompt_tokens")) or 0,
            count(tree.get("completion_tokens")) or 0,
            _status(tree, finish),
        )
        draft.finish_reason = finish
        draft.stream = flag(tree.get("stream"))
        draft.latency_ms = _latency(started, tree.get("endTime"))
        call = tree.get("call_type")
        draft.operation = _OPERATIONS.get(call, text(call)) if isinstance(call, str) else None
        draft.end_user_id = text(tree.get("end_user"))
        metadata = tree.get("metadata")
        if isinstance(metadata, dict):
            if metadata.get("requester_metadata"):
                draft.conversation_id = text(dig(metadata, "requester_metadata.session_id"))
            if metadata.get("usage_object"):
                draft.reasoning_tokens = count(dig(metadata, _REASONING))
            if metadata.get("prompt_management_metadata"):
                draft.prompt_template_id = text(dig(metadata, _TEMPLATE))
        draft.user_agent = _user_agent(tree)
        draft.prompt_text = prompt_of(tree.get("messages"))
        draft.sampling(tree.get("model_parameters"))
        return fill(draft, tree, self._paths, self._proxies)


def _passed_over(tree: Tree) -> str | None:
    """Why the payload is not the account's traffic; None if it is."""
    if flag(tree.get("cache_hit")):
        return "cache_hit"
    if tree.get("status") == "failure" and _is_rejected(tree):
        return "rejected_key"
    if not text(tree.get("model")) and not text(tree.get("model_group")):
        return "no_llm_call"
    return None


def _is_rejected(tree: Tree) -> bool:
    """Whether the key was refused: what stands for the account is then what somebody sent.

    A key of one's own check (custom_auth) that raises has no code, only where it was raised; so
    have limits and budgets of good keys, but they have a code.
    """
    error = tree.get("error_information")
    error = error if isinstance(error, dict) else {}
    code = str(error.get("error_code") or "")
    said = f"{error.get('error_message')} {tree.get('error_str')}"
    raised_at = str(error.get("traceback"))
    return code == "401" or _REJECTED in said or (not code and "user_api_key_auth" in raised_at)


def _status(tree: Tree, finish: str | None) -> Status:
    if tree.get("status") != "failure":
        return "refused" if finish in {"content_filter", "refusal"} else "ok"
    error = tree.get("error_information")
    error = error if isinstance(error, dict) else {}
    code, kind = str(error.get("error_code") or ""), str(error.get("error_class") or "")
    if code == "429" or "RateLimit" in kind:
        return "rate_limited"
    return "refused" if code == "403" or "ContentPolicy" in kind else "error"


def _finish_reason(response: msgspec.Raw | None) -> str | None:
    """Of the first answer, whatever else is in it."""
    if response is None:
        return None
    try:
        found = _answer(response)
    except UNREADABLE:  # redacted, or an answer of another shape
        return None
    return text(found.choices[0].finish_reason if found.choices else found.stop_reason)


def _latency(started_ms: int, ended: Any) -> int | None:
    ended_ms = moment_ms(ended)
    return ended_ms - started_ms if ended_ms is not None and ended_ms >= started_ms else None


def _user_agent(tree: Tree) -> str | None:
    """The header, or the most exact of the tags that the proxy makes of it."""
    if header := text(tree.get("user_agent")) or text(dig(tree, "metadata.user_agent")):
        return header
    tags = tree.get("request_tags")
    agents = [
        tag.removeprefix(_AGENT)
        for tag in (tags if isinstance(tags, list) else ())
        if isinstance(tag, str) and tag.startswith(_AGENT)
    ]
    return text(max(agents, key=len, default=None))
