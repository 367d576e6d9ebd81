"""All that was said of one campaign: its alerts, its last state, its members."""

from __future__ import annotations

from dataclasses import dataclass

from analyzer.core.contracts.records import Alert, Campaign, Member
from analyzer.errors import UsageError
from analyzer.exchange.findings import alerts_of, campaigns_of, members_at
from analyzer.settings import Settings

SHORTEST_PREFIX = 6


@dataclass(frozen=True)
class Case:
    """One campaign as it was told."""

    alerts: list[Alert]
    """Its thread, the first first; at least one."""
    campaign: Campaign | None
    members: list[Member]
    """The surest first; those released last."""

    @property
    def id(self) -> str:
        """Of the campaign."""
        return self.alerts[0].campaign_id

    @property
    def last(self) -> Alert:
        """The newest alert."""
        return self.alerts[-1]

    @property
    def told(self) -> Alert:
        """The newest alert that still names members: the end of a thread has none."""
        return next((a for a in reversed(self.alerts) if a.campaign.members_total), self.alerts[-1])

    @property
    def inside(self) -> list[Member]:
        """Those who are members now, or were when it ended."""
        return [member for member in self.members if member.state == "member"]


def cases_of(place: str, settings: Settings) -> list[Case]:
    """Every campaign that was told of, in the order of their first alerts."""
    threads: dict[str, list[Alert]] = {}
    for alert in alerts_of(place, settings):
        threads.setdefault(alert.campaign_id, []).append(alert)
    states = {campaign.campaign_id: campaign for campaign in campaigns_of(place, settings)}
    members: dict[str, list[Member]] = {}
    for member in members_at(place, settings):
        members.setdefault(member.campaign_id, []).append(member)
    return [
        Case(
            sorted(thread, key=lambda alert: alert.revision),
            states.get(id_),
            sorted(members.get(id_, []), key=_surest),
        )
        for id_, thread in threads.items()
    ]


def _surest(member: Member) -> tuple[bool, float, str]:
    return member.state != "member", -member.membership, member.account_id


def case_of(name: str, cases: list[Case]) -> tuple[Case, Member | None]:
    """The case of a campaign, or of an account and its member record.

    Parameters
    ----------
    name
        Id of a campaign or the beginning of one, or of an account.

    Raises
    ------
    UsageError
        If nothing was said of it.
    """
    for case in cases:
        if case.id == name:
            return case, None
    for case in cases:
        for member in case.members:
            if member.account_id == name:
                return case, member
    starts = [case for case in cases if len(name) >= SHORTEST_PREFIX and case.id.startswith(name)]
    if len(starts) == 1:
        return starts[0], None
    known = ", ".join(case.id for case in cases[:5]) or "none"
    raise UsageError(f"nothing was said of {name!r}, campaign or account; campaigns: {known}")
