"""What one process of the yardstick is to do, and what comes out of it."""

from __future__ import annotations

import msgspec

from analyzer.bench.detection.judge import Outcome

WHOLE = ""
"""Name of the run with all families."""


class Task(msgspec.Struct, frozen=True):
    """What one process is to do."""

    scenario: str
    seed: int
    scale: float = 1.0
    days: float | None = None
    dropped: tuple[str, ...] = ()
    """Signal families to leave out, one at a time."""
    peers: tuple[str, ...] = ()


class Result(msgspec.Struct, frozen=True):
    """What came out of it."""

    task: Task
    outcomes: dict[str, Outcome]
    """By the family that was left out; :data:`WHOLE` is the run as shipped."""
    peers: dict[str, list[bool]] = {}
    """Per peer: whether each campaign was found, in the order of the labels."""
