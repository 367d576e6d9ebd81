"""OCSF 1.5.0 Detection Finding (class 2004), for the SIEM of the house.

It names no member either: a finding points at the campaign, and who may see accounts looks them
up by its id in the topic of members.

References
----------
https://schema.ocsf.io/1.5.0/classes/detection_finding
"""

from __future__ import annotations

from typing import Any

from analyzer.core.contracts.records import Alert
from analyzer.formats.networks import Networks

VERSION = "1.5.0"
CLASS, CATEGORY = 2004, 2
ACTIVITIES = {"opened": 1, "updated": 2, "escalated": 2, "closed": 3}
ACTIVITY_NAMES = {1: "Create", 2: "Update", 3: "Close"}
SEVERITIES = {"info": 1, "low": 2, "medium": 3, "high": 4, "critical": 5}
SEVERITY_NAMES = {1: "Informational", 2: "Low", 3: "Medium", 4: "High", 5: "Critical"}


def finding(alert: Alert, networks: Networks | None = None) -> dict[str, Any]:
    """One alert as a Detection Finding."""
    activity, severity = ACTIVITIES[alert.activity], SEVERITIES[alert.severity]
    facts = alert.campaign
    certainty = round(100 * alert.confidence)
    level = 3 if certainty >= 80 else 2 if certainty >= 40 else 1
    return {
        "activity_id": activity,
        "activity_name": ACTIVITY_NAMES[activity],
        "category_uid": CATEGORY,
        "category_name": "Findings",
        "class_uid": CLASS,
        "class_name": "Detection Finding",
        "type_uid": CLASS * 100 + activity,
        "type_name": f"Detection Finding: {ACTIVITY_NAMES[activity]}",
        "time": alert.detected_at_ms,
        "start_time": alert.first_event_ms,
        "end_time": alert.last_event_ms,
        "severity_id": severity,
        "severity": SEVERITY_NAMES[severity],
        "status_id": 4 if activity == 3 else 1,
        "status": "Resolved" if activity == 3 else "New",
        "confidence_id": level,
        "confidence": {1: "Low", 2: "Medium", 3: "High"}[level],
        "confidence_score": certainty,
        "risk_score": round(100 * alert.score),
        "count": facts.requests,
        "message": alert.summary,
        "metadata": _metadata(alert),
        "finding_info": _info(alert),
        "observables": _observables(alert, networks or Networks()),
        "unmapped": _unmapped(alert, networks),
    }


def _metadata(alert: Alert) -> dict[str, Any]:
    return {
        "version": VERSION,
        "uid": alert.alert_id,
        "correlation_uid": alert.dedup_key,
        "product": {
            "name": "usage-analyzer",
            "vendor_name": "usage-analyzer",
            "version": alert.provenance.analyzer_version,
        },
        "log_version": str(alert.schema_version),
        "labels": ["replay"] if alert.provenance.replay else ["live"],
    }


def _info(alert: Alert) -> dict[str, Any]:
    return {
        "uid": alert.campaign_id,
        "title": alert.summary,
        "desc": "; ".join(reading.evidence for reading in alert.signals) or alert.summary,
        "types": [alert.kind],
        "src_url": alert.runbook_url,
        "created_time": alert.detected_at_ms,
        "first_seen_time": alert.first_event_ms,
        "last_seen_time": alert.last_event_ms,
        "analytic": {
            "type_id": 2,
            "type": "Behavioral",
            "name": "usage-analyzer",
            "uid": alert.provenance.model_version,
            "version": alert.provenance.analyzer_version,
        },
    }


def _observables(alert: Alert, networks: Networks) -> list[dict[str, Any]]:
    """Blocks; an address in ``evidences`` would be lost to readers that do not model it.

    OCSF has a type for subnets, but readers that refuse it are about: so it is "other", named.
    """
    found = []
    for block in alert.campaign.blocks:
        network = networks.of(block)
        told = {"name": "campaign.block", "type_id": 99, "type": "Subnet", "value": block}
        if network.kind or network.asn:
            told["name"] = f"campaign.block.{network.kind or 'AS' + str(network.asn)}"
        found.append(told)
    return found


def _unmapped(alert: Alert, networks: Networks | None) -> dict[str, Any]:
    facts = alert.campaign
    found: dict[str, Any] = {
        "kind": alert.kind,
        "revision": alert.revision,
        "activity": alert.activity,
        "attack": {"framework": "MITRE ATLAS", "uid": alert.attack},
        "accounts": facts.members_total,
        "organisations": facts.organisations,
        "models": facts.models,
        "templates": facts.templates,
        "output_tokens": facts.output_tokens,
        "config_hash": alert.provenance.config_hash,
        "next_steps": alert.next_steps,
    }
    if networks is not None and networks.date:
        found["networks_date"] = networks.date
    return found
