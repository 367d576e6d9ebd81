"""The book of campaigns: who is let in, and what a group is taken for."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from analyzer.core.campaign.campaign_state import CAMPAIGN, CampaignFile
from analyzer.core.campaign.findings import Account, Finding, type_of
from analyzer.core.campaign.linker import Book
from analyzer.core.cohort.catalog import NAMES
from analyzer.core.cohort.describe import CohortNote
from analyzer.core.config import CoreConfig
from analyzer.core.contracts.columns import FACTS, Kind
from analyzer.core.contracts.records import AlertKind

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
    ("kinds", "signals", "kind"),
    [
        (0.1, {}, "extraction_campaign"),
        (0.4, {}, "linked_accounts"),  # a young pool: several tenants, one of whom asks for much
        (0.4, {"work_queue": 0.5}, "extraction_campaign"),
        (0.4, {"narrowness": 0.7}, "extraction_campaign"),  # nobody else does any of it
        (np.nan, {}, "extraction_campaign"),  # nothing is known of other work
    ],
)
def test_long_answers_to_several_kinds_of_work_are_no_extraction(
    kinds: float, signals: dict[str, float], kind: AlertKind
) -> None:
    """Unless prompts come from one queue, or the work is the group's own."""
    features = np.zeros(len(NAMES))
    for name, value in {"output_length": 0.9, "payment_sharing": 1.0, **signals}.items():
        features[NAMES.index(name)] = value
    facts = dict.fromkeys([*FACTS, "focus"], 1.0) | {"diversity": kinds, "blocks": 30.0}
    assert type_of(Kind.TEMPLATE, features, facts) == kind


@pytest.mark.parametrize(
    ("missing", "kind"),
    [
        (None, "extraction_campaign"),
        ("params_homogeneity", "linked_accounts"),
        ("private_blocks", "linked_accounts"),
        ("payment_sharing", "linked_accounts"),
    ],
)
def test_made_up_accounts_that_one_program_runs_from_blocks_of_its_own_are_extraction(
    missing: str | None, kind: AlertKind
) -> None:
    """Even where neither long answers nor the work itself says so; each of the signs is needed."""
    features = np.zeros(len(NAMES))
    for name in {"params_homogeneity", "private_blocks", "payment_sharing"} - {missing}:
        features[NAMES.index(name)] = 0.9
    facts = dict.fromkeys([*FACTS, "focus"], 0.1) | {"blocks": 30.0, "billed": 1.0}
    assert type_of(Kind.TEMPLATE, features, facts) == kind


def test_a_few_accounts_on_one_template_are_accused_when_more_than_that_is_known() -> None:
    """So looks a pool that has just opened: eight such findings count as two."""
    few, many = range(1, 13), range(1, 31)
    assert _taken_for(few, findings=7) == "linked_accounts"
    assert _taken_for(few, findings=8) == "extraction_campaign"
    assert _taken_for(many, findings=2) == "extraction_campaign"


def _taken_for(orgs: range, *, findings: int) -> AlertKind:
    book = Book(CoreConfig())
    for number in range(findings):
        found = finding(alike(1.5, orgs), pane=HOURS_3 * number)
        book.take(replace(found, facts=found.facts | {"places": float(len(orgs))}))
    [file] = book.files.values()
    return file.kind


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
