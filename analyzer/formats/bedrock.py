"""AWS Bedrock: ModelInvocationLog, from S3 or from CloudWatch.

Every record of a company bears the company's own AWS account, so the caller's identity is the
account. The names that AWS kits make up for a session are taken off it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, ClassVar

from analyzer.core.contracts.request_event import Status
from analyzer.formats.draft import Draft
from analyzer.formats.prompts import prompt_of_body
from analyzer.formats.protocol import Outcome, Paths, UnfitError
from analyzer.formats.records import Tree, fill, missing, object_decoder
from analyzer.formats.values import count, dig, event_id, first_text, moment_ms, text

_KEYS = (
    "schemaType", "timestamp", "accountId", "identity", "requestId", "operation", "modelId",
    "input", "output", "errorCode", "requestMetadata", "status",
)  # fmt: skip
_MADE_UP = re.compile(r"/(?:botocore-session-|aws-sdk-[a-z-]+-|GoSDK-)?\d{9,}$")


class Bedrock:
    """One record is one event."""

    name: ClassVar[str] = "bedrock"
    marks: ClassVar[tuple[bytes, ...]] = (b'"ModelInvocationLog"', b'"modelId"')
    paths: ClassVar[Paths] = Paths(
        account=("identity.arn", "accountId"),
        organisation=("requestMetadata.organisation", "requestMetadata.organization"),
        address=("requestMetadata.client_ip", "sourceIPAddress"),
    )
    losses: ClassVar[dict[str, str]] = {
        "client_ip": "the log has no address: CloudTrail has",
        "ip_prefix": "the log has no address",
        "org_id": "only if callers put it into requestMetadata",
        "account_created_ms": "an identity has no date in the log",
        "asn": "the log has no address",
        "country": "the log has no address",
        "user_agent": "not in the log: CloudTrail has it",
        "tls_ja4": "not in the log",
        "payment_ref": "billing is elsewhere",
        "signup_ref": "billing is elsewhere",
        "api_key_id": "not in the log",
        "end_user_id": "only if callers put it into requestMetadata",
        "conversation_id": "only if callers put it into requestMetadata",
        "latency_ms": "only in some answers",
        "prompt_template_id": "only if callers put it into requestMetadata",
        "prompt_hash": "made of the body, where text delivery is on",
        "logprobs": "models differ in its name",
        "n": "models give one answer",
        "reasoning_tokens": "not in the log",
    }

    def __init__(self, paths: Paths, proxies: int) -> None:
        self._paths, self._proxies = paths, proxies
        self._decode = object_decoder(_KEYS, paths)

    def read(self, record: bytes) -> Iterable[Outcome]:
        """The record as an event."""
        tree = self._decode(record)
        named = tree.get("schemaType") == "ModelInvocationLog"
        if not named and not {"modelId", "requestId", "operation"} <= tree.keys():
            raise UnfitError
        return [self._event(tree, record)]

    def _event(self, tree: Tree, record: bytes) -> Draft:
        account = first_text(tree, self._paths.account)
        started = moment_ms(tree.get("timestamp"))
        model = text(tree.get("modelId"))
        if account is None:
            raise missing(self.name, "account", self._paths.account)
        if started is None:
            raise missing(self.name, "timestamp")
        if model is None:
            raise missing(self.name, "modelId")
        operation = text(tree.get("operation")) or ""
        body = dig(tree, "input.inputBodyJson")
        draft = Draft(
            event_id(tree.get("requestId"), record),
            started,
            _MADE_UP.sub("", account),
            model.rpartition("/")[2][:256],
            count(dig(tree, "input.inputTokenCount")) or 0,
            count(dig(tree, "output.outputTokenCount")) or 0,
            _status(tree),
        )
        draft.operation = "embeddings" if "embed" in model else "chat"
        draft.stream = "Stream" in operation
        if isinstance(body, dict):
            draft.sampling({**body, **_inference(body)})
            draft.prompt_text = prompt_of_body(body)
        draft.finish_reason = _finish(dig(tree, "output.outputBodyJson"))
        latency = dig(tree, "output.outputBodyJson.metrics.latencyMs")
        draft.latency_ms = count(latency)
        return fill(draft, tree, self._paths, self._proxies)


def _inference(body: Tree) -> Tree:
    """Sampling parameters as Converse and as Amazon's own models name their place."""
    for key in ("inferenceConfig", "textGenerationConfig"):
        if isinstance(body.get(key), dict):
            found: Tree = dict(body[key])
            if "maxTokenCount" in found:
                found["maxTokens"] = found["maxTokenCount"]
            return found
    return {}


def _status(tree: Tree) -> Status:
    error = text(tree.get("errorCode"))
    if error is None:
        finish = _finish(dig(tree, "output.outputBodyJson"))
        return "refused" if finish in {"content_filtered", "guardrail_intervened"} else "ok"
    if "Throttl" in error or "Quota" in error or error == "429":
        return "rate_limited"
    return "refused" if "AccessDenied" in error else "error"


def _finish(answer: Any) -> str | None:
    return text(dig(answer, "stopReason")) or text(dig(answer, "stop_reason"))
