"""STIX 2.1 bundle for partners: campaigns, ATLAS attack pattern, indicators, sightings, TLP 2.0.

What it names is decided in :mod:`.sharing`. Ids follow from what they stand for, so a second
export updates the first; a campaign's id has the form of a random UUID, as the specification
wants, and is drawn from a digest.

References
----------
https://docs.oasis-open.org/cti/stix/v2.1/stix-v2.1.html and https://www.first.org/tlp/
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Literal

from analyzer.core.contracts.records import Alert
from analyzer.formats.exchange.sharing import latest, shared_blocks
from analyzer.formats.networks import Networks

Tlp = Literal["clear", "green", "amber", "amber+strict", "red"]
EXTENSION = "extension-definition--60a3c5c5-0d10-413e-aab3-9e08dde9e88d"
"""TLP 2.0, by OASIS' own definition."""
MARKINGS: dict[str, str] = {
    "clear": "marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487",
    "green": "marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb",
    "amber": "marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421",
    "amber+strict": "marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003",
    "red": "marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1",
}
"""Published ids of the five markings."""
ATLAS = "AML.T0024"
KINDS = {
    "extraction_campaign": "Model extraction campaign",
    "reseller_pool": "Pool of resold accounts",
    "linked_accounts": "Linked accounts",
    "account_anomaly": "Unusual account",
}
_DAY_MS = 86_400_000


def bundle(
    alerts: list[Alert],
    accounts: Mapping[str, Mapping[str, int]],
    *,
    k: int,
    networks: Networks,
    tlp: Tlp = "amber",
    source: str = "usage-analyzer",
) -> dict[str, Any]:
    """The last state of each campaign, and what may be named of it.

    Parameters
    ----------
    accounts
        By campaign and block: how many of the campaign's accounts use the block.
    k
        Fewest accounts of a block that is named.
    """
    identity = _identity(source)
    pattern = _attack_pattern(identity["id"], tlp)
    objects: dict[str, dict[str, Any]] = {}
    for alert in latest(alerts):
        blocks = shared_blocks(alert, accounts.get(alert.campaign_id, {}), k, networks)
        for found in _of_campaign(alert, blocks, identity["id"], pattern["id"], tlp):
            objects.setdefault(found["id"], found)
    listed = [_marking(tlp), identity, pattern, *objects.values()]
    name = sha256("".join(sorted(o["id"] + o.get("modified", "") for o in listed)).encode())
    return {"type": "bundle", "id": f"bundle--{_uuid(name.digest())}", "objects": listed}


def _of_campaign(
    alert: Alert, blocks: list[str], author: str, pattern: str, tlp: Tlp
) -> list[dict[str, Any]]:
    campaign = _campaign(alert, author, tlp)
    found = [campaign, _relation("uses", (campaign["id"], pattern), alert, author, tlp)]
    for block in blocks:
        indicator = _indicator(block, alert, author, tlp)
        found += [
            indicator,
            _relation("indicates", (indicator["id"], campaign["id"]), alert, author, tlp),
            _sighting(indicator["id"], block, alert, author, tlp),
        ]
    return found


def _common(kind: str, key: str, alert: Alert, author: str, tlp: Tlp) -> dict[str, Any]:
    created = min(alert.first_event_ms, alert.detected_at_ms)
    return {
        "type": kind,
        "spec_version": "2.1",
        "id": _id(kind, key),
        "created_by_ref": author,
        "created": _time(created),
        "modified": _time(max(created, alert.detected_at_ms)),
        "object_marking_refs": [MARKINGS[tlp]],
    }


