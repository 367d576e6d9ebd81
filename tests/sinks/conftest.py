"""Alerts to deliver."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from analyzer.core.contracts.records import Alert

if TYPE_CHECKING:
    from collections.abc import Callable

EXAMPLES = Path(__file__).parents[2] / "schemas" / "examples" / "alert.v1" / "valid"


@pytest.fixture(scope="session")
def make_alert() -> Callable[..., Alert]:
    """Makes an alert like the published example, with changes."""
    base = msgspec.json.decode((EXAMPLES / "opened.json").read_bytes(), type=Alert)

    def make(alert_id: str = "a-1", **changes: Any) -> Alert:
        return msgspec.structs.replace(base, alert_id=alert_id, **changes)

    return make


@pytest.fixture(scope="session")
def examples() -> list[Alert]:
    """The published examples."""
    files = sorted(EXAMPLES.glob("*.json"))
    return [msgspec.json.decode(file.read_bytes(), type=Alert) for file in files]
