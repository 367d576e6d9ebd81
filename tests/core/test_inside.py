"""Extraction inside a pool: one work that many of its accounts do, beside everybody else's."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from analyzer.core.campaign.campaign_state import Campaign
from analyzer.core.campaign.inside import RUNNING, look_inside
from analyzer.core.campaign.linker import Registry
from analyzer.core.cohort.window import Window
from analyzer.core.config import CoreConfig
from analyzer.core.contracts.object_kind import Kind
from analyzer.testing.made_windows import Request, day

POOL, OTHERS = range(1_001, 1_081), range(3_001, 3_601)
WORKERS = POOL[:50]
"""Accounts of the pool that do the one work."""
WORK, CUSTOMERS = 20_000, 30_000
SHORT, LONG = 4_000_000, 7_000_000


def requests(rng: np.random.Generator, **work: int) -> Iterator[Request]:
    """A pool that serves customers' templates, and strangers with their own; some do one work."""
    customers = work.get("customers", 12)
    for org in (*POOL, *OTHERS):
        first = CUSTOMERS if org in POOL else 100 * org
        count, templates = (customers, 2_000) if org in POOL else (8, 3)
        for template in (first + 2 * rng.integers(0, templates, count)).tolist():
            asked = int(rng.integers(1, 9)) + 10 * template
            yield Request(org, ((Kind.TEMPLATE, template),), int(rng.integers(144)), asked, SHORT)
    for org in WORKERS:
        for number in range(work.get("each", 8)):
            prompt = 10**9 + (100 * org + number) % work.get("prompts", 10**9)
            template = WORK + 2 * int(rng.integers(0, work.get("templates", 4)))
            asked = Request(org, ((Kind.TEMPLATE, template),), int(rng.integers(144)), prompt)
            yield asked._replace(log_output=work.get("log_output", LONG))


def views(window: Window, times: int = RUNNING) -> Registry:
    """What is known after so many readings of the pool."""
    registry = Registry(CoreConfig())
    keys = np.array(POOL, np.uint64)
    pool = registry.found("group", window.pane - 1, "block", keys)
    pool.members.add(keys, window.pane - 1)
    pool.state.kind = "reseller_pool"
    for _ in range(times):
        look_inside(registry, [window])
    return registry


def orgs(campaign: Campaign) -> list[int]:
    """Its members."""
    return [int(key) for key in campaign.members.key]


def test_who_does_the_work_is_a_campaign_beside_the_pool() -> None:
    """And nobody else of the pool, which keeps all its members."""
    registry = views(day(requests(np.random.default_rng(1))))
    [found] = registry.open("inside")
    [pool] = registry.open()
    assert orgs(found) == [*WORKERS]
    assert orgs(pool) == [*POOL]
    assert found.state.kind == "extraction_campaign"
    assert found.state.parent == pool.id
    assert found.state.about.startswith("template object-2000")


def test_it_goes_on_as_one_campaign() -> None:
    """Each further reading finds its members once more."""
    registry = views(day(requests(np.random.default_rng(1))), RUNNING + 3)
    [found] = registry.open("inside")
    assert set(found.members.hits.tolist()) == {4}


def test_once_is_no_campaign() -> None:
    """It must show in readings in a row."""
    window = day(requests(np.random.default_rng(1)))
    assert views(window, RUNNING - 1).open("inside") == []


def test_a_work_that_everybody_does_once_is_none() -> None:
    """It shows, but nobody can be named for it: a pool of trials asked the same once."""
    once = requests(np.random.default_rng(1), each=1, templates=1, customers=3)
    assert views(day(once), 4).open("inside") == []


@pytest.mark.parametrize("work", [{"log_output": SHORT}, {"prompts": 20}], ids=str)
def test_a_customer_like_others_is_none(work: dict[str, int]) -> None:
    """Whose answers are no longer, or who asks the same again and again."""
    assert views(day(requests(np.random.default_rng(1), **work))).open("inside") == []
