"""A single heavy account is spoken of, quietly; a campaign's light accounts are not."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import orjson

from analyzer.core.cohort.models.triage import TRAITS, WINDOW, Triage
from analyzer.core.contracts.records import Alert
from analyzer.simulate import generate
from analyzer.testing.reference_run import run

HEAVY = "acct-heavy"


def alerts_of(lines: Iterable[bytes]) -> list[Alert]:
    """Alerts of a replay of these lines, which are put in order first."""
    ordered = sorted(lines, key=lambda line: int(orjson.loads(line)["timestamp_ms"]))
    return [record for record in run(ordered).made if isinstance(record, Alert)]


def heavy(first: bytes) -> list[bytes]:
    """Seven thousand long answers of one account in a day and a half."""
    event = orjson.loads(first)
    kept = {k: v for k, v in event.items() if k in ("timestamp_ms", "model", "input_tokens")}
    kept |= {"account_id": HEAVY, "status": "ok", "client_ip": "198.51.100.9"}
    start = event["timestamp_ms"] + 30 * 3_600_000
    return [
        orjson.dumps(
            kept
            | {
                "event_id": f"heavy-{i}",
                "timestamp_ms": start + i * 17_000,
                "prompt_template_id": "tpl-heavy",
                "prompt_hash": f"item-{i}",
                "output_tokens": 2_500 + i % 700,
            }
        )
        for i in range(7_000)
    ]


def test_one_heavy_extractor_is_named_at_low_severity() -> None:
    """One account with huge volume and long answers is an anomaly, and no campaign."""
    lines = list(generate("campus", 78, scale=0.3, days=3.0).lines())
    alerts = alerts_of([*lines, *heavy(lines[0])])
    about = [alert for alert in alerts if HEAVY in alert.campaign.members_sample]
    assert [(a.kind, a.severity, a.activity) for a in about] == [
        ("account_anomaly", "low", "opened")
    ]
    assert {reading.name for reading in about[0].signals} == {"volume", "anomaly"}


def test_the_light_accounts_of_a_campaign_are_no_anomalies() -> None:
    """A campaign is found as one, and none of its accounts by itself."""
    world = generate("plain", 77, scale=0.25, days=3.0)
    guilty = set(world.labels["campaigns"][0]["accounts"])
    alone = [a for a in alerts_of(world.lines()) if a.kind == "account_anomaly"]
    assert not [a for a in alone if guilty & set(a.campaign.members_sample)]


def test_triage_goes_on_from_its_snapshot() -> None:
    """A restored model gives the scores that the saved one would have given."""
    rng = np.random.default_rng(5)
    usual, strange = rng.random((2 * WINDOW, len(TRAITS))) / 3, np.ones((3, len(TRAITS)))
    triage, restored = Triage(7), Triage(7)
    triage.learn(usual)
    restored.restore(triage.snapshot())
    assert (triage.judge(strange) > 0).all()
    np.testing.assert_array_equal(restored.judge(strange), triage.judge(strange))
