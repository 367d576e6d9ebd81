"""Speed, beside its peers, on this machine, in one run.

Contract: every program reads the same topic, in a process of its own, one after another;
what is reported is what that process measured of itself.
"""

from __future__ import annotations

__all__: list[str] = []
