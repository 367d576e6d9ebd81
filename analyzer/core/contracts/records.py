"""What leaves the analyzer, as types.

The contracts are ``alert.v1``, ``campaign.v1``, ``member.v1`` and ``dead-letter.v1``.

Times are event time in epoch milliseconds. Scores are in [0, 1], high is strange.
"""

from __future__ import annotations

from typing import Literal

import msgspec

AlertKind = Literal[
    "extraction_campaign", "reseller_pool", "linked_accounts", "shared_tool", "account_anomaly"
]
Severity = Literal["info", "low", "medium", "high", "critical"]
Activity = Literal["opened", "updated", "escalated", "closed"]

SEVERITIES: tuple[Severity, ...] = ("info", "low", "medium", "high", "critical")


class SignalReading(msgspec.Struct, frozen=True):
    """One reason for (or, in ``counter_evidence``, against) a finding."""

    name: str
    family: str
    value: float
    """The signal in [0, 1]."""
    baseline: float
    """What the population shows; the same scale as ``value``."""
    unit: str
    evidence: str
    """One sentence for a person: what was seen among the members that are named, and what chance or
    all others give."""
    window_s: int


class Condition(msgspec.Struct, frozen=True):
    """One condition of the verdict: a figure beside the threshold that it was held against."""

    name: str
    value: float
    threshold: float
    holds: bool
    sentence: str
    """What it means, and what would have changed it."""


class Failures(msgspec.Struct, frozen=True):
    """Requests that were not answered, by their status."""

    error: int = 0
    refused: int = 0
    rate_limited: int = 0


class CampaignFacts(msgspec.Struct, frozen=True):
    """The size and shape of a campaign at the time of the alert."""

    members_total: int
    """Accounts."""
    members_sample: list[str]
    """At most 50 account ids, the surest first."""
    organisations: int
    blocks: list[str]
    asns: list[int]
    templates: list[str]
    models: list[str]
    requests: int
    output_tokens: int
    merged_from: list[str]
    failures: Failures | None = None
    """Of these members in the window that the evidence is of; None where it tells of none."""


class Suppressed(msgspec.Struct, frozen=True):
    """What was not sent since the last alert of this thread, and why."""

    count: int
    reason: str


class Provenance(msgspec.Struct, frozen=True):
    """Which program and settings decided."""

    analyzer_version: str
    config_hash: str
    model_version: str
    replay: bool


class Alert(msgspec.Struct, frozen=True):
    """``alert.v1``: one message of a campaign's thread."""

    alert_id: str
    dedup_key: str
    revision: int
    activity: Activity
    kind: AlertKind
    severity: Severity
    confidence: float
    score: float
    campaign_id: str
    first_event_ms: int
    last_event_ms: int
    detected_at_ms: int
    summary: str
    campaign: CampaignFacts
    signals: list[SignalReading]
    counter_evidence: list[SignalReading]
    suppressed: Suppressed
    attack: str
    runbook_url: str
    next_steps: list[str]
    provenance: Provenance
    schema_version: int = 1
    verdict: list[Condition] = []
    """Why it is called so, and what would have changed that."""


class ShadowAlert(Alert, frozen=True):
    """What a second configuration would have told: ``alert.v1``, for nobody to act on."""


class Campaign(msgspec.Struct, frozen=True):
    """``campaign.v1``: the present state of one campaign (compacted, key = campaign_id)."""

    campaign_id: str
    kind: AlertKind
    severity: Severity
    state: Literal["open", "closed", "merged"]
    score: float
    revision: int
    opened_ms: int
    updated_ms: int
    first_event_ms: int
    last_event_ms: int
    members_total: int
    organisations: int
    requests: int
    merged_from: list[str]
    merged_into: str | None = None
    schema_version: int = 1


class Member(msgspec.Struct, frozen=True):
    """``member.v1``: one account's place in a campaign (compacted, key = account_id)."""

    account_id: str
    campaign_id: str
    kind: AlertKind
    membership: float
    reasons: list[str]
    joined_ms: int
    first_event_ms: int
    last_event_ms: int
    requests: int
    state: Literal["member", "released"]
    schema_version: int = 1


class DeadLetter(msgspec.Struct, frozen=True):
    """``dead-letter.v1``: one input record that could not be used."""

    reason: str
    """Short stable word: not_json, wrong_type, missing_field, out_of_range, invalid_utf8, empty,
    too_large, time_unit, future, late."""
    detail: str
    source: str
    """Topic or file."""
    partition: int
    offset: int
    """Kafka offset, or number of the line."""
    payload_base64: str
    """What is kept of the record: ``{"hash": …, "shape": …}``; with the setting
    core.keep_payloads its original bytes (their first 64 KiB)."""
    payload_bytes: int
    """Length of the original record."""
    schema_version: int = 1


Record = Alert | Campaign | Member


_KEYS = {
    Alert: "campaign_id",
    ShadowAlert: "campaign_id",
    Campaign: "campaign_id",
    Member: "account_id",
}


def record_key(record: Record) -> bytes:
    """Kafka key of the record."""
    return str(getattr(record, _KEYS[type(record)])).encode()


def encode_record(record: Record | DeadLetter) -> bytes:
    """The record as JSON, fields in the order of the contract, without a line end."""
    return msgspec.json.encode(record)
