"""What is so of a group of accounts in one window, event by event, and small sums for it."""

from __future__ import annotations

import functools
import ipaddress
import re
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import numpy as np

from analyzer.core.config import CoreConfig

CONFIG = CoreConfig()
PANE_MS, HOUR_MS, DAY_MS = CONFIG.pane_ms, 3_600_000, 86_400_000
PARAMS = ("temperature", "top_p", "max_tokens", "n", "logprobs")


class Truth:
    """What is so about the members and all others in one window, event by event."""

    def __init__(self, events: list[dict[str, Any]], accounts: frozenset[str], end_ms: int) -> None:
        self.end_ms, self.past = end_ms, [e for e in events if e["timestamp_ms"] < end_ms]
        self.members = {org_of(e) for e in self.past if e["account_id"] in accounts}
        self.begin_ms = min(e["timestamp_ms"] for e in self.past) // PANE_MS * PANE_MS

    def over(self, length_ms: int) -> Truth:
        """Count what is in the last so many milliseconds."""
        self.length_ms = length_ms
        self.events = [e for e in self.past if e["timestamp_ms"] >= self.end_ms - length_ms]
        self.mine = [e for e in self.events if org_of(e) in self.members]
        self.orgs = {org_of(e) for e in self.events}
        self.inside = self.orgs & self.members
        return self

    def users(self, read: Callable[[dict[str, Any]], Any]) -> dict[Any, set[str]]:
        """Organisations on each object."""
        found: dict[Any, set[str]] = defaultdict(set)
        for event in self.events:
            if (thing := read(event)) is not None:
                found[thing].add(org_of(event))
        return found

    def first(self, read: Callable[[dict[str, Any]], Any]) -> dict[Any, int]:
        """Pane in which each object was first used, of all time."""
        found: dict[Any, int] = {}
        for event in self.past:
            found.setdefault(read(event), event["timestamp_ms"] // PANE_MS)
        return found


def org_of(event: dict[str, Any]) -> str:
    """The organisation that pays for it."""
    return str(event.get("org_id") or event["account_id"])


def block_of(event: dict[str, Any]) -> str | None:
    """The /24 or /48 that it came from."""
    return network_of(event.get("client_ip") or event.get("ip_prefix"))


@functools.cache
def network_of(text: str | None) -> str | None:
    """The /24 or /48 of an address."""
    if text is None:
        return None
    network = ipaddress.ip_network(text)
    most = 24 if network.version == 4 else 48
    return str(network.supernet(new_prefix=min(most, network.prefixlen)))


def params_of(event: dict[str, Any]) -> tuple[Any, ...] | None:
    """The sampling parameters, if any was given."""
    found = tuple(event.get(name) for name in PARAMS)
    return found if any(value is not None for value in found) else None


def field(name: str) -> Callable[[dict[str, Any]], Any]:
    """A reader of one field."""
    return lambda event: event.get(name)


READ: dict[str, Callable[[dict[str, Any]], Any]] = {
    "address block": block_of,
    "prompt template": field("prompt_template_id"),
    "TLS fingerprint": field("tls_ja4"),
    "client": field("user_agent"),
}


def same(text: str, value: float) -> bool:
    """True if the figure that was told is the value, rounded."""
    number = re.sub(r"[ ,%]", "", text)
    if text.startswith(("fewer than", "under")):
        return 0 <= value < 0.1
    if text.startswith("over"):
        return 99.5 <= value < 100
    digits = len(number.partition(".")[2])
    return abs(float(number) - value) <= 0.5 * 0.1**digits + 1e-9


def share(part: float, whole: float) -> float:
    """In percent."""
    return 100 * part / whole if whole else 0.0


def poisson_twice(mean: float) -> float:
    """P(X ≥ 2)."""
    return float(1 - np.exp(-mean) * (1 + mean))


def at_least(k: int, n: int, p: float) -> float:
    """P(X ≥ k), X binomial, term by term."""
    terms = [1.0]
    for i in range(n):
        terms.append(terms[-1] * (n - i) / (i + 1))
    return sum(terms[i] * p**i * (1 - p) ** (n - i) for i in range(k, n + 1))
