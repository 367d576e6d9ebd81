"""The detection yardstick: simulated worlds with labels, judged at the shipped settings.

Contract: seeds start at 1000 and were never used for tuning; every figure comes with how many
cases it rests on and an interval; peers see the same events and are judged by the same labels.
"""

from __future__ import annotations

__all__: list[str] = []
