"""The difference between two replays, as an analyst who tunes wants to see it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from analyzer.core.contracts.records import Alert, Member
from analyzer.formatting import clean
from analyzer.replay.report import read


def compare(left: Path, right: Path) -> dict[str, Any]:
    """Campaigns are matched by their members: most accounts in common, at least a third.

    Raises
    ------
    UsageError
        If a folder was not written by replay.
    """
    opened = [opened_of(read(folder, "alerts", Alert)) for folder in (left, right)]
    ever = [
        _members(folder, {"member", "released"}, opened[i])
        for i, folder in enumerate((left, right))
    ]
    now = [_members(folder, {"member"}, opened[i]) for i, folder in enumerate((left, right))]
    return difference(opened, ever, now)


Accounts = dict[str, set[str]]
"""By campaign."""


def difference(
    opened: Sequence[dict[str, Alert]], ever: Sequence[Accounts], now: Sequence[Accounts]
) -> dict[str, Any]:
    """As :func:`compare`, of the left and the right as they are at hand.

    Parameters
    ----------
    opened
        First alert of each campaign.
    ever, now
        Accounts that were ever members of each campaign, by which it is found again, and those
        that are.
    """
    pairs = _match(ever[0], ever[1])
    matched = [
        _pair(opened[0][a], opened[1][b], now[0][a], now[1][b]) for a, b in sorted(pairs.items())
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
    lines = [f"- only left   {clean(item['summary'])}" for item in difference["only_left"]]
    lines += [f"+ only right  {clean(item['summary'])}" for item in difference["only_right"]]
    for item in difference["both"]:
        hours = item["later_ms"] / 3_600_000
        when = f"{abs(hours):.1f} h {'later' if hours > 0 else 'earlier'}" if hours else "same time"
        lines.append(
            f"= {clean(item['left'])} {clean(item['right'])}  {when}, "
            f"+{len(item['gained'])} -{len(item['lost'])} members"
            + (f", {item['severity']}" if item["severity"] else "")
        )
    return "\n".join(lines) or "no alerts in either"


def opened_of(alerts: Iterable[Alert]) -> dict[str, Alert]:
    """The first alert of each campaign."""
    first: dict[str, Alert] = {}
    for alert in alerts:
        first.setdefault(alert.campaign_id, alert)
    return first


def _members(folder: Path, states: set[str], opened: dict[str, Alert]) -> Accounts:
    """Accounts in these states of each campaign that was spoken of; perhaps none."""
    members: Accounts = {campaign: set() for campaign in opened}
    for member in read(folder, "members", Member):
        if member.state in states and member.campaign_id in members:
            members[member.campaign_id].add(member.account_id)
    return members


def _match(left: Accounts, right: Accounts) -> dict[str, str]:
    """By accounts in common; what is left, such as campaigns without any, by their ids."""
    scored = sorted(
        (-len(mine & theirs) / len(mine | theirs), a != b, a, b)
        for a, mine in left.items()
        for b, theirs in right.items()
        if mine & theirs
    )
    pairs: dict[str, str] = {}
    taken = set[str]()
    same = [(-1.0, False, a, a) for a in sorted(left.keys() & right.keys())]
    for score, _, a, b in [*scored, *same]:
        if -score >= 1 / 3 and a not in pairs and b not in taken:
            pairs[a] = b
            taken.add(b)
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
