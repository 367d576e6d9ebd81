"""Findings in the shapes of others, held against those shapes' own validators."""

from __future__ import annotations

import csv
import io
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import orjson
import pytest

from analyzer.core.contracts.records import Alert
from analyzer.formats.exchange import ocsf, stix, tables
from analyzer.formats.networks import Networks

EXAMPLES = Path(__file__).parents[2] / "schemas" / "examples" / "alert.v1" / "valid"
ALERTS = [
    msgspec.json.decode(path.read_bytes(), type=Alert) for path in sorted(EXAMPLES.glob("*.json"))
]
BLOCKS = sorted({block for alert in ALERTS for block in alert.campaign.blocks})
MANY = dict.fromkeys(BLOCKS, 99)


def bundle(
    counts: dict[str, int], networks: Networks | None = None, k: int = 10, tlp: stix.Tlp = "amber"
) -> dict[str, Any]:
    """All examples, every block of each campaign used by so many accounts."""
    by_campaign = {alert.campaign_id: counts for alert in ALERTS}
    return stix.bundle(ALERTS, by_campaign, k=k, networks=networks or Networks(), tlp=tlp)


def named(found: dict[str, Any]) -> set[str]:
    """Blocks that the bundle gives away."""
    text = orjson.dumps(found).decode()
    return {block for block in BLOCKS if block in text}


def run(*args: str) -> subprocess.CompletedProcess[str]:
    """The command line."""
    command = [sys.executable, "-m", "analyzer", *args]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("tlp", sorted(stix.MARKINGS))
def test_stix_is_stix(tlp: stix.Tlp) -> None:
    """The strict validator of OASIS finds no error, whatever the marking."""
    from stix2validator import ValidationOptions, validate_string

    found = bundle(MANY, tlp=tlp)
    options = ValidationOptions(version="2.1", strict=True)
    result = validate_string(orjson.dumps(found).decode(), options)
    assert [str(error) for error in getattr(result, "errors", None) or []] == []
    assert result.is_valid
    kinds = {each["type"] for each in found["objects"]}
    assert {"campaign", "attack-pattern", "indicator", "sighting", "relationship"} <= kinds


def test_few_accounts_are_not_named() -> None:
    """A block leaves the house from k accounts on; one that nobody has counted never."""
    shown = named(bundle(MANY))
    counts = dict.fromkeys(BLOCKS[1:], 10)
    assert len(shown) > 1
    assert named(bundle(counts, k=10)) == shown - {BLOCKS[0]}
    assert named(bundle(counts, k=11)) == set()
    assert named(bundle({})) == set()


def test_homes_and_phones_are_not_named(tmp_path: Path) -> None:
    """Residential and mobile blocks stay in the house, however many use them."""
    shown = sorted(named(bundle(MANY)))
    listed = tmp_path / "networks.csv"
    kinds = ["residential", "hosting", "mobile"]
    listed.write_text("\n".join(f"{block},{kinds[n % 3]}" for n, block in enumerate(shown)))
    found = bundle(MANY, Networks([listed]))
    assert named(found) == {block for n, block in enumerate(shown) if n % 3 == 1}


def test_no_account_leaves() -> None:
    """In no shape."""
    accounts = {account for alert in ALERTS for account in alert.campaign.members_sample}
    assert accounts
    for shape in (
        orjson.dumps(bundle(MANY)),
        orjson.dumps([ocsf.finding(alert) for alert in ALERTS]),
        tables.as_csv(ALERTS),
    ):
        assert not any(account.encode() in shape for account in accounts)


def test_a_second_export_updates_the_first() -> None:
    """The same findings give the same ids; the ids have the form of a random UUID."""
    found = bundle(MANY)
    assert found == bundle(MANY)
    shape = re.compile(r"[a-z-]+--[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab].*")
    for each in found["objects"]:
        assert shape.fullmatch(each["id"])


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert.activity)
def test_ocsf_is_ocsf(alert: Alert) -> None:
    """The published model takes it, and of what it models nothing is changed on the way."""
    from py_ocsf_models.events.findings.detection_finding import DetectionFinding

    found = ocsf.finding(alert)
    model = DetectionFinding.model_validate(found)
    again = orjson.loads(model.model_dump_json(exclude_none=True))
    for key in ("activity_id", "class_uid", "severity_id", "time", "confidence_score", "message"):
        assert again[key] == found[key]
    assert found["type_uid"] == 200_400 + found["activity_id"]
    assert found["finding_info"]["uid"] == alert.campaign_id


def test_tables(tmp_path: Path) -> None:
    """The same rows in both; a text that a spreadsheet would run is made harmless."""
    import pyarrow.parquet as pq

    evil = msgspec.structs.replace(ALERTS[0], summary="=HYPERLINK(1)", campaign_id="other")
    rows = list(csv.DictReader(io.StringIO(tables.as_csv([*ALERTS, evil]).decode())))
    expected = [row["campaign_id"] for row in tables.rows([*ALERTS, evil])]
    assert [row["campaign_id"] for row in rows] == expected
    assert rows[-1]["summary"] == "'=HYPERLINK(1)"
    tables.write_parquet(ALERTS, tmp_path / "x.parquet")
    assert pq.read_table(tmp_path / "x.parquet").to_pylist() == tables.rows(ALERTS)


def test_the_command(tmp_path: Path) -> None:
    """From a folder to a file; a folder that is none is a wrong use, told in a line."""
    lines = b"".join(msgspec.json.encode(alert) + b"\n" for alert in ALERTS)
    (tmp_path / "alerts.ndjson").write_bytes(lines)
    out = tmp_path / "x.json"
    done = run("export", "--format", "ocsf", str(tmp_path), "--out", str(out), "--json")
    assert orjson.loads(done.stdout)["alerts"] == len(ALERTS)
    assert len(out.read_bytes().splitlines()) == len(ALERTS)
    wrong = run("export", "--format", "csv", str(tmp_path / "nowhere"))
    assert wrong.returncode == 2
    assert "Traceback" not in wrong.stderr
