"""Evidence from others as ``feedback.v1``: indicators of partners, and hits of watermarks.

==================================== =====================================================
given                                becomes
==================================== =====================================================
STIX 2.1 bundle: indicator of an     evidence ``partner`` about the block (/24 or /48) in
address or an address range          which it lies, as strong as its ``confidence``
lines ``{"type", "id", "source",     evidence of that source (watermark, model_fingerprint
"strength", "seen_ms"}``             or partner) about an account, a template or a block
==================================== =====================================================

A revoked indicator, and one whose ``valid_until`` has passed, is left out. Ids follow from the
content, so what is brought in twice counts once.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, get_args

import msgspec
import orjson

from analyzer.core.contracts.feedback import (
    EvidenceSource,
    Feedback,
    OutsideEvidence,
    Target,
    TargetType,
)
from analyzer.errors import UsageError
from analyzer.formats.values import moment_ms, real

_DAY_MS = 86_400_000
_ADDRESS = re.compile(
    r"ipv[46]-addr:value\s*(?:=|ISSUBSET|ISSUPERSET|IN\s*\()\s*'([0-9a-fA-F:./]+)'"
)


@dataclass(frozen=True, slots=True)
class Intake:
    """What was found in one file."""

    records: list[Feedback]
    left_out: list[str]
    """Why, for each thing that was not taken."""


def read(data: bytes, *, now_ms: int, keep_days: int) -> Intake:
    """Evidence in a STIX bundle or in lines of hits.

    Parameters
    ----------
    keep_days
        How long evidence counts that says nothing of it itself.

    Raises
    ------
    UsageError
        If it is neither.
    """
    try:
        tree = orjson.loads(data)
    except orjson.JSONDecodeError:
        tree = None
    if isinstance(tree, dict) and tree.get("type") == "bundle":
        found = list(_indicators(tree, now_ms, keep_days))
    else:
        lines = [(n, _tree(x)) for n, x in enumerate(data.splitlines(), 1) if x.strip()]
        found = [_hit(f"line {n}", tree, now_ms, keep_days) for n, tree in lines]
        found = found if any(tree is not None for _, tree in lines) else []
    if not found:
        raise UsageError("neither a STIX 2.1 bundle with indicators nor lines of hits")
    return Intake(
        [each for each in found if isinstance(each, Feedback)],
        [each for each in found if isinstance(each, str)],
    )


def _indicators(bundle: dict[str, Any], now_ms: int, keep_days: int) -> Iterator[Feedback | str]:
    listed = bundle.get("objects")
    listed = listed if isinstance(listed, list) else []
    objects = [each for each in listed if isinstance(each, dict)]
    names = {each.get("id"): each.get("name") for each in objects if each.get("type") == "identity"}
    for each in objects:
        if each.get("type") != "indicator":
            continue
        name = str(each.get("id"))
        until = moment_ms(each.get("valid_until"))
        made = moment_ms(each.get("valid_from")) or moment_ms(each.get("created")) or now_ms
        until = until or made + keep_days * _DAY_MS
        blocks = [_block(text) for text in _ADDRESS.findall(str(each.get("pattern")))]
        if each.get("revoked") is True:
            yield f"{name}: revoked"
        elif until <= now_ms:
            yield f"{name}: no longer valid"
        elif not blocks or None in blocks:
            yield f"{name}: no address or range within one block in its pattern"
        else:
            sure = real(each.get("confidence"))
            author = str(names.get(each.get("created_by_ref")) or each.get("created_by_ref") or "")
            for block in blocks:
                yield _evidence(
                    Target(type="block", id=str(block)),
                    OutsideEvidence("partner", 0.5 if sure is None else min(1.0, sure / 100)),
                    f"STIX {name}",
                    (author or "partner")[:256],
                    (made, until),
                )


def _tree(line: bytes) -> dict[str, Any] | None:
    """The fields of a hit; None if the line is none."""
    try:
        tree = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    return tree if isinstance(tree, dict) and {"type", "id"} <= tree.keys() else None


def _hit(place: str, tree: dict[str, Any] | None, now_ms: int, keep_days: int) -> Feedback | str:
    if tree is None:
        return f"{place}: no hit with type and id"
    kind, source, target = tree["type"], tree.get("source", "watermark"), tree["id"]
    if kind not in get_args(TargetType) or source not in get_args(EvidenceSource):
        return (
            f"{place}: type must be one of {', '.join(get_args(TargetType))} and source one "
            f"of {', '.join(get_args(EvidenceSource))}"
        )
    seen = moment_ms(tree.get("seen_ms")) or now_ms
    strength = real(tree.get("strength"))
    until = moment_ms(tree.get("expires_ms")) or seen + keep_days * _DAY_MS
    if until <= now_ms:
        return f"{target}: no longer valid"
    return _evidence(
        Target(type=kind, id=str(target)[:256]),
        OutsideEvidence(source, 0.5 if strength is None else min(1.0, max(0.0, strength))),
        str(tree.get("reason") or f"{source} hit")[:1_024],
        str(tree.get("author_ref") or source)[:256],
        (seen, until),
    )


def _evidence(
    target: Target, evidence: OutsideEvidence, reason: str, author: str, times: tuple[int, int]
) -> Feedback:
    made, until = times
    key = f"{target.type} {target.id} {evidence.source} {reason} {made}"
    return Feedback(
        feedback_id="import-" + sha256(key.encode()).hexdigest()[:32],
        target=target,
        verdict="suspicious",
        reason=reason,
        author_ref=author,
        created_ms=made,
        expires_ms=until,
        action="evidence",
        evidence=evidence,
    )


def _block(text: str) -> str | None:
    """The /24 or /48 in which an address or a small enough range lies."""
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None
    bits = 24 if network.version == 4 else 48
    return str(network.supernet(new_prefix=bits)) if network.prefixlen >= bits else None


def encode(record: Feedback) -> bytes:
    """As a line, or as a value of the topic."""
    return msgspec.json.encode(record)
