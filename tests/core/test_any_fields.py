"""Whatever optional fields a gateway leaves out, windows are judged."""

from __future__ import annotations

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzer.core.config import CoreConfig
from analyzer.core.pipeline import Pipeline
from analyzer.testing.reference_run import raw_batch

HOUR_MS = 3_600_000
START_MS = 1_772_496_000_000
OPTIONAL = {
    "client_ip": "192.0.2.7",
    "org_id": "org-{}",
    "account_created_ms": 1,
    "user_agent": "client",
    "tls_ja4": "t13d1516h2",
    "payment_ref": "card-{}",
    "prompt_template_id": "template",
    "prompt_hash": "{:016x}",
    "temperature": 0.5,
}


@settings(max_examples=25, deadline=None)
@given(given_fields=st.sets(st.sampled_from(sorted(OPTIONAL))))
def test_any_subset_of_the_optional_fields(given_fields: set[str]) -> None:
    """Nobody answers to a missing field with an error; a day of twelve accounts is judged."""
    lines = [_line(hour, number, given_fields) for hour in range(30) for number in range(12)]
    pipeline = Pipeline(CoreConfig(warmup_s=0))
    output = pipeline.feed(0, raw_batch(lines, append_ms=START_MS + 100 * HOUR_MS))
    assert (output.dead, output.made) == ([], [])


def _line(hour: int, number: int, given_fields: set[str]) -> bytes:
    event = {
        "event_id": f"event-{hour}-{number}",
        "timestamp_ms": START_MS + hour * HOUR_MS + number,
        "account_id": f"account-{number}",
        "model": "model",
        "input_tokens": 1,
        "output_tokens": 1,
        "status": "ok",
    }
    for name in given_fields:
        value = OPTIONAL[name]
        event[name] = value.format(100 * hour + number) if isinstance(value, str) else value
    return msgspec.json.encode(event)
