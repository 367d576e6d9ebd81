"""Azure API Management: its resource logs as Azure Monitor puts them into Event Hubs.

A request leaves two kinds of entries: GatewayLogs (who, from where, what became of it) and
GatewayLlmLogs (model, tokens, messages; several if the messages are long). They are joined by
``correlationId`` within one record; an LLM entry that comes alone must name an account itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, ClassVar

import msgspec

from analyzer.errors import BadRecord
from analyzer.formats.draft import Draft
from analyzer.formats.prompts import prompt_of
from analyzer.formats.protocol import Outcome, PassedOver, Paths, UnfitError
from analyzer.formats.records import Tree, decoded, fill, missing
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

_decode = msgspec.json.Decoder(dict[str, Any]).decode


class AzureApim:
    """A record is ``{"records": […]}`` or one entry; a pair of entries is one event."""

    name: ClassVar[str] = "azure-apim"
    marks: ClassVar[tuple[bytes, ...]] = (
        b'"GatewayLlmLogs"', b'"GatewayLogs"', b"MICROSOFT.APIMANAGEMENT",
        b"Microsoft.ApiManagement", b'"apimSubscriptionId"', b'"ApiManagementGatewayLlmLog"',
    )  # fmt: skip
    paths: ClassVar[Paths] = Paths(
        account=("apimsubscriptionid", "subscriptionid", "userid", "accountid"),
        organisation=("productid",),
        address=("calleripaddress", "clientip", "requestheaders.x-forwarded-for"),
    )
    losses: ClassVar[dict[str, str]] = {
        "org_id": "a subscription's product at most",
        "account_created_ms": "a subscription has no date in the log",
        "asn": "an address is all there is",
        "country": "an address is all there is",
        "user_agent": "only if the header is among those logged, with a path set",
        "tls_ja4": "the log has the version alone",
        "payment_ref": "billing is elsewhere",
        "signup_ref": "billing is elsewhere",
        "api_key_id": "not in the log",
        "end_user_id": "only in the body",
        "conversation_id": "the gateway knows none",
        "logprobs": "parameters are not logged",
        "temperature": "parameters are not logged",
        "top_p": "parameters are not logged",
        "max_tokens": "parameters are not logged",
        "n": "parameters are not logged",
        "prompt_template_id": "the gateway knows none",
        "prompt_hash": "made of requestMessages, where they are logged",
        "reasoning_tokens": "not in the log",
        "finish_reason": "only in the answer",
    }

    def __init__(self, paths: Paths, proxies: int) -> None:
        # Resource logs and exported tables differ in case alone.
        lower = tuple(path.lower() for path in paths.account)
        self._paths = Paths(
            lower,
            tuple(path.lower() for path in paths.organisation),
            tuple(path.lower() for path in paths.address),
            tuple((name, tuple(p.lower() for p in places)) for name, places in paths.more),
        )
        self._proxies = proxies

    def read(self, record: bytes) -> Iterable[Outcome]:
        """Every request of the record, in the order of its first entry."""
        tree = decoded(_decode, record)
        entries = tree.get("records")
        if not isinstance(entries, list):
            entries = [tree]
        flat = [_flat(entry) for entry in entries if isinstance(entry, dict)]
        if not any(map(_is_ours, flat)):
            raise UnfitError
        requests: dict[str, list[Tree]] = {}
        for at, entry in enumerate(flat):
            requests.setdefault(text(entry.get("correlationid")) or f"#{at}", []).append(entry)
        return list(self._outcomes(requests, record))

    def _outcomes(self, requests: dict[str, list[Tree]], record: bytes) -> Iterator[Outcome]:
        for name, entries in requests.items():
            whole = {key: value for entry in reversed(entries) for key, value in entry.items()}
            if count(_code(whole)) == 401:
                yield PassedOver("rejected_key")
            elif not any(map(_model, entries)):
                yield PassedOver("no_llm_call")
            elif str(whole.get("cache")).lower() == "hit":
                yield PassedOver("cache_hit")
            else:
                try:
                    yield self._event(name, whole, entries, record)
                except BadRecord as bad:
                    yield bad

    def _event(self, name: str, whole: Tree, entries: list[Tree], record: bytes) -> Draft:
        account = first_text(whole, self._paths.account)
        started = moment_ms(whole.get("time")) or moment_ms(whole.get("timegenerated"))
        if account is None:
            bad = missing(self.name, "account", self._paths.account)
            raise BadRecord(
                bad.reason, f"{bad.detail}, or send GatewayLogs with it: no entry of {name} has one"
            )
        if started is None:
            raise missing(self.name, "time")
        entries = sorted(entries, key=lambda entry: count(entry.get("sequencenumber")) or 0)
        calls = [entry for entry in entries if _model(entry) is not None]
        draft = Draft(
            event_id(None if name.startswith("#") else name, record + name.encode()),
            started,
            account,
            (_model(calls[0]) or "")[:256],
            max(count(entry.get("prompttokens")) or 0 for entry in calls),
            max(count(entry.get("completiontokens")) or 0 for entry in calls),
            status_of(_code(whole)),
        )
        draft.stream = flag(whole.get("isstreamcompletion"))
        draft.latency_ms = count(whole.get("durationms"))
        draft.operation = _operation(whole)
        draft.user_agent = text(dig(whole, "requestheaders.user-agent"))
        draft.prompt_text = _prompt(entries)
        return fill(draft, whole, self._paths, self._proxies)


def _flat(entry: Tree) -> Tree:
    """The entry with its properties, all keys in lower case."""
    found = {key.lower(): value for key, value in entry.items()}
    properties = found.pop("properties", None)
    if isinstance(properties, dict):
        found.update((key.lower(), value) for key, value in properties.items())
    return found


def _is_ours(entry: Tree) -> bool:
    category = text(entry.get("category")) or text(entry.get("type")) or ""
    return "gateway" in category.lower() or bool(
        entry.keys() & {"apimsubscriptionid", "isstreamcompletion", "deploymentname"}
    )


def _model(entry: Tree) -> str | None:
    return text(entry.get("modelname")) or text(entry.get("deploymentname"))


def _prompt(entries: list[Tree]) -> str | None:
    """What the customer wrote; messages beyond 32 KB are cut into several entries, JSON and all."""
    parts = [found for entry in entries if (found := entry.get("requestmessages"))]
    joined = parsed("".join(map(str, parts)))
    return prompt_of(*parts) if isinstance(joined, str) else prompt_of(joined)


def _code(entry: Tree) -> Any:
    return entry.get("responsecode", entry.get("backendresponsecode"))


def _operation(entry: Tree) -> str:
    named = f"{entry.get('operationid')} {entry.get('operationname')} {entry.get('url')}".lower()
    return "embeddings" if "embedding" in named else "chat"
