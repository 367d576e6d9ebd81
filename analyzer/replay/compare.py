"""The difference between two replays, as an analyst who tunes wants to see it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from analyzer.core.contracts.records import Alert, Member
from analyzer.replay.report import read


def compare(left: Path, right: Path) -> dict[str, Any]:
    """Campaigns are matched by their members: most accounts in common, at least a third.

    Raises
    ------
    UsageError
        If a folder was not written by replay.
    """
    opened = [_opened(folder) for folder in (left, right)]
    members = [_members(folder) for folder in (left, right)]
    pairs = _match(members[0], members[1])
    matched = [
        _pair(opened[0][a], opened[1][b], members[0][a], members[1][b])
        for a, b in sorted(pairs.items())
        if a in opened[0] and b in opened[1]
    ]
    return {
        "only_left": [_brief(opened[0][a]) for a in sorted(opened[0]) if a not in pairs],
        "only_right": [
            _brief(opened[1][b]) for b in sorted(opened[1]) if b not in set(pairs.values())
        ],
        "both": matched,
    }


def tell(difference: dict[str, Any]) -> str:
    """The difference as lines of text."""
    lines = [f"- only left   {item['summary']}" for item in difference["only_left"]]
    lines += [f"+ only right  {item['summary']}" for item in difference["only_right"]]
    for item in difference["both"]:
        hours = item["later_ms"] / 3_600_000
        when = f"{abs(hours):.1f} h {'later' if hours > 0 else 'earlier'}" if hours else "same time"
        lines.append(
            f"= {item['left']} {item['right']}  {when}, "
            f"+{len(item['gained'])} -{len(item['lost'])} members"
            + (f", {item['severity']}" if item["severity"] else "")
        )
    return "\n".join(lines) or "no alerts in either"


def _opened(folder: Path) -> dict[str, Alert]:
    first: dict[str, Alert] = {}
    for alert in read(folder, "alerts", Alert):
        first.setdefault(alert.campaign_id, alert)
    return first


def _members(folder: Path) -> dict[str, set[str]]:
    members: dict[str, set[str]] = {}
    for member in read(folder, "members", Member):
        if member.state == "member":
            members.setdefault(member.campaign_id, set()).add(member.account_id)
    return members


def _match(left: dict[str, set[str]], right: dict[str, set[str]]) -> dict[str, str]:
    scored = sorted(
        (-len(mine & theirs) / len(mine | theirs), a, b)
        for a, mine in left.items()
        for b, theirs in right.items()
        if mine & theirs
    )
    pairs: dict[str, str] = {}
    for score, a, b in scored:
        if -score >= 1 / 3 and a not in pairs and b not in pairs.values():
            pairs[a] = b
    return pairs


def _pair(left: Alert, right: Alert, mine: set[str], theirs: set[str]) -> dict[str, Any]:
    changed = left.severity != right.severity
    return {
        "left": left.campaign_id,
        "right": right.campaign_id,
        "later_ms": right.detected_at_ms - left.detected_at_ms,
        "gained": sorted(theirs - mine),
        "lost": sorted(mine - theirs),
        "severity": f"{left.severity} → {right.severity}" if changed else "",
    }


def _brief(alert: Alert) -> dict[str, Any]:
    return {
        "campaign_id": alert.campaign_id,
        "kind": alert.kind,
        "severity": alert.severity,
        "detected_at_ms": alert.detected_at_ms,
        "summary": alert.summary,
    }
