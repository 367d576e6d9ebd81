"""The layout of a Slack message."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from analyzer.sinks.slack_blocks import code, escape, message
from analyzer.testing.sink_fakes import check

if TYPE_CHECKING:
    from collections.abc import Callable

    from analyzer.core.contracts.records import Alert


def test_everything_is_said(make_alert: Callable[..., Alert]) -> None:
    """What, who, since when, why, what speaks against it, what to do, from where."""
    alert = make_alert()
    text = json.dumps(message(alert), ensure_ascii=False)
    for word in (
        "HIGH · Extraction campaign opened",
        alert.summary,
        "32 accounts, 31 organisations",
        "2026-03-02 00:05 UTC",
        f"`{alert.campaign.members_sample[0]}`",
        "and 27 more",
        "27 of 31 accounts were created between 27 Feb and 1 Mar 2026; 0.4 expected (6 h)",
        "*What speaks against it*\\nNothing found.",
        "1. Look at the sample of members",
        "<https://example.org/runbooks/usage-analyzer|Runbook>",
        f"`{alert.campaign_id}`",
        f"config {alert.provenance.config_hash}",
    ):
        assert word in text
    check(message(alert))


@given(text=st.text())
def test_escaped_text_calls_nobody(text: str) -> None:
    """No angle bracket is left, no bare ampersand, no call by name."""
    safe = escape(text)
    assert "<" not in safe
    assert ">" not in safe
    for name in ("@here", "@channel", "@everyone"):
        assert name not in safe.lower()


@given(text=st.text())
def test_code_stays_code(text: str) -> None:
    """One pair of backticks and one line, whatever is inside."""
    assert code(text).count("`") == 2
    assert "\n" not in code(text)
    assert len(code(text)) > 2
