"""A second configuration in the campaign step: its own answers, the first's untouched."""

from __future__ import annotations

import functools

from analyzer.core.campaign.step import CampaignStep
from analyzer.core.config import CoreConfig
from analyzer.core.contracts.blocks import CohortBlock, PaneBlock
from analyzer.core.contracts.records import Record, ShadowAlert, encode_record
from analyzer.simulate import generate
from analyzer.testing.reference_run import campaign_blocks

CONFIG = CoreConfig()
OTHER = CoreConfig(update_after_s=3_600)
EVERY = 97
"""Blocks between two snapshots."""


@functools.cache
def blocks() -> tuple[CohortBlock | PaneBlock, ...]:
    """What the campaign step is sent of a small world with one campaign."""
    return campaign_blocks(CONFIG, list(generate("smoke", 5).lines()))


def step(config: CoreConfig = CONFIG, other: CoreConfig | None = OTHER) -> CampaignStep:
    """A blank step, with a shadow or without."""
    made = CampaignStep(config, sources=1)
    if other is not None:
        made.shadow(other)
    return made


def told(records: list[Record]) -> tuple[list[bytes], list[bytes]]:
    """What is sent to people, and the shadow's alerts."""
    shadow = [encode_record(r) for r in records if isinstance(r, ShadowAlert)]
    return [encode_record(r) for r in records if not isinstance(r, ShadowAlert)], shadow


def alone(config: CoreConfig) -> list[bytes]:
    """All records of this configuration without any other."""
    one = step(config, None)
    return [encode_record(r) for block in blocks() for r in one.feed(block).made]


def test_a_shadow_saved_and_restored_goes_on() -> None:
    """Both configurations answer as if each were alone, through every snapshot."""
    now, records = step(), list[Record]()
    for number, block in enumerate(blocks()):
        if number % EVERY == 0:
            after = step()
            after.restore(now.snapshot())
            now = after
        records += now.feed(block).made
    first, second = told(records)
    assert first == alone(CONFIG)
    assert second == [line for line in alone(OTHER) if b'"alert_id"' in line]
    assert second


def test_a_new_shadow_goes_on_from_what_the_first_has_found() -> None:
    """A snapshot without one, or of another one: from there on it judges by itself."""
    before = step(other=None)
    half = len(blocks()) // 2
    for block in blocks()[:half]:
        before.feed(block)
    now, records = step(), list[Record]()
    now.restore(before.snapshot())
    for block in blocks()[half:]:
        records += now.feed(block).made
    _, second = told(records)
    changed = step(other=CoreConfig(tell_organisations=10_000))
    changed.restore(now.snapshot())
    ids = {campaign.id for campaign in before.campaigns}
    assert ids & {r.campaign_id for r in records if isinstance(r, ShadowAlert)}
    assert len(second) > 1


def test_a_shadow_that_was_taken_away_leaves_nothing() -> None:
    """Its part of the snapshot is passed over."""
    now = step()
    half = len(blocks()) // 2
    records = [r for block in blocks()[:half] for r in now.feed(block).made]
    after = step(other=None)
    after.restore(now.snapshot())
    records += [r for block in blocks()[half:] for r in after.feed(block).made]
    assert told(records)[0] == alone(CONFIG)
