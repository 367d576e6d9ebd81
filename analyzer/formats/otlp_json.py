"""OpenTelemetry: OTLP traces and logs as JSON (collector's Kafka and file exporters).

One message holds many spans. Ids are hexadecimal text, 64-bit numbers are text, zero values
are left out, and log records may have nothing but ``observedTimeUnixNano``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, ClassVar

import msgspec

from analyzer.errors import BadRecord
from analyzer.formats import otlp_attributes as attributes
from analyzer.formats.compiled.recipe import Recipe
from analyzer.formats.draft import Draft
from analyzer.formats.otlp_attributes import Attributes, plain
from analyzer.formats.otlp_recipe import recipe
from analyzer.formats.protocol import Outcome, PassedOver, Paths, UnfitError
from analyzer.formats.records import decoded, missing
from analyzer.formats.values import client_address, dig, event_id, moment_ms, text


class _KeyValue(msgspec.Struct):
    key: str = ""
    value: Any = None


Around = tuple[Attributes, ...]
"""Attributes of a span, of those that it is in, and of its resource."""
_List = list[_KeyValue] | None


class _Resource(msgspec.Struct):
    attributes: _List = None


class _Span(msgspec.Struct, rename="camel"):
    trace_id: Any = None
    span_id: Any = None
    parent_span_id: Any = None
    kind: Any = None
    start_time_unix_nano: Any = None
    end_time_unix_nano: Any = None
    time_unix_nano: Any = None
    observed_time_unix_nano: Any = None
    event_name: Any = None
    attributes: _List = None
    status: Any = None
    body: Any = None


class _Scope(msgspec.Struct, rename="camel"):
    spans: list[_Span] | None = None
    log_records: list[_Span] | None = None


class _Group(msgspec.Struct, rename="camel"):
    resource: _Resource | None = None
    scope_spans: list[_Scope] | None = None
    instrumentation_library_spans: list[_Scope] | None = None
    scope_logs: list[_Scope] | None = None


class _Message(msgspec.Struct, rename="camel"):
    resource_spans: list[_Group] | None = None
    resource_logs: list[_Group] | None = None


_decode = msgspec.json.Decoder(_Message).decode
_DETAILS = "gen_ai.client.inference.operation.details"
_SERVER = (2, "SPAN_KIND_SERVER")
_AGENT = ("user_agent.original", "http.user_agent", "http.request.header.user-agent")
_CONVERSATION = (
    "gen_ai.conversation.id",
    "session.id",
    "traceloop.association.properties.session_id",
)


class OtlpJson:
    """One message is as many events as it holds calls of a model."""

    name: ClassVar[str] = "otlp-json"
    marks: ClassVar[tuple[bytes, ...]] = (b'"resourceSpans"', b'"resourceLogs"')
    paths: ClassVar[Paths] = Paths(
        account=(
            "user.id", "enduser.id", "gen_ai.user", "gen_ai.request.user", "llm.user",
            "llm.request.user", "gen_ai.openai.request.user", "enduser.pseudo.id", "user_id",
            "account.id", "account_id", "traceloop.association.properties.user_id",
            "langfuse.user.id", "metadata.user_api_key_hash", "http.request.header.x-account-id",
            "http.request.header.x-user-id", "llm.invocation_parameters.user",
        ),
        organisation=(
            "organization.id", "org.id", "organisation.id", "tenant.id", "user.organization.id",
            "enduser.organization.id", "org_id", "tenant_id",
            "traceloop.association.properties.org_id", "metadata.user_api_key_org_id",
            "metadata.user_api_key_team_id", "http.request.header.x-org-id",
        ),
        address=(
            "client.address", "http.client_ip", "http.request.header.x-forwarded-for",
            "source.address", "client.ip",
        ),
    )  # fmt: skip
    losses: ClassVar[dict[str, str]] = {
        "account_created_ms": "no attribute has it",
        "asn": "an address is all there is",
        "country": "an address is all there is",
        "tls_ja4": "no attribute has it",
        "payment_ref": "no attribute has it",
        "signup_ref": "no attribute has it",
        "api_key_id": "no attribute has it",
        "end_user_id": "user.id is taken for the account; set a path if it is the end user",
        "logprobs": "no attribute has it",
        "prompt_hash": "made of the messages, where capture is on",
    }

    def __init__(self, paths: Paths, proxies: int) -> None:
        self._paths, self._proxies = paths, proxies

    def recipe(self) -> Recipe | None:
        """Its spans, without Python objects."""
        return recipe(self._paths, _AGENT, _CONVERSATION)

    def read(self, record: bytes) -> Iterable[Outcome]:
        """Every call in the message, in its order."""
        message = decoded(_decode, record)
        if message.resource_spans is None and message.resource_logs is None:
            raise UnfitError
        found: list[Outcome] = []
        for group in message.resource_spans or ():
            scopes = (group.scope_spans or []) + (group.instrumentation_library_spans or [])
            spans = [span for scope in scopes for span in scope.spans or ()]
            found += self._spans(spans, _values(group.resource))
        for group in message.resource_logs or ():
            records = [log for scope in group.scope_logs or () for log in scope.log_records or ()]
            found += [self._log(log, _values(group.resource)) for log in records]
        return found or [PassedOver("control")]

    def _spans(self, spans: list[_Span], resource: Attributes) -> Iterator[Outcome]:
        read = [(span, _values(span)) for span in spans]
        calls = {str(span.span_id) for span, found in read if attributes.operation_of(found)}
        by_id = {str(span.span_id): (span, found) for span, found in read}
        for span, found in read:
            operation = attributes.operation_of(found)
            if operation is None:
                yield PassedOver("no_llm_call")
            elif span.parent_span_id and str(span.parent_span_id) in calls:
                yield PassedOver("inner_call")  # two libraries have seen the same call
            else:
                around = (*_above(span, by_id), resource)
                yield self._outcome(span, found, around, operation)

    def _log(self, log: _Span, resource: Attributes) -> Outcome:
        found = _values(log)
        name = log.event_name or plain(found.get("event.name"))
        body = plain(log.body)
        if isinstance(name, str) and name.startswith("gen_ai.") and name != _DETAILS:
            return PassedOver("message_event")  # one message of a call that has a span
        if isinstance(body, dict):
            found = {**body, **found}
        operation = attributes.operation_of(found)
        if operation is None:
            return PassedOver("no_llm_call")
        return self._outcome(log, found, (resource,), operation)

    def _outcome(self, span: _Span, found: Attributes, around: Around, operation: str) -> Outcome:
        try:
            return self._event(span, found, around, operation)
        except BadRecord as bad:
            return bad

    def _event(self, span: _Span, found: Attributes, around: Around, operation: str) -> Draft:
        started = next(
            (
                ms
                for written in (
                    span.start_time_unix_nano, span.time_unix_nano, span.observed_time_unix_nano,
                )
                if (ms := moment_ms(written))
            ),
            None,
        )  # fmt: skip
        account = self._text(self._paths.account, (found, *around))
        model = text(attributes.first(found, attributes.MODEL))
        if account is None:
            raise missing(self.name, "account", self._paths.account)
        if started is None:
            raise missing(self.name, "startTimeUnixNano")
        if model is None:
            raise missing(self.name, "gen_ai.request.model")
        finish = attributes.finish_reason(found)
        draft = Draft(
            _span_id(span, found),
            started,
            account,
            model[:256],
            attributes.tokens(found, attributes.INPUT),
            attributes.tokens(found, attributes.OUTPUT),
            attributes.status_from(found, span.status, finish),
        )
        draft.finish_reason, draft.operation = finish, operation
        draft.reasoning_tokens = attributes.tokens(found, attributes.REASONING) or None
        ended = moment_ms(span.end_time_unix_nano)
        draft.latency_ms = ended - started if ended is not None and ended >= started else None
        draft.user_agent = text(attributes.first(found, _AGENT))
        draft.conversation_id = text(attributes.first(found, _CONVERSATION))
        draft.prompt_template_id = text(
            attributes.first(found, ("gen_ai.prompt.name", "llm.prompt_template.version"))
        )
        draft.prompt_text = attributes.prompt(found)
        attributes.sampling(found, draft)
        return self._fill(draft, span, (found, *around))

    def _fill(self, draft: Draft, span: _Span, around: Around) -> Draft:
        paths = self._paths
        draft.org_id = self._text(paths.organisation, around)
        # The peer of a client's span is the model's server, not the customer.
        peers = ("net.sock.peer.addr", "network.peer.address") if span.kind in _SERVER else ()
        for path in (*paths.address, *peers):
            address = client_address(_look(path, around), self._proxies)
            if address is not None:
                draft.client_ip = address
                break
        for field, places in paths.more:
            if (value := self._text(places, around)) is not None:
                draft.put(field, value)
        return draft

    @staticmethod
    def _text(paths: tuple[str, ...], around: Around) -> str | None:
        for path in paths:
            value = _look(path, around)
            if isinstance(value, list):  # a header may come more than once
                value = value[0] if value else None
            if (said := text(value)) is not None:
                return said
        return None


def _values(holder: _Span | _Resource | None) -> Attributes:
    """Attributes by name, their values still as OTLP writes them."""
    if holder is None or not holder.attributes:
        return {}
    return {pair.key: pair.value for pair in holder.attributes}


def _above(span: _Span, by_id: dict[str, tuple[_Span, Attributes]]) -> Iterator[Attributes]:
    """Attributes of the spans that a span is in, from the inside, as far as they are here.

    Who asks, and from where, is often told by the server's span around a call alone.
    """
    seen = {str(span.span_id)}
    while span.parent_span_id and (parent := str(span.parent_span_id)) not in seen:
        seen.add(parent)
        if parent not in by_id:
            return
        span, found = by_id[parent]
        yield found


def _look(path: str, around: Around) -> Any:
    """An attribute of the nearest that has it; JSON in one is looked into."""
    for values in around:
        if path in values:
            return plain(values[path])
    at = path.rfind(".")
    while at > 0:
        for values in around:
            if path[:at] in values:
                return dig(plain(values[path[:at]]), path[at + 1 :])
        at = path.rfind(".", 0, at)
    return None


def _span_id(span: _Span, found: Attributes) -> str:
    """Trace and span together; what a log record says of a call has the id of the call's span."""
    if span.trace_id and span.span_id:
        return event_id(f"{span.trace_id}-{span.span_id}", b"")
    answer = plain(found.get("gen_ai.response.id"))
    return event_id(answer, msgspec.json.encode(span))