def _campaign(alert: Alert, author: str, tlp: Tlp) -> dict[str, Any]:
    facts = alert.campaign
    title = KINDS.get(alert.kind, alert.kind.replace("_", " ").capitalize())
    return {
        **_common("campaign", alert.campaign_id, alert, author, tlp),
        "name": f"{title} {alert.campaign_id}",
        "description": (
            f"{facts.members_total} accounts of {facts.organisations} organisations, "
            f"{facts.requests} requests, {facts.output_tokens} tokens of output."
        ),
        "first_seen": _time(alert.first_event_ms),
        "last_seen": _time(max(alert.first_event_ms, alert.last_event_ms)),
        "objective": "Copy a model's behaviour by its answers"
        if alert.kind == "extraction_campaign"
        else "Use of a model beyond what single accounts may",
        "confidence": min(100, max(0, round(100 * alert.confidence))),
        "labels": [alert.kind.replace("_", "-")],
    }


def _indicator(block: str, alert: Alert, author: str, tlp: Tlp) -> dict[str, Any]:
    kind = "ipv6-addr" if ":" in block else "ipv4-addr"
    last_ms = max(alert.first_event_ms, alert.last_event_ms)
    return {
        **_common("indicator", f"{alert.campaign_id} {block}", alert, author, tlp),
        "name": f"Address block {block}",
        "description": "Used by many accounts of the campaign; not every user of it belongs to it.",
        "indicator_types": ["anomalous-activity"],
        "pattern": f"[{kind}:value ISSUBSET '{block}']",
        "pattern_type": "stix",
        "valid_from": _time(alert.first_event_ms),
        "valid_until": _time(last_ms + 30 * _DAY_MS),
        "confidence": min(100, max(0, round(100 * alert.confidence))),
    }


def _sighting(indicator: str, block: str, alert: Alert, author: str, tlp: Tlp) -> dict[str, Any]:
    return {
        **_common("sighting", f"{alert.campaign_id} {block}", alert, author, tlp),
        "sighting_of_ref": indicator,
        "first_seen": _time(alert.first_event_ms),
        "last_seen": _time(max(alert.first_event_ms, alert.last_event_ms)),
        "where_sighted_refs": [author],
    }


def _relation(
    kind: str, ends: tuple[str, str], alert: Alert, author: str, tlp: Tlp
) -> dict[str, Any]:
    source, target = ends
    return {
        **_common("relationship", f"{kind} {source} {target}", alert, author, tlp),
        "relationship_type": kind,
        "source_ref": source,
        "target_ref": target,
    }


def _identity(source: str) -> dict[str, Any]:
    return {
        "type": "identity",
        "spec_version": "2.1",
        "id": _id("identity", source),
        "created": _EPOCH,
        "modified": _EPOCH,
        "name": source,
        "identity_class": "system",
    }


def _attack_pattern(author: str, tlp: Tlp) -> dict[str, Any]:
    return {
        "type": "attack-pattern",
        "spec_version": "2.1",
        "id": _id("attack-pattern", ATLAS),
        "created_by_ref": author,
        "created": _EPOCH,
        "modified": _EPOCH,
        "name": "Exfiltration via AI Inference API",
        "external_references": [
            {
                "source_name": "mitre-atlas",
                "external_id": ATLAS,
            }
        ],
        "object_marking_refs": [MARKINGS[tlp]],
    }


def _marking(tlp: Tlp) -> dict[str, Any]:
    return {
        "type": "marking-definition",
        "spec_version": "2.1",
        "id": MARKINGS[tlp],
        "created": "2022-10-01T00:00:00.000Z",
        "name": f"TLP:{tlp.upper()}",
        "extensions": {
            EXTENSION: {"extension_type": "property-extension", "tlp_2_0": tlp},
        },
    }


_EPOCH = "2026-01-01T00:00:00.000Z"


def _time(epoch_ms: int) -> str:
    moment = dt.datetime.fromtimestamp(epoch_ms / 1_000, dt.UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _id(kind: str, key: str) -> str:
    return f"{kind}--{_uuid(sha256(f'usage-analyzer {kind} {key}'.encode()).digest())}"


def _uuid(digest: bytes) -> str:
    return str(uuid.UUID(bytes=digest[:16], version=4))
