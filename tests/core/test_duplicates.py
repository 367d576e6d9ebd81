"""A duplicate is the same id, account, time and content; an id alone hides nothing."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from analyzer.core.config import CoreConfig
from analyzer.core.pipeline import Pipeline, Sharding
from analyzer.testing.reference_run import raw_batch

EVENT = st.fixed_dictionaries(
    {
        "event_id": st.sampled_from("ab"),
        "timestamp_ms": st.integers(1_772_532_000_000, 1_772_532_000_003),
        "account_id": st.sampled_from("xyz"),
        "model": st.sampled_from("mn"),
        "input_tokens": st.just(1),
        "output_tokens": st.integers(1, 2),
        "status": st.just("ok"),
    },
    optional={"org_id": st.sampled_from("op"), "prompt_hash": st.sampled_from("hi")},
)


@settings(max_examples=60)
@given(st.lists(EVENT, min_size=1, max_size=40), st.sampled_from([1, 3, 8]), st.randoms())
def test_only_the_same_counts_once(events: list[dict[str, Any]], shards: int, draw: Any) -> None:
    """Whatever ids come again, on any number of shards and in any order."""
    draw.shuffle(events)
    pipeline = Pipeline(CoreConfig(), Sharding(shards=shards))
    lines = [json.dumps(event).encode() for event in events]
    counted = duplicates = 0
    for raw in (raw_batch(lines, 0), None):
        gathered = pipeline.gather(pipeline.read(0, raw).made)
        counted += sum(int(pane.rows.org_requests.sum()) for pane in gathered.made)
        duplicates += gathered.count("duplicates")
    different = len({json.dumps(event, sort_keys=True) for event in events})
    assert (counted, duplicates) == (different, len(events) - different)
