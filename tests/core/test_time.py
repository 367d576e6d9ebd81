"""The end of an input."""

from __future__ import annotations

import numpy as np
import orjson
import pytest

from analyzer.core.account.step import AccountStep
from analyzer.core.config import CoreConfig
from analyzer.core.ingest.step import IngestStep, RawBatch
from analyzer.core.kernels.byte_strings import Texts


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
    config = CoreConfig()
    ingest = IngestStep(config, source=0, source_name="test", shards=1)
    account = AccountStep(config, shard=0, sources=1)
    outputs = [
        ingest.feed(RawBatch(Texts.of(lines[at : at + batch]), np.arange(at, min(3, at + batch))))
        for at in range(0, 3, batch)
    ]
    counted = [
        int(pane.rows.org_requests.sum())
        for output in [*outputs, ingest.finish()]
        for block in output.blocks
        for pane in account.feed(block)
    ]
    assert sum(counted) == 3
