"""Sentences for people: what an alert says in words."""

from __future__ import annotations

from analyzer.core.campaign.campaign_state import CampaignFile
from analyzer.core.contracts.records import AlertKind

_WHAT: dict[AlertKind, str] = {
    "extraction_campaign": "work one queue of prompts together, as in model extraction",
    "reseller_pool": "share infrastructure like the pool of a reseller, with mixed work",
    "linked_accounts": "are run from one place; their work shows no sign of extraction",
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
    "account_anomaly": ["Look at what the account asks for; compare with its own past."],
}


def summarise_campaign(file: CampaignFile, members: int) -> str:
    """One sentence: how many, what, and by what they are joined."""
    orgs = len(file.confirmed())
    if file.kind == "account_anomaly":
        times = file.facts["times_usual"]
        return (
            f"An account {_WHAT[file.kind]}: {times:,.0f} times the usual requests, long answers."
        )
    return (
        f"{members} accounts of {orgs} organisations {_WHAT[file.kind]} "
        f"(joined by {file.about or 'several objects'})."
    )


def next_steps(kind: AlertKind) -> list[str]:
    """At most three things to do, most useful first."""
    return _STEPS[kind]
