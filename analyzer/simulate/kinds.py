"""Kinds of innocent customers, each as a set of numbers."""

from __future__ import annotations

from dataclasses import dataclass

OWN, POPULAR, DEFAULT, FREE = range(4)
"""Where a template comes from: own, popular apps, defaults of kits, none at all."""
HOME, MOBILE, OFFICE, CLOUD, VPN = range(5)
"""Where a request comes from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of customer."""

    per_day: float
    """Median requests per account and day."""
    spread: float
    """Standard deviation of the log of that."""
    most: float
    """No account makes more requests per day."""
    profiles: tuple[float, ...]
    """Shares of the rows of ``shapes.PROFILES``: flat, evening, night, office."""
    session: float
    """Mean requests per session."""
    gap_s: float
    """Median seconds between the requests of a session."""
    day_shape: tuple[float, float]
    """Range of the gamma shape of day-to-day factors; small means some days only."""
    templates: tuple[float, ...]
    """Shares of own, popular, default and no template among its slots."""
    place: tuple[float, ...]
    """Shares of home, mobile, office, cloud and VPN as the usual place."""
    elsewhere: tuple[float, ...]
    """The same for the other places."""
    roams: float
    """Greatest share of requests from other places."""
    wanders: float = 0.0
    """Share whose home address moves from day to day."""


DEVELOPER = Kind(
    per_day=4,
    spread=1.25,
    most=600,
    profiles=(0.1, 0.5, 0.05, 0.35),
    session=3.0,
    gap_s=45,
    day_shape=(0.3, 1.5),
    templates=(0.22, 0.3, 0.2, 0.28),
    place=(0.7, 0.08, 0.1, 0.06, 0.06),
    elsewhere=(0.35, 0.35, 0.1, 0.1, 0.1),
    roams=0.5,
    wanders=0.4,
)
"""A single person."""

APP = Kind(
    per_day=30,
    spread=1.8,
    most=5_000,
    profiles=(0.35, 0.3, 0.07, 0.28),
    session=2.0,
    gap_s=4,
    day_shape=(1.0, 12.0),
    templates=(0.72, 0.08, 0.17, 0.03),
    place=(0.05, 0, 0.1, 0.84, 0.01),
    elsewhere=(0.05, 0, 0.1, 0.85, 0),
    roams=0.35,
)
"""A service in production on one key."""

TEAM = Kind(
    per_day=6,
    spread=1.1,
    most=400,
    profiles=(0.05, 0.2, 0.0, 0.75),
    session=3.5,
    gap_s=60,
    day_shape=(0.5, 2.0),
    templates=(0.45, 0.2, 0.15, 0.2),
    place=(0.1, 0, 0.85, 0.0, 0.05),
    elsewhere=(0.6, 0.2, 0.1, 0.0, 0.1),
    roams=0.4,
)
"""A member of a team in an office."""

FLEET = Kind(
    per_day=15,
    spread=0.6,
    most=600,
    profiles=(0.7, 0.1, 0.1, 0.1),
    session=2.0,
    gap_s=3,
    day_shape=(3.0, 20.0),
    templates=(0.9, 0.0, 0.1, 0.0),
    place=(0, 0, 0.05, 0.95, 0),
    elsewhere=(0, 0, 0.05, 0.95, 0),
    roams=0.3,
)
"""One key of a customer with many."""
