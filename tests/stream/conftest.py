"""Options of the soak and the simulation."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """How long and how fast."""
    parser.addoption("--seeds", type=int, default=1_000, help="runs of the simulation")
    parser.addoption("--soak", type=float, default=0.0, help="minutes; 0 skips the soak")
    parser.addoption(
        "--soak-rate",
        type=int,
        default=6_500,
        help="events per second; two cores carry 12,100, with broker and producer beside",
    )
