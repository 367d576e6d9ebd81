"""Sentences for people: what an alert says in words."""

from __future__ import annotations

from analyzer.core.campaign.campaign_state import Campaign
from analyzer.core.campaign.evidence.wording import counted
from analyzer.core.campaign.kind import EXTRACTION
from analyzer.core.contracts.records import AlertKind

_WHAT: dict[AlertKind, str] = {
    "extraction_campaign": "work through one queue of prompts, as in model extraction",
    "reseller_pool": "share infrastructure like a reseller's customers; their work differs",
    "linked_accounts": "are linked by what they share; their work shows no sign of extraction",
    "shared_tool": "use one product, course or event, as independent customers do",
    "account_anomaly": "behaves unlike any other account",
}

_STEPS: dict[AlertKind, list[str]] = {
    "extraction_campaign": [
        "Look at it: analyzer explain {id} --from live",
        "Hold or rate-limit the members (topic analyzer.members), never their address blocks.",
        "Send a verdict to the topic analyzer.feedback: it corrects this alert and those to come.",
    ],
    "reseller_pool": [
        "If it is a known partner, allow-list it with an expiry; if not, ask who pays.",
        "Extraction inside the pool comes as an alert of its own; this one is no reason to act.",
    ],
    "linked_accounts": [
        "Ask whether the accounts belong to one customer; if so, link them to one organisation.",
    ],
    "shared_tool": [
        "Hold nobody. If the product or course is known, allow-list what joins its users.",
    ],
    "account_anomaly": [
        "Look at what the account asks for, and at its past: analyzer explain {id} --from live"
    ],
}


DOUBTED = 0.5
"""Confidence below which extraction is told as a suspicion."""


def summarise_campaign(campaign: Campaign, members: int, confidence: float) -> str:
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
    may = "may " if state.kind == EXTRACTION and confidence < DOUBTED else ""
    return (
        f"{counted(members, 'account')} of {counted(orgs, 'organisation')}{within} "
        f"{may}{_WHAT[state.kind]} (joined by {state.about or 'several objects'}).{changed}"
    )


def next_steps(campaign: Campaign, confidence: float) -> list[str]:
    """At most three things to do, most useful first; nobody is held on a mere suspicion."""
    state = campaign.state
    steps = [step.format(id=state.id) for step in _STEPS[state.kind]]
    if state.kind == EXTRACTION and confidence < DOUBTED:
        steps[1] = "Hold nobody yet: by this reading it is more likely something else."
    return steps
