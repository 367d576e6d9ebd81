"""Map the Alibaba GenAI LoRA trace to ``llm.request.v1``, for measuring false alarms.

Run as ``python tests/tools/alibaba_events.py TRACE.csv.gz OUT.ndjson``. The trace
(alibaba/clusterdata) has no licence, so neither it nor anything derived from it is kept here.

A tenant (``groupId``) becomes an account and organisation of its own, a base model version
(``checkpoint_model_version_id``) becomes the prompt template, and an unknown prompt length
becomes 0 tokens. Addresses, clients and payments are not in the trace and are left out.
"""

from __future__ import annotations

import argparse
import csv
import datetime as dt
import gzip
from pathlib import Path
from typing import TYPE_CHECKING

import orjson

if TYPE_CHECKING:
    from collections.abc import Iterator

STATUS = {"SUCCEED": "ok", "FAILED": "error"}


def number(text: str) -> int:
    """Read a number that may be missing or written as a float."""
    return max(0, int(float(text))) if text else 0


def event(at: int, row: dict[str, str]) -> dict[str, object]:
    """One request of the trace as a request event.

    Parameters
    ----------
    at
        Number of the row, which makes the event's id.
    row
        Cells by column.
    """
    moment = dt.datetime.fromisoformat(row["gmt_create"]).replace(tzinfo=dt.UTC)
    seconds = float(row["exec_time_seconds"] or 0)
    fields: dict[str, object] = {
        "schema_version": 1,
        "event_id": f"row-{at}",
        "timestamp_ms": int(moment.timestamp() * 1_000),
        "account_id": row["groupId"],
        "model": row["predict_type"] or "unknown",
        "input_tokens": number(row["prompt_length"]),
        "output_tokens": number(row["num_inference_steps"]),
        "status": STATUS.get(row["predict_status"], "error"),
        "operation": "image",
        "latency_ms": max(0, int(seconds * 1_000)),
        "n": number(row["num_images_per_prompt"]),
    }
    if template := row["checkpoint_model_version_id"]:
        fields["prompt_template_id"] = template
    return fields


def events(trace: Path) -> Iterator[dict[str, object]]:
    """All requests of the trace, in the order of their times."""
    with gzip.open(trace, "rt", newline="") as file:
        rows = [event(at, row) for at, row in enumerate(csv.DictReader(file)) if row["groupId"]]
    yield from sorted(rows, key=lambda fields: (fields["timestamp_ms"], fields["event_id"]))


def main() -> None:
    """Write the trace as NDJSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("trace", type=Path)
    parser.add_argument("out", type=Path)
    arguments = parser.parse_args()
    with arguments.out.open("wb") as file:
        for fields in events(arguments.trace):
            file.write(orjson.dumps(fields) + b"\n")


if __name__ == "__main__":
    main()
