"""A campaign of weeks with many templates in one queue: found once, and kept open."""

from __future__ import annotations

from itertools import islice

from analyzer.bench.season import CAMPAIGN_EVENTS, STEPS_A_DAY, season
from analyzer.core.config import CoreConfig
from analyzer.core.contracts.records import Alert, Campaign, Member, Record
from analyzer.core.pipeline import Pipeline
from analyzer.testing.reference_run import raw_batch

DAYS = 14
"""Longer than it takes until everybody has used every template before, and to be closed."""


def test_a_season_is_as_large_as_it_says() -> None:
    """The campaign's exchanges are as many as published, the customers' at least four times that.

    Whoever joins later sends no less for it.
    """
    scale = 0.004
    lines = [line for lines in season(scale, 1) for line in lines]
    campaign = sum(line.startswith(b'{"event_id":"pool-') for line in lines)
    assert 0.98 <= campaign / (scale * CAMPAIGN_EVENTS) <= 1.02
    assert len(lines) >= 5 * campaign


def test_a_season_is_one_campaign_to_its_end() -> None:
    """Three members in four and nobody else are in one open campaign, which is extraction.

    It may be told as something else before that is sure; once said, it stays.
    """
    pipeline, at = Pipeline(CoreConfig()), 0
    records: list[Record] = []
    for lines in islice(season(0.008, 3), DAYS * STEPS_A_DAY):
        records += pipeline.feed(0, raw_batch(lines, at)).made
        at += len(lines)
    last = {r.campaign_id: r for r in records if isinstance(r, Campaign)}
    held = [c for c in last.values() if c.kind == "extraction_campaign" and c.state == "open"]
    assert len(held) == 1
    members = {r.account_id: r for r in records if isinstance(r, Member)}
    named = {name for name, member in members.items() if member.state == "member"}
    pool = {name for name in named if name.startswith("pool-")}
    assert named == pool
    assert len(pool) >= 150
    told = [r for r in records if isinstance(r, Alert) and r.campaign_id == held[0].campaign_id]
    kinds = [alert.kind for alert in told]
    said = kinds.index("extraction_campaign")
    assert set(kinds[said:]) == {"extraction_campaign"}
    assert said < len(kinds) / 2
