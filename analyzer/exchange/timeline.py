"""What happened to a campaign, and when: one line an event, in the order of event time."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

import msgspec

from analyzer.core.contracts.records import Alert
from analyzer.exchange.case import Case
from analyzer.formatting import KINDS, clean

_REASON = re.compile(r" Changed: (.+)\.$")


class Moment(msgspec.Struct, frozen=True):
    """One event of a campaign's life."""

    at_ms: int
    what: str
    """activity · found · members · alert · end"""
    text: str


def timeline(case: Case) -> list[Moment]:
    """First activity, first evidence, who joined when, each alert and what changed, the end."""
    return sorted(_moments(case), key=lambda moment: (moment.at_ms, _ORDER[moment.what]))


_ORDER = {"activity": 0, "found": 1, "members": 2, "alert": 3, "end": 4}


def _moments(case: Case) -> Iterator[Moment]:
    first = min((m.first_event_ms for m in case.inside), default=case.alerts[0].first_event_ms)
    yield Moment(min(first, case.alerts[0].first_event_ms), "activity", "first request of a member")
    if case.campaign is not None:
        yield Moment(case.campaign.opened_ms, "found", "first found as a group")
    for joined_ms, count in Counter(m.joined_ms for m in case.members).items():
        yield Moment(joined_ms, "members", f"{count:,} accounts became members")
    yield _alert(case.alerts[0], "")
    for before, alert in pairwise(case.alerts):
        yield _alert(alert, "; ".join(_changes(before, alert)))
    campaign = case.campaign
    if campaign is not None and campaign.state != "open":
        into = f" into {campaign.merged_into}" if campaign.merged_into else ""
        yield Moment(campaign.updated_ms, "end", f"{campaign.state}{into}")


def _alert(alert: Alert, changes: str) -> Moment:
    text = (
        f"{alert.activity}: {KINDS[alert.kind].lower()}, {alert.severity}, "
        f"{alert.campaign.members_total:,} members"
    )
    return Moment(alert.detected_at_ms, "alert", f"{text} ({changes})" if changes else text)


def _changes(before: Alert, alert: Alert) -> Iterator[str]:
    if alert.kind != before.kind:
        reason = _REASON.search(alert.summary)
        because = f": {clean(reason[1])}" if reason else ""
        yield f"no longer taken for {KINDS[before.kind].lower()}{because}"
    if alert.severity != before.severity:
        yield f"severity was {before.severity}"
    if gained := alert.campaign.members_total - before.campaign.members_total:
        yield f"{gained:+,} members"
    if new := sorted({*alert.campaign.models} - {*before.campaign.models}):
        yield f"new models {', '.join(clean(name, 60) for name in new)}"
