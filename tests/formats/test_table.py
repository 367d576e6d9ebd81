"""The page of formats is what the formats say, and knows every signal."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import orjson

from analyzer.core.contracts.request_event import RequestEvent
from analyzer.formats.blindness import READ

ROOT = Path(__file__).parents[2]


def run(*args: str) -> subprocess.CompletedProcess[str]:
    """A command of ours."""
    return subprocess.run([sys.executable, *args], capture_output=True, text=True, check=False)


def test_the_page_is_up_to_date() -> None:
    """``docs/formats.md`` is what the tool prints."""
    printed = run(str(ROOT / "tests" / "tools" / "format_table.py"))
    assert printed.stdout == (ROOT / "docs" / "formats.md").read_text("utf-8")


def test_what_signals_need_is_in_the_contract() -> None:
    """A field that no event has would be called lost by nobody."""
    assert set(READ) <= set(RequestEvent.__struct_fields__)


def test_the_doctor_reads_a_sample(command: Any) -> None:
    """Formats, events, what is empty and blind; exit 1 if nothing can be read, 2 if wrong."""
    golden = ROOT / "tests" / "formats" / "golden"
    done = command("doctor", "--sample", str(golden / "kong.in.ndjson"), "--json")
    found = orjson.loads(done.stdout)
    assert (done.returncode, found["formats"], found["events"]) == (0, {"kong": 7}, 3)
    assert "payment_sharing" in found["blind_signals"]
    named = ("--format", "litellm", "--json")
    other = command("doctor", "--sample", str(golden / "kong.in.ndjson"), *named)
    assert (other.returncode, orjson.loads(other.stdout)["events"]) == (1, 0)
    assert command("doctor", "--sample", "/nowhere").returncode == 2
