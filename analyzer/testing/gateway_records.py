"""Native events as the records that each gateway would have logged: the other way round."""

from __future__ import annotations

import base64
import datetime as dt
from collections.abc import Callable, Iterator
from typing import Any

import orjson

from analyzer.simulate import generate

Event = dict[str, Any]
HTTP = {"ok": 200, "error": 500, "refused": 403, "rate_limited": 429}


def full_events() -> Iterator[Event]:
    """Requests of a small world with prompts, each with optional fields of a real client."""
    for number, line in enumerate(generate("text", 5, 0.05, 1.0).lines()):
        event = orjson.loads(line)
        event["event_id"] = f"{number:032x}-{number:016x}"
        event["operation"] = "completion" if number % 9 == 0 else "chat"
        event["conversation_id"] = f"conversation-{number // 3}"
        event["finish_reason"] = "length" if number % 5 == 0 else "stop"
        yield event


def given(**fields: Any) -> dict[str, Any]:
    """The fields that are there."""
    return {key: value for key, value in fields.items() if value is not None}


def iso(ms: int) -> str:
    """A time as gateways write it."""
    moment = dt.datetime.fromtimestamp(ms / 1_000, dt.UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def messages(event: Event) -> list[dict[str, Any]] | None:
    """The prompt as a chat."""
    text = event.get("prompt_text")
    return None if text is None else [{"role": "user", "content": text}]


def sampling(event: Event) -> dict[str, Any]:
    """The sampling parameters that are given."""
    names = ("temperature", "top_p", "max_tokens", "n", "logprobs", "stream")
    return {name: event[name] for name in names if event.get(name) is not None}


def native(event: Event) -> bytes:
    """The contract itself."""
    return orjson.dumps(event)


def litellm(event: Event) -> bytes:
    """StandardLoggingPayload."""
    status, latency = event["status"], event.get("latency_ms")
    payload = {
        "id": "chatcmpl-" + event["event_id"],
        "litellm_call_id": event["event_id"],
        "call_type": "atext_completion"
        if event.get("operation") == "completion"
        else "acompletion",
        "status": "success" if status == "ok" else "failure",
        "startTime": event["timestamp_ms"] / 1_000,
        "endTime": None if latency is None else (event["timestamp_ms"] + latency) / 1_000,
        "model": "deployment-of-" + event["model"],
        "model_group": event["model"],
        "prompt_tokens": event["input_tokens"],
        "completion_tokens": event["output_tokens"],
        "cache_hit": None,
        "stream": event.get("stream"),
        "end_user": event.get("end_user_id"),
        "request_tags": [
            "User-Agent: " + event["user_agent"].partition("/")[0],
            "User-Agent: " + event["user_agent"],
        ]
        if event.get("user_agent")
        else [],
        "messages": messages(event) or [{"role": "user", "content": "redacted-by-litellm"}],
        "model_parameters": sampling(event),
        "metadata": {
            "user_api_key_hash": event["account_id"],
            "user_api_key_org_id": event.get("org_id"),
            "user_api_key_team_id": event.get("org_id"),
            "requester_ip_address": event.get("client_ip"),
            "requester_metadata": given(session_id=event.get("conversation_id")),
            "prompt_management_metadata": {"prompt_id": event["prompt_template_id"]}
            if event.get("prompt_template_id")
            else None,
            "usage_object": {
                "completion_tokens_details": given(reasoning_tokens=event.get("reasoning_tokens"))
            },
        },
        "error_information": given(error_code=str(HTTP[status])) if status != "ok" else None,
        "response": {"choices": [{"finish_reason": event.get("finish_reason")}]},
        "model_map_information": {"model_map_value": {"input_cost_per_token": 1e-6}},
    }
    return orjson.dumps(payload)


def attribute(key: str, value: Any) -> dict[str, Any]:
    """One attribute of OTLP."""
    if isinstance(value, bool):
        return {"key": key, "value": {"boolValue": value}}
    if isinstance(value, int):
        return {"key": key, "value": {"intValue": str(value)}}
    if isinstance(value, float):
        return {"key": key, "value": {"doubleValue": value}}
    if isinstance(value, list):
        return {
            "key": key,
            "value": {"arrayValue": {"values": [{"stringValue": v} for v in value]}},
        }
    return {"key": key, "value": {"stringValue": value}}


def otlp_span(event: Event) -> dict[str, Any]:
    """A span of a GenAI client."""
    text, status = event.get("prompt_text"), event["status"]
    attributes = given(
        **{
            "gen_ai.operation.name": "text_completion"
            if event.get("operation") == "completion"
            else "chat",
            "gen_ai.provider.name": "openai",
            "gen_ai.request.model": event["model"],
            "gen_ai.usage.input_tokens": event["input_tokens"],
            "gen_ai.usage.output_tokens": event["output_tokens"],
            "gen_ai.usage.reasoning.output_tokens": event.get("reasoning_tokens"),
            "gen_ai.request.temperature": event.get("temperature"),
            "gen_ai.request.top_p": event.get("top_p"),
            "gen_ai.request.max_tokens": event.get("max_tokens"),
            "gen_ai.request.choice.count": event.get("n"),
            "gen_ai.request.stream": event.get("stream"),
            "gen_ai.conversation.id": event.get("conversation_id"),
            "gen_ai.prompt.name": event.get("prompt_template_id"),
            "gen_ai.response.finish_reasons": [event["finish_reason"]]
            if event.get("finish_reason")
            else None,
            "gen_ai.input.messages": orjson.dumps(
                [{"role": "user", "parts": [{"type": "text", "content": text}]}]
            ).decode()
            if text is not None
            else None,
            "user.id": event["account_id"],
            "organization.id": event.get("org_id"),
            "client.address": event.get("client_ip"),
            "user_agent.original": event.get("user_agent"),
            "http.response.status_code": HTTP[status],
            "error.type": None if status == "ok" else str(HTTP[status]),
        }
    )
    trace, _, span = event["event_id"].rpartition("-")
    start = event["timestamp_ms"] * 1_000_000
    ended = given(
        endTimeUnixNano=str(start + event["latency_ms"] * 1_000_000)
        if event.get("latency_ms") is not None
        else None
    )
    return {
        "traceId": trace,
        "spanId": span,
        "name": f"chat {event['model']}",
        "kind": 3,
        "startTimeUnixNano": str(start),
        **ended,
        "attributes": [attribute(key, value) for key, value in attributes.items()],
        "status": {} if status == "ok" else {"code": 2},
    }


def otlp_json(event: Event) -> bytes:
    """A message with one span."""
    resource = {"attributes": [attribute("service.name", "gateway")]}
    spans = [{"scope": {"name": "gen"}, "spans": [otlp_span(event)]}]
    return orjson.dumps({"resourceSpans": [{"resource": resource, "scopeSpans": spans}]})


def kong(event: Event) -> bytes:
    """An entry of kafka-log."""
    status = HTTP[event["status"]]
    body = sampling(event) | given(messages=messages(event))
    uri = "/v1/completions" if event.get("operation") == "completion" else "/v1/chat/completions"
    entry = {
        "started_at": event["timestamp_ms"],
        "client_ip": event.get("client_ip"),
        "request": {
            "id": event["event_id"],
            "uri": uri,
            "method": "POST",
            "headers": given(**{"user-agent": event.get("user_agent")}),
        },
        "response": {"status": status},
        "latencies": given(request=event.get("latency_ms"), kong=1, proxy=1),
        "consumer": {
            "id": "b1946ac9-0000-0000-0000-000000000000",
            "custom_id": event["account_id"],
            "created_at": (event["account_created_ms"] / 1_000)
            if event.get("account_created_ms")
            else None,
        },
        "authenticated_entity": given(id=event.get("api_key_id")),
        "route": {"name": "llm"},
        "ai": {
            "proxy": {
                "meta": given(
                    request_model=event["model"],
                    provider_name="openai",
                    request_mode={True: "stream", False: "oneshot", None: None}[
                        event.get("stream")
                    ],
                ),
                "usage": {
                    "prompt_tokens": event["input_tokens"],
                    "completion_tokens": event["output_tokens"],
                },
                "payload": {"request": orjson.dumps(body).decode()},
            }
        },
    }
    return orjson.dumps(entry)


def apisix(event: Event) -> bytes:
    """An entry of kafka-logger."""
    text = event.get("prompt_text")
    entry = {
        "start_time": event["timestamp_ms"],
        "client_ip": event.get("client_ip"),
        "request": {
            "uri": "/v1/chat/completions",
            "headers": given(
                **{"user-agent": event.get("user_agent"), "x-request-id": event["event_id"]}
            ),
            "body": orjson.dumps(sampling(event)).decode(),
        },
        "response": {"status": HTTP[event["status"]], "headers": {}},
        "consumer": given(username=event["account_id"], group_id=event.get("org_id")),
        "route_id": "1",
        "service_id": "",
        "latency": event.get("latency_ms"),
        "apisix_latency": 1.5,
        "llm_summary": {
            "request_model": event["model"],
            "model": "upstream-" + event["model"],
            "prompt_tokens": event["input_tokens"],
            "completion_tokens": event["output_tokens"],
        },
        "llm_request": {"messages": [] if text is None else [{"role": "user", "content": text}]},
    }
    return orjson.dumps(entry)


def envoy(event: Event) -> bytes:
    """A line of the access log."""
    line = {
        "start_time": iso(event["timestamp_ms"]),
        "response_code": str(HTTP[event["status"]]),
        "duration": str(event["latency_ms"]) if event.get("latency_ms") is not None else "-",
        "x-request-id": event["event_id"],
        "x-forwarded-for": event.get("client_ip", "-"),
        "downstream_remote_address": "10.1.2.3:4711",
        "user-agent": event.get("user_agent", "-"),
        "gen_ai.request.model": event["model"],
        "gen_ai.usage.input_tokens": event["input_tokens"],
        "gen_ai.usage.output_tokens": str(event["output_tokens"]),
        "x-account-id": event["account_id"],
        "x-org-id": event.get("org_id", "-"),
        "session.id": event.get("conversation_id"),
        "x-envoy-origin-path": "/v1/chat/completions",
    }
    return orjson.dumps(line)


ERRORS = {
    "ok": None,
    "error": "ModelErrorException",
    "refused": "AccessDeniedException",
    "rate_limited": "ThrottlingException",
}


def bedrock(event: Event) -> bytes:
    """A ModelInvocationLog."""
    config = given(
        temperature=event.get("temperature"),
        topP=event.get("top_p"),
        maxTokens=event.get("max_tokens"),
    )
    text = event.get("prompt_text")
    body = given(
        inferenceConfig=config,
        messages=None if text is None else [{"role": "user", "content": [{"text": text}]}],
    )
    record = {
        "timestamp": iso(event["timestamp_ms"]),
        "accountId": "123456789012",
        "identity": {"arn": event["account_id"]},
        "region": "us-east-1",
        "requestId": event["event_id"],
        "operation": "ConverseStream" if event.get("stream") else "Converse",
        "modelId": event["model"],
        "input": {"inputBodyJson": body, "inputTokenCount": event["input_tokens"]},
        "output": {
            "outputBodyJson": given(stopReason=event.get("finish_reason")),
            "outputTokenCount": event["output_tokens"],
        },
        "errorCode": ERRORS[event["status"]],
        "schemaType": "ModelInvocationLog",
        "schemaVersion": "1.0",
    }
    return orjson.dumps({key: value for key, value in record.items() if value is not None})


def azure_apim(event: Event) -> bytes:
    """A pair of resource logs."""
    shared = {
        "time": iso(event["timestamp_ms"]),
        "resourceId": "/SUBSCRIPTIONS/X/PROVIDERS/MICROSOFT.APIMANAGEMENT/SERVICE/LLM",
        "correlationId": event["event_id"],
    }
    gateway = given(
        **shared,
        category="GatewayLogs",
        callerIpAddress=event.get("client_ip"),
        durationMs=event.get("latency_ms"),
        properties={
            "responseCode": HTTP[event["status"]],
            "apimSubscriptionId": event["account_id"],
            "cache": "none",
        },
    )
    text = event.get("prompt_text")
    llm = {
        **shared,
        "category": "GatewayLlmLogs",
        "properties": given(
            modelName=event["model"],
            deploymentName="deployed",
            promptTokens=event["input_tokens"],
            completionTokens=event["output_tokens"],
            isStreamCompletion=event.get("stream"),
            sequenceNumber=0,
            requestMessages=None
            if text is None
            else orjson.dumps([{"role": "user", "content": text}]).decode(),
        ),
    }
    return orjson.dumps({"records": [gateway, llm]})


def cloudevents(event: Event) -> bytes:
    """A structured event around the native one."""
    envelope = {"specversion": "1.0", "id": "1", "source": "/gateway", "type": "llm.request"}
    if len(event["event_id"]) % 2:
        return orjson.dumps(envelope | {"data": event})
    return orjson.dumps(envelope | {"data_base64": base64.b64encode(native(event)).decode()})


RENDERERS: dict[str, Callable[[Event], bytes]] = {
    "native": native,
    "litellm": litellm,
    "otlp-json": otlp_json,
    "kong": kong,
    "apisix": apisix,
    "envoy": envoy,
    "bedrock": bedrock,
    "azure-apim": azure_apim,
    "cloudevents": cloudevents,
}
