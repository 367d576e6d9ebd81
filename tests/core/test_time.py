"""The end of an input."""

from __future__ import annotations

import orjson
import pytest

from analyzer.core.config import CoreConfig
from analyzer.core.pipeline import Pipeline
from analyzer.testing.reference_run import raw_batch


@pytest.mark.parametrize("batch", [1, 2, 3])
def test_the_end_of_the_input_closes_every_pane(batch: int) -> None:
    """Each of three events is counted once the input has ended, whatever the batches."""
    lines = [
        orjson.dumps(
            {
                "event_id": str(number),
                "timestamp_ms": 1_800_000_000_000 + number * 400_000,
                "account_id": "a",
                "model": "m",
                "input_tokens": 1,
                "output_tokens": 1,
                "status": "ok",
            }
        )
        for number in range(3)
    ]
    pipeline = Pipeline(CoreConfig())
    batches = [raw_batch(lines[at : at + batch], at) for at in range(0, 3, batch)]
    counted = [
        int(pane.rows.org_requests.sum())
        for raw in [*batches, None]
        for pane in pipeline.gather(pipeline.read(0, raw).made).made
    ]
    assert sum(counted) == 3
