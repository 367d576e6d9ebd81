"""Evidence of others becomes feedback, with its age and source; what is no use is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import orjson
import pytest

from analyzer.core.contracts.feedback import Feedback
from analyzer.core.contracts.records import Alert
from analyzer.errors import UsageError
from analyzer.exchange.intake import encode, read
from analyzer.formats.exchange import stix
from analyzer.formats.networks import Networks

EXAMPLES = Path(__file__).parents[2] / "schemas" / "examples" / "alert.v1" / "valid"
NOW_MS = 1_772_600_000_000


def indicator(**fields: Any) -> dict[str, Any]:
    """One that is good, with these fields instead."""
    return {
        "type": "indicator",
        "id": "indicator--1",
        "pattern": "[ipv4-addr:value = '203.0.113.7']",
        "valid_from": "2026-03-02T00:00:00Z",
        "confidence": 80,
    } | fields


def bundle(*objects: dict[str, Any]) -> bytes:
    """A bundle of them."""
    return orjson.dumps({"type": "bundle", "id": "bundle--1", "objects": objects})


def test_what_we_export_we_can_take() -> None:
    """Blocks of one analyzer's findings are evidence for another."""
    alert = msgspec.json.decode((EXAMPLES / "closed_reseller_pool.json").read_bytes(), type=Alert)
    counts = {alert.campaign_id: dict.fromkeys(alert.campaign.blocks, 20)}
    found = stix.bundle([alert], counts, k=10, networks=Networks(), source="partner-lab")
    intake = read(orjson.dumps(found), now_ms=NOW_MS, keep_days=30)
    assert intake.left_out == []
    assert [record.target.id for record in intake.records] == alert.campaign.blocks
    assert {record.author_ref for record in intake.records} == {"partner-lab"}
    for record in intake.records:
        assert msgspec.json.decode(encode(record), type=Feedback) == record


def test_an_address_stands_for_its_block() -> None:
    """A /24 or /48; how sure it is and how long it holds come along."""
    six = indicator(id="indicator--2", pattern="[ipv6-addr:value = '2001:db8:17::9']")
    intake = read(bundle(indicator(), six), now_ms=NOW_MS, keep_days=10)
    assert [record.target.id for record in intake.records] == ["203.0.113.0/24", "2001:db8:17::/48"]
    first = intake.records[0]
    assert first.evidence is not None
    assert first.evidence.strength == 0.8
    assert first.expires_ms == first.created_ms + 10 * 86_400_000


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"revoked": True}, "revoked"),
        ({"valid_until": "2026-03-03T00:00:00Z"}, "no longer valid"),
        ({"pattern": "[ipv4-addr:value ISSUBSET '203.0.0.0/16']"}, "no address or range"),
        ({"pattern": "[file:name = 'x']"}, "no address or range"),
        ({"pattern": None}, "no address or range"),
    ],
)
def test_what_is_no_use_is_told(fields: dict[str, Any], why: str) -> None:
    """Never taken, never silent."""
    intake = read(bundle(indicator(**fields)), now_ms=NOW_MS, keep_days=30)
    assert intake.records == []
    assert why in intake.left_out[0]


def test_hits_of_a_watermark() -> None:
    """Lines of hits; a line that is none is told and does no harm to the others."""
    lines = [
        {"type": "account", "id": "acct-1", "source": "watermark", "strength": 0.9},
        {"type": "template", "id": "tpl-1", "source": "model_fingerprint"},
        {"type": "planet", "id": "x"},
        ["no", "hit"],
    ]
    data = b"\n".join(map(orjson.dumps, lines)) + b"\nnot json\n"
    intake = read(data, now_ms=NOW_MS, keep_days=30)
    assert [record.target.id for record in intake.records] == ["acct-1", "tpl-1"]
    assert len(intake.left_out) == 3
    again = read(data, now_ms=NOW_MS, keep_days=30)
    assert [r.feedback_id for r in again.records] == [r.feedback_id for r in intake.records]


def test_nothing_is_a_wrong_use() -> None:
    """A bundle without indicators, or nothing at all."""
    for data in (b"", bundle()):
        with pytest.raises(UsageError, match="neither"):
            read(data, now_ms=NOW_MS, keep_days=30)


@pytest.mark.parametrize(
    "data",
    [b'{"event_id":"e","prompt_text":"a secret"}\n' * 3, b"a secret\n", b"[]", b"[" * 9_999, b"{}"],
)
def test_a_file_of_something_else_is_refused(data: bytes) -> None:
    """And nothing of it is shown: it may be a file of events, prompts included."""
    with pytest.raises(UsageError, match="nor lines of hits") as raised:
        read(data, now_ms=NOW_MS, keep_days=30)
    assert "secret" not in str(raised.value)
    mixed = b'{"type":"account","id":"acct-1"}\n' + data
    intake = read(mixed, now_ms=NOW_MS, keep_days=30)
    assert len(intake.records) == 1
    assert all(reason.startswith("line ") for reason in intake.left_out)
    assert "secret" not in "".join(intake.left_out)
