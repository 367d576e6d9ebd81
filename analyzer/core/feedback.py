"""What people and outside systems answer: the contract ``feedback.v1`` as a type."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from analyzer.core.events import (
    EventId,
    Id,
    Millis,
    Text,
)

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
    """From then on it counts no more; None: never."""
    action: Action = "label"
    """label: for learning only; allow: leave the target alone; evidence: raise or lower it."""
    evidence: OutsideEvidence | None = None
    """Needed with action ``evidence``, meaningless without."""
    schema_version: Literal[1] = 1

    def __post_init__(self) -> None:
        if self.action == "evidence" and self.evidence is None:
            raise ValueError("action evidence needs the field evidence")
