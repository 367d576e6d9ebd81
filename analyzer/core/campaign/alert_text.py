"""Sentences for people: what an alert says in words."""

from __future__ import annotations

from analyzer.core.campaign.campaign_state import Campaign
from analyzer.core.contracts.records import AlertKind

_WHAT: dict[AlertKind, str] = {
    "extraction_campaign": "work one queue of prompts together, as in model extraction",
    "reseller_pool": "share infrastructure like the pool of a reseller, with mixed work",
    "linked_accounts": "are linked by what they share; their work shows no sign of extraction",
    "shared_tool": "use one product, course or event, as independent customers do",
    "account_anomaly": "behaves unlike any other account",
}

_STEPS: dict[AlertKind, list[str]] = {
    "extraction_campaign": [
        "Look at the sample of members: same template, client and network?",
        "Hold or rate-limit the members (topic analyzer.members), not the address blocks.",
        "Send a verdict to analyzer.feedback, so that the next alert is better.",
    ],
    "reseller_pool": [
        "Check whether the pool is a known partner; if so, allow-list it with an expiry.",
        "Look for an extraction campaign inside it: it is reported on its own.",
    ],
    "linked_accounts": [
        "Ask whether the accounts belong to one customer; if so, link them to one organisation.",
    ],
    "shared_tool": [
        "Nothing to hold: check whether the product or course is known, then allow its template.",
    ],
    "account_anomaly": ["Look at what the account asks for; compare with its own past."],
}


def summarise_campaign(campaign: Campaign, members: int) -> str:
    """One sentence: how many, what, and by what they are joined."""
    state = campaign.state
    if state.kind == "account_anomaly":
        return (
            f"An account {_WHAT[state.kind]}: {state.times_usual:,.0f} times the usual requests, "
            "long answers."
        )
    orgs = len(campaign.confirmed())
    within = f" inside the pool {state.parent}" if state.parent else ""
    changed = f" Changed: {state.kind_reason}." if state.kind_reason else ""
    return (
        f"{members} accounts of {orgs} organisations{within} {_WHAT[state.kind]} "
        f"(joined by {state.about or 'several objects'}).{changed}"
    )


def next_steps(kind: AlertKind) -> list[str]:
    """At most three things to do, most useful first."""
    return _STEPS[kind]
