"""Live's alerts beside a replay's: what differs, and why."""

from __future__ import annotations

import msgspec

from analyzer.core.contracts.feedback import Feedback
from analyzer.core.contracts.records import Alert


class Difference(msgspec.Struct, frozen=True):
    """One alert that is not the same."""

    alert_id: str
    campaign_id: str
    detected_at_ms: int
    where: str
    """live, replay or both."""
    fields: list[str]
    """What differs, if it is in both."""
    cause: str
    """configuration · version · not_reached · feedback · history · late_events · unknown"""
    detail: str


class Grounds(msgspec.Struct, frozen=True):
    """What may make a replay decide otherwise than live did."""

    version: str
    config_hash: str
    model_version: str
    """Of any alert of the replay; empty if it raised none."""
    late: int
    """Events that the replay counted as late."""
    feedback: list[Feedback]
    truncated: bool
    """True if the topic no longer holds all that live has seen."""
    reached_ms: int
    """Time of live's last alert; -1 without any."""


def differences(live: list[Alert], replayed: list[Alert], grounds: Grounds) -> list[Difference]:
    """Every alert that is in one only or not the same, by time."""
    ours = {alert.alert_id: alert for alert in replayed}
    theirs = {alert.alert_id: alert for alert in live}
    known = [alert for alert in live if alert.alert_id]
    found = []
    for id_ in sorted({*ours, *theirs}):
        mine, other = ours.get(id_), theirs.get(id_)
        fields = _fields(mine, other) if mine and other else []
        if mine and other and not fields:
            continue
        alert = other or mine
        if alert is None:
            continue
        where = "both" if mine and other else "live" if other else "replay"
        cause, detail = _cause(alert, known, grounds)
        found.append(
            Difference(id_, alert.campaign_id, alert.detected_at_ms, where, fields, cause, detail)
        )
    return sorted(found, key=lambda d: (d.detected_at_ms, d.alert_id))


def _fields(mine: Alert, other: Alert) -> list[str]:
    """Names of what differs, but for whether it comes from a replay."""
    ours, theirs = msgspec.to_builtins(mine), msgspec.to_builtins(other)
    for each in (ours, theirs):
        each["provenance"].pop("replay")
    return [name for name in ours if ours[name] != theirs[name]]


def _cause(alert: Alert, live: list[Alert], grounds: Grounds) -> tuple[str, str]:
    """The first ground that holds, the surest first."""
    # What live raised beside it tells under what it ran; one that live lacks has none of its own.
    near = min(live, key=lambda a: abs(a.detected_at_ms - alert.detected_at_ms), default=None)
    ran = (near or alert).provenance
    said = _feedback_on(alert, grounds.feedback)
    whose = f"{said.action} {said.verdict} of {said.author_ref} on {said.target.id}" if said else ""
    models = grounds.model_version or ran.model_version
    holds = (
        (
            ran.config_hash != grounds.config_hash,
            "configuration",
            f"live ran with settings {ran.config_hash}, not {grounds.config_hash}",
        ),
        (
            ran.analyzer_version != grounds.version,
            "version",
            f"live was of version {ran.analyzer_version}, this is {grounds.version}",
        ),
        (alert.detected_at_ms > grounds.reached_ms, "not_reached", "live has raised nothing since"),
        (said is not None, "feedback", f"{whose}: it may have reached live later"),
        (
            ran.model_version != models,
            "version",
            f"live had models {ran.model_version}, not {models}",
        ),
        (grounds.truncated, "history", "the topic no longer holds all that live has seen"),
        (grounds.late > 0, "late_events", f"{grounds.late:,} events came late"),
    )
    unknown = "unknown", "the same settings and version decided otherwise: please report this"
    return next(((cause, detail) for true, cause, detail in holds if true), unknown)


def _feedback_on(alert: Alert, feedback: list[Feedback]) -> Feedback | None:
    """What people said of the alert's campaign, members, blocks or templates."""
    facts = alert.campaign
    touched = {
        "campaign": {alert.campaign_id, *facts.merged_from},
        "account": {*facts.members_sample},
        "block": {*facts.blocks},
        "template": {*facts.templates},
    }
    return next((f for f in feedback if f.target.id in touched.get(f.target.type, ())), None)
