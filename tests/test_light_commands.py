"""Who needs no detector does not wait for the compiler, who reads files not for a Kafka client."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    ("module", "heavy"),
    [
        ("analyzer.settings", "numba"),
        ("analyzer.replay.command", "numba"),
        ("analyzer.replay.replaying", "aiokafka"),
        ("analyzer.replay.replaying", "rich"),
    ],
)
def test_loaded_without(module: str, heavy: str) -> None:
    """Loading a package costs as much as judging thousands of events."""
    code = f"import sys, {module}; sys.exit({heavy!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
