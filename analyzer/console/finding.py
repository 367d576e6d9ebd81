"""What the doctor says, one line at a time."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report."""

    ok: bool
    what: str
    do: str = ""
    """What to do about it."""
