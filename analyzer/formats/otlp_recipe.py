"""How spans are read without Python objects: what :mod:`.otlp_json` says, as tables.

Spans of the GenAI conventions, one by one: those that know one another, those of OpenInference
and OpenLLMetry's own kinds, captured messages and log records are left to the exact way.
"""

from __future__ import annotations

from analyzer.formats import otlp_attributes as attributes
from analyzer.formats.compiled.recipe import EACH, PAIRS, As, If, Made, Place, Recipe, Rule, Then
from analyzer.formats.protocol import Paths
from analyzer.formats.values import EVENT_ID_LIMIT

_GROUP: Place = ("resourceSpans", EACH)
_SCOPES: Place = (*_GROUP, "scopeSpans")
_SPAN: Place = (*_SCOPES, EACH, "spans", EACH)
_RESOURCE: Place = (*_GROUP, "resource")
_STATUS: Place = (*_SPAN, "status", "code")
_FINISH = "gen_ai.response.finish_reasons"
_FINISHES = ("gen_ai.completion.0.finish_reason", "llm.finish_reason", "gen_ai.finish_reason")
_ERROR = "error.type"
_NAMED = ("gen_ai.operation.name", "llm.request.type")
_STREAM = ("gen_ai.request.stream", "llm.is_streaming", "gen_ai.is_streaming")
_TEMPLATE = ("gen_ai.prompt.name", "llm.prompt_template.version")
_LEFT = (
    "openinference.span.kind", "traceloop.span.kind", "llm.invocation_parameters",
    "input.mime_type", *attributes.MESSAGES,
    *(prefix + "*" for prefix, _, _ in attributes.NUMBERED),
)  # fmt: skip
"""Attributes that ask for more than this way can."""


def recipe(paths: Paths, agent: tuple[str, ...], conversation: tuple[str, ...]) -> Recipe | None:
    """The spans' recipe; None if settings ask for more than it can."""
    if paths.more:
        return None
    told = (*paths.account, *paths.organisation, *paths.address)
    return Recipe(
        event=_SPAN,
        must=(("resourceSpans",),),
        fields=_fields(paths, agent, conversation),
        rules=_rules(),
        traps=_traps(told),
        lists=tuple(
            place
            for name in (*paths.account, *paths.organisation, _FINISH)
            for place in _around(name)
        ),
        group=_GROUP,
        identity=((*_SPAN, "spanId"), (*_SPAN, "parentSpanId")),
        first=((_RESOURCE, _SCOPES),),
    )


def _of(*names: str) -> tuple[Place, ...]:
    """Attributes of the span."""
    return tuple((*_SPAN, "attributes", PAIRS, name) for name in names)


def _around(name: str) -> tuple[Place, ...]:
    """An attribute of the span, or else of its resource."""
    return (*_of(name), (*_RESOURCE, "attributes", PAIRS, name))


def _traps(told: tuple[str, ...]) -> tuple[Place, ...]:
    heads = {path[:at] for path in told for at in range(len(path)) if path[at] == "."}
    kept = {*_NAMED, *_STREAM, *_TEMPLATE, *_FINISHES, _FINISH, _ERROR}
    named = [place for head in sorted(heads - kept) for place in _around(head)]
    return (
        ("resourceLogs",),
        (*_GROUP, "instrumentationLibrarySpans"),
        *_of(*_LEFT),
        *named,
    )


def _rules() -> tuple[Rule, ...]:
    models, named = _of(*attributes.MODEL), _of(*_NAMED)
    code, finish = _of(*attributes.CODE), _of(_FINISH, *_FINISHES)
    known = tuple(attributes.OPERATIONS)
    return (
        Rule(If.WORD, named, Then.PASS_OVER, tuple(attributes.NO_CALL), said="no_llm_call"),
        Rule(If.WORD, named, Then.SKIP, known, skip=1),
        Rule(If.ABSENT, models, Then.PASS_OVER, said="no_llm_call"),
        Rule(If.WORD, ((*_SPAN, "kind"),), Then.LEAVE, ("2", "SPAN_KIND_SERVER")),
        Rule(If.WORD, _of(_ERROR), Then.STATUS, tuple(attributes.LIMITS), said="rate_limited"),
        Rule(If.HOLDS, _of(_ERROR), Then.STATUS, ("RateLimit",), said="rate_limited"),
        Rule(If.WORD, code, Then.SKIP, ("499",), skip=3),
        Rule(If.WORD, code, Then.STATUS, ("429",), said="rate_limited"),
        Rule(If.WORD, code, Then.STATUS, ("403", "451"), said="refused"),
        Rule(If.LEAST, code, Then.STATUS, ("400",), said="error"),
        Rule(If.JSON, finish, Then.LEAVE),
        Rule(If.WORD, finish, Then.STATUS, attributes.REFUSALS, said="refused"),
        Rule(If.SETTLED, (), Then.SKIP, skip=3),
        Rule(If.WORD, (_STATUS,), Then.LEAVE, ("2", "STATUS_CODE_ERROR")),  # its message counts
        Rule(If.EMPTY, _of(_ERROR), Then.SKIP, skip=1),
        Rule(If.ALWAYS, (), Then.STATUS, said="error"),
    )


def _fields(
    paths: Paths, agent: tuple[str, ...], conversation: tuple[str, ...]
) -> tuple[Made, ...]:
    """In the order of :class:`~analyzer.formats.draft.Draft`."""

    def own(*names: str) -> tuple[tuple[Place, ...], ...]:
        return (_of(*names),)

    def anywhere(names: tuple[str, ...]) -> tuple[tuple[Place, ...], ...]:
        return tuple(_around(name) for name in names)

    times = ("startTimeUnixNano", "timeUnixNano", "observedTimeUnixNano")
    started = tuple(((*_SPAN, name),) for name in times)
    ids = tuple(((*_SPAN, name),) for name in ("traceId", "spanId"))
    words = tuple(attributes.OPERATIONS.items())
    return (
        Made("event_id", As.JOINED, ids, required=True, limit=EVENT_ID_LIMIT),
        Made("timestamp_ms", As.MOMENT, started, required=True),
        Made("account_id", As.TEXT, anywhere(paths.account), required=True),
        Made("model", As.TEXT, own(*attributes.MODEL), required=True, limit=256),
        Made("input_tokens", As.COUNT_OR_ZERO, own(*attributes.INPUT)),
        Made("output_tokens", As.COUNT_OR_ZERO, own(*attributes.OUTPUT)),
        Made("status", As.STATUS, ()),
        Made("client_ip", As.ADDRESS, anywhere(paths.address)),
        Made("org_id", As.TEXT, anywhere(paths.organisation)),
        Made("conversation_id", As.TEXT, own(*conversation)),
        Made("user_agent", As.TEXT, own(*agent)),
        Made("operation", As.WORD, own(*_NAMED), words=words, otherwise="chat"),
        Made("stream", As.FLAG, own(*_STREAM)),
        Made("temperature", As.REAL, own("gen_ai.request.temperature")),
        Made("top_p", As.REAL, own("gen_ai.request.top_p")),
        Made("max_tokens", As.COUNT, own("gen_ai.request.max_tokens")),
        Made("n", As.COUNT, own("gen_ai.request.choice.count")),
        Made("reasoning_tokens", As.COUNT_OR_NONE, own(*attributes.REASONING)),
        Made("latency_ms", As.LATENCY, (((*_SPAN, "endTimeUnixNano"),),)),
        Made("finish_reason", As.TEXT, own(_FINISH, *_FINISHES)),
        Made("prompt_template_id", As.TEXT, own(*_TEMPLATE)),
    )
