"""The book of campaigns: who is let in, and what a group is taken for."""

from __future__ import annotations

import numpy as np
import pytest

from analyzer.core.alerts import AlertKind
from analyzer.core.book import Book
from analyzer.core.campaign_file import CAMPAIGN, CampaignFile
from analyzer.core.catalog import NAMES
from analyzer.core.config import CoreConfig
from analyzer.core.describe import CohortNote
from analyzer.core.findings import Account, Finding
from analyzer.core.tables import FACTS, Kind

CORE = range(1, 31)
STRANGERS = range(101, 131)
HOURS_3 = 18
"""In panes; sooner the same cohort is old news."""


def finding(
    affinity: dict[int, float], *, pane: int = 0, kind: AlertKind = "extraction_campaign"
) -> Finding:
    """The users of one template, each with its likeness to the others."""
    nothing = np.zeros(len(NAMES))
    return Finding(
        pane=pane,
        kind=kind,
        cohort_kind=Kind.TEMPLATE,
        object=7,
        window_s=86_400,
        newcomers=0,
        score=0.9,
        strangeness=None,
        features=nothing,
        facts=dict.fromkeys([*FACTS, "focus"], 1.0) | {"organisations": float(len(affinity))},
        note=CohortNote("tpl", ["tpl"], [], [], []),
        accounts=[
            Account(org, f"acct-{org}", org, 5, 0, 0, likeness)
            for org, likeness in affinity.items()
        ],
        usual=nothing,
        high=nothing,
    )


def alike(likeness: float, orgs: range) -> dict[int, float]:
    """All of them equally like the others."""
    return dict.fromkeys(orgs, likeness)


def members_after(*found: Finding) -> set[int]:
    """Who has been let in by these findings."""
    book = Book(CoreConfig())
    for one in found:
        book.take(one)
    [file] = book.files.values()
    return set(file.hits)


def test_who_is_much_less_like_the_core_than_most_stays_out() -> None:
    """Users of a prompt that went viral do not become members of the campaign that uses it."""
    core = dict(zip(CORE, np.linspace(0.4, 2.0, len(CORE)).tolist(), strict=True))
    first = finding(core)
    later = finding(core | alike(0.41, STRANGERS), pane=HOURS_3)
    assert members_after(first, later) == set(CORE)
    newcomers = finding(core | alike(0.6, STRANGERS), pane=HOURS_3)
    assert members_after(first, newcomers) == {*CORE, *STRANGERS}


def test_what_looks_like_a_pool_brings_a_campaign_nobody() -> None:
    """A campaign's template that others use for many kinds of work names no new members."""
    first = finding(alike(1.5, CORE))
    both = alike(1.5, CORE) | alike(1.5, range(101, 161))
    assert members_after(first, finding(both, pane=HOURS_3, kind="reseller_pool")) == set(CORE)
    assert members_after(first, finding(both, pane=HOURS_3)) == set(both)


@pytest.mark.parametrize(
    ("size", "spread", "balance", "eliciting", "kind"),
    [
        (20, 0.2, 0.3, 1, "linked_accounts"),  # an agency: unequal volumes from its offices
        (20, 0.2, 0.8, 0, "linked_accounts"),  # a pool with its first customers
        (50, 0.2, 0.8, 0, "linked_accounts"),  # the same, a little later
        (20, 0.9, 0.3, 0, "extraction_campaign"),  # as many, but each from somewhere else
        (20, 0.2, 0.8, 1, "extraction_campaign"),  # equal volumes and long answers
        (90, 0.2, 0.3, 0, "extraction_campaign"),  # too many for an agency
    ],
)
def test_a_small_group_in_a_few_places_is_linked_and_no_more(
    size: int, spread: float, balance: float, eliciting: int, kind: AlertKind
) -> None:
    """Unless volumes are equal and answers long; address blocks a head tell the places."""
    file = CampaignFile("c", CAMPAIGN, "linked_accounts", 0, 0, findings=4)
    file.hits = dict.fromkeys(range(1, size + 1), 4)
    file.votes = {"extraction_campaign": 4}
    file.spread, file.balance, file.eliciting = 4 * spread, 4 * balance, 4 * eliciting
    assert file.elected() == kind
