"""An alert on a terminal."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from analyzer.console.render import printer
from analyzer.core.contracts.records import Alert

EXAMPLES = Path(__file__).parents[2] / "schemas" / "examples" / "alert.v1" / "valid"


def example(name: str) -> Alert:
    """One of the published examples."""
    return msgspec.json.decode((EXAMPLES / f"{name}.json").read_bytes(), type=Alert)


def shown(alert: Alert, width: int = 100) -> str:
    """What a terminal of that width gets, without colours."""
    console = Console(file=StringIO(), width=width, highlight=False)
    printer(console)(alert)
    return console.file.getvalue()  # type: ignore[attr-defined,no-any-return] # a StringIO


def test_everything_an_operator_asks() -> None:
    """What, who, since when, why, what speaks against it, what to do, which campaign."""
    text = shown(example("opened"))
    for word in (
        "HIGH Extraction campaign opened  2026-03-03 10:00 UTC",
        "32 accounts of 31 organisations work one queue of prompts",
        "and 28 more",
        "Since    2026-03-02 00:05 UTC (34 h of activity)",
        "████████ 6 h 31 of 31 accounts use the TLS fingerprint",
        "Against  nothing found",
        "1. Look at the sample of members",
        "Runbook: https://example.org/runbooks/usage-analyzer",
        "campaign c-18e3bb8eeda4d66b · rev 1 · confidence >99%",
    ):
        assert word in text


def test_counter_evidence_is_shown() -> None:
    """What speaks against a finding stands beside what speaks for it."""
    text = shown(example("escalated_with_counter_evidence"))
    assert "Against  ██░░░░░░ 6 h 63 of 512 active organisations are members, 12 %" in text


@pytest.mark.parametrize("width", [40, 80, 200])
def test_the_frame_holds(width: int) -> None:
    """No line is wider than the terminal."""
    for file in EXAMPLES.glob("*.json"):
        lines = shown(example(file.stem), width).splitlines()
        assert max(map(len, lines)) <= width


@given(text=st.text())
def test_text_from_outside_controls_nothing(text: str) -> None:
    """No control code and no markup of ours comes from an event."""
    alert = example("opened")
    facts = msgspec.structs.replace(alert.campaign, members_sample=[text], models=[text])
    hostile = msgspec.structs.replace(
        alert, summary=f"[bold]{text}[/bold]", campaign=facts, campaign_id=text
    )
    out = shown(hostile)
    assert "\x1b" not in out
    assert all(c.isprintable() or c == "\n" for c in out if ord(c) < 0x250)
    assert "[bold]" in out
