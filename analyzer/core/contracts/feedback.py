"""What people and outside systems answer: the contract ``feedback.v1`` as a type."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from analyzer.core.contracts.decode import decode_with
from analyzer.core.contracts.hashing import BlockCache, block_name
from analyzer.core.contracts.request_event import EventId, Id, Millis, Text
from analyzer.errors import BadRecord

CALENDAR_END_MS = 253_402_300_800_000
"""The year 10000, which no calendar of ours can print."""

TargetType = Literal["campaign", "account", "template", "block"]
Verdict = Literal[
    "unknown",
    "false_positive",
    "true_positive",
    "disregard",
    "suspicious",
    "benign",
    "test",
    "insufficient_data",
    "security_risk",
    "managed_externally",
    "duplicate",
    "other",
]
"""The words of OCSF's ``verdict_id``."""
POSITIVE = frozenset[Verdict]({"true_positive", "security_risk"})
BENIGN = frozenset[Verdict]({"false_positive", "benign", "test"})
"""What a verdict says about its target; all other words leave it open."""
Action = Literal["label", "allow", "evidence"]
EvidenceSource = Literal["watermark", "partner", "model_fingerprint"]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]


class Target(msgspec.Struct, frozen=True):
    """What the feedback is about."""

    type: TargetType
    id: Id
    """As alerts show it: campaign_id, account_id, template, or block such as 192.0.2.0/24."""


class OutsideEvidence(msgspec.Struct, frozen=True):
    """Something known from elsewhere, such as a watermark found in another model's answers."""

    source: EvidenceSource
    strength: Share
    """How sure its source is, in [0, 1]."""


class Feedback(msgspec.Struct, frozen=True):
    """``feedback.v1``: one verdict, allowance or piece of evidence from outside.

    Raises
    ------
    ValueError
        If the action is ``evidence`` and no evidence is given.
    """

    feedback_id: EventId
    target: Target
    verdict: Verdict
    reason: Text
    author_ref: Id
    """Opaque reference to whoever said it; not a name or an address."""
    created_ms: Millis
    expires_ms: Millis | None = None
    """From then on it counts no more; None, or beyond the year 9999: never."""
    action: Action = "label"
    """label: a verdict to learn from, and a campaign's false_positive closes it; allow: leave the
    target alone; evidence: raise or, with a benign verdict, lower it."""
    evidence: OutsideEvidence | None = None
    """Needed with action ``evidence``, meaningless without."""
    schema_version: Literal[1] = 1

    def __post_init__(self) -> None:
        if self.action == "evidence" and self.evidence is None:
            raise ValueError("missing required field `evidence`: action evidence needs it")


class FeedbackBlock(msgspec.Struct, frozen=True):
    """Records of one source, as the campaign step takes them."""

    source: str
    """Name of the file, or of the topic's partition."""
    stop: int
    """Everything of the source below this offset is in this block or came before."""
    records: list[Feedback]


def decode_feedback(value: bytes, max_bytes: int) -> Feedback:
    """One raw record as feedback, with its block as alerts show it.

    Raises
    ------
    BadRecord
        With the same reasons as a raw event: ``out_of_range`` also if it was created beyond the
        calendar, ``bad_ip`` if its target is a block that is none.

    Examples
    --------
    >>> decode_feedback(b"{}", 100)
    Traceback (most recent call last):
    analyzer.errors.BadRecord: missing_field: Object missing required field `feedback_id`
    """
    said = decode_with(_decode, value, max_bytes)
    if said.created_ms >= CALENDAR_END_MS:
        detail = f"created_ms {said.created_ms} is beyond the year 9999; write epoch milliseconds"
        raise BadRecord("out_of_range", detail)
    if said.expires_ms is not None and said.expires_ms >= CALENDAR_END_MS:
        said = msgspec.structs.replace(said, expires_ms=None)
    if said.target.type == "block":
        target = msgspec.structs.replace(said.target, id=block_name(BlockCache()[said.target.id]))
        said = msgspec.structs.replace(said, target=target)
    return said


_decode = msgspec.json.Decoder(Feedback).decode
