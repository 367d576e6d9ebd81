"""How a LiteLLM payload is read without Python objects: what :mod:`.litellm` says, as tables."""

from __future__ import annotations

from collections.abc import Mapping

from analyzer.formats.compiled.recipe import (
    FIRST,
    As,
    If,
    Made,
    Place,
    Recipe,
    Rule,
    Then,
    ambiguous,
    dotted,
)
from analyzer.formats.prompts import REDACTED
from analyzer.formats.protocol import Paths
from analyzer.formats.values import EVENT_ID_LIMIT

_META, _SENT, _ERROR = ("metadata",), ("model_parameters",), ("error_information",)
_CHOICES = ("response", "choices")
_FINISH: Place = (*_CHOICES, FIRST, "finish_reason")
_STOP: Place = ("response", "stop_reason")
_MODELS: tuple[Place, ...] = (("model_group",), ("model",))
_CODE: Place = (*_ERROR, "error_code")
_CLASS: Place = (*_ERROR, "error_class")
_SAID: tuple[Place, ...] = ((*_ERROR, "error_message"), ("error_str",))
_TEMPLATE = "metadata.prompt_management_metadata.prompt_id"
_SESSION = "metadata.requester_metadata.session_id"
_REASONING = "metadata.usage_object.completion_tokens_details.reasoning_tokens"
_AGENT = "metadata.user_agent"


def recipe(paths: Paths, operations: Mapping[str, str], rejected: str, tag: str) -> Recipe | None:
    """The payload's recipe; None if settings ask for more than it can."""
    told = (*paths.account, *paths.organisation, *paths.address)
    if paths.more or any(path.split(".")[0] == "response" for path in told):
        return None
    own = (_TEMPLATE, _SESSION, _REASONING, _AGENT)
    return Recipe(
        event=(),
        must=(("call_type",), ("litellm_call_id",)),
        fields=_fields(paths, operations, tag),
        rules=_rules(rejected),
        traps=ambiguous((*told, *own)),
        loose=(("response",),),
    )


def _rules(rejected: str) -> tuple[Rule, ...]:
    failed = (
        Rule(If.WORD, (_CODE,), Then.PASS_OVER, ("401",), said="rejected_key"),
        Rule(If.HOLDS, _SAID, Then.PASS_OVER, (rejected,), said="rejected_key"),
        Rule(If.EMPTY, (_CODE,), Then.LEAVE),  # where it was raised tells whether it is rejected
        Rule(If.WORD, (_CODE,), Then.STATUS, ("429",), said="rate_limited"),
        Rule(If.HOLDS, (_CLASS,), Then.STATUS, ("RateLimit",), said="rate_limited"),
        Rule(If.WORD, (_CODE,), Then.STATUS, ("403",), said="refused"),
        Rule(If.HOLDS, (_CLASS,), Then.STATUS, ("ContentPolicy",), said="refused"),
        Rule(If.ALWAYS, (), Then.STATUS, said="error"),
    )
    return (
        Rule(If.TRUE, (("cache_hit",),), Then.PASS_OVER, said="cache_hit"),
        Rule(If.NO_WORD, (("status",),), Then.SKIP, ("failure",), skip=len(failed)),
        *failed,
        Rule(If.SILENT, _MODELS, Then.PASS_OVER, said="no_llm_call"),
        # Two shapes of an answer in one: which of them counts, the exact way says.
        Rule(If.ABSENT, (_STOP,), Then.SKIP, skip=2),
        Rule(If.ABSENT, (_CHOICES,), Then.SKIP, skip=1),
        Rule(If.ALWAYS, (), Then.LEAVE),
        Rule(If.WORD, (_FINISH, _STOP), Then.STATUS, ("content_filter", "refusal"), "refused"),
    )


def _fields(paths: Paths, operations: Mapping[str, str], tag: str) -> tuple[Made, ...]:
    """In the order of :class:`~analyzer.formats.draft.Draft`."""

    def sent(*names: str) -> tuple[Place, ...]:
        return tuple((*_SENT, name) for name in names)

    start, end = (("startTime",),), (("endTime",),)
    ids = (("litellm_call_id",),), (("id",),)
    most = sent("max_tokens", "max_completion_tokens"), sent("maxTokens")
    agent = (("user_agent",),), *dotted((_AGENT,)), (("request_tags",),)
    models = tuple((place,) for place in _MODELS)
    return (
        Made("event_id", As.ID, ids, required=True, limit=EVENT_ID_LIMIT),
        Made("timestamp_ms", As.MOMENT, (start,), required=True),
        Made("account_id", As.TEXT, dotted(paths.account), required=True),
        Made("model", As.TEXT, models, required=True, limit=256),
        Made("input_tokens", As.COUNT_OR_ZERO, ((("prompt_tokens",),),)),
        Made("output_tokens", As.COUNT_OR_ZERO, ((("completion_tokens",),),)),
        Made("status", As.STATUS, ()),
        Made("client_ip", As.ADDRESS, dotted(paths.address)),
        Made("org_id", As.TEXT, dotted(paths.organisation)),
        Made("end_user_id", As.TEXT, ((("end_user",),),)),
        Made("conversation_id", As.TEXT, dotted((_SESSION,))),
        Made("user_agent", As.TAGGED, agent, tag=tag),
        Made("operation", As.WORD, ((("call_type",),),), words=tuple(operations.items())),
        Made("stream", As.FLAG, ((("stream",),), sent("stream"))),
        Made("logprobs", As.FLAG, (sent("logprobs"),)),
        Made("temperature", As.REAL, (sent("temperature"),)),
        Made("top_p", As.REAL, (sent("top_p", "topP"),)),
        Made("max_tokens", As.COUNT, most, present=True),
        Made("n", As.COUNT, (sent("n"),)),
        Made("reasoning_tokens", As.COUNT, dotted((_REASONING,))),
        Made("latency_ms", As.LATENCY, (end,)),
        Made("finish_reason", As.TEXT, ((_FINISH,), (_STOP,))),
        Made("prompt_template_id", As.TEXT, dotted((_TEMPLATE,))),
        Made(
            "prompt_text",
            As.PROMPT,
            ((("messages",),),),
            words=tuple((word, "") for word in sorted(REDACTED)),
        ),
    )
