"""Campaigns as rows, for spreadsheets and warehouses; no account, no address."""

from __future__ import annotations

import csv
import datetime as dt
import io
from pathlib import Path
from typing import Any

from analyzer.core.contracts.records import Alert
from analyzer.errors import UsageError
from analyzer.formats.exchange.sharing import latest

COLUMNS = (
    "campaign_id", "kind", "severity", "activity", "confidence", "score", "first_event_ms",
    "last_event_ms", "detected_at_ms", "detected_at", "accounts", "organisations", "requests",
    "output_tokens", "models", "summary", "analyzer_version", "config_hash",
)  # fmt: skip
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def rows(alerts: list[Alert]) -> list[dict[str, Any]]:
    """The last alert of each campaign as a row."""
    return [_row(alert) for alert in latest(alerts)]


def _row(alert: Alert) -> dict[str, Any]:
    facts = alert.campaign
    return {
        "campaign_id": alert.campaign_id,
        "kind": alert.kind,
        "severity": alert.severity,
        "activity": alert.activity,
        "confidence": alert.confidence,
        "score": alert.score,
        "first_event_ms": alert.first_event_ms,
        "last_event_ms": alert.last_event_ms,
        "detected_at_ms": alert.detected_at_ms,
        "detected_at": _moment(alert.detected_at_ms),
        "accounts": facts.members_total,
        "organisations": facts.organisations,
        "requests": facts.requests,
        "output_tokens": facts.output_tokens,
        "models": " ".join(facts.models),
        "summary": alert.summary,
        "analyzer_version": alert.provenance.analyzer_version,
        "config_hash": alert.provenance.config_hash,
    }


def _moment(epoch_ms: int) -> str:
    return dt.datetime.fromtimestamp(epoch_ms / 1_000, dt.UTC).isoformat(timespec="seconds")


def as_csv(alerts: list[Alert]) -> bytes:
    """A table in UTF-8 with a head; a text that a spreadsheet would run is put in quotes."""
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for row in rows(alerts):
        writer.writerow({key: _harmless(value) for key, value in row.items()})
    return out.getvalue().encode()


def write_parquet(alerts: list[Alert], path: Path) -> None:
    """The same as a Parquet file.

    Raises
    ------
    UsageError
        If pyarrow is not installed.
    """
    try:
        import pyarrow as pa  # noqa: PLC0415 - an optional extra
        import pyarrow.parquet as pq  # noqa: PLC0415 - as above
    except ImportError as error:
        raise UsageError("parquet needs pyarrow: pip install 'usage-analyzer[parquet]'") from error
    kinds = {"confidence": pa.float64(), "score": pa.float64()}
    kinds |= dict.fromkeys(
        (name for name in COLUMNS if name.endswith("_ms")), pa.int64()
    ) | dict.fromkeys(("accounts", "organisations", "requests", "output_tokens"), pa.int64())
    schema = pa.schema([(name, kinds.get(name, pa.string())) for name in COLUMNS])
    pq.write_table(pa.Table.from_pylist(rows(alerts), schema=schema), path)


def _harmless(value: Any) -> Any:
    return "'" + value if isinstance(value, str) and value.startswith(_FORMULA) else value
