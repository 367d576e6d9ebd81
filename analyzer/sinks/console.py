"""Alerts on the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable

    from analyzer.core.contracts.records import Alert


class ConsoleSink:
    """Shows each alert to whoever watches; keeps every promise of the protocol.

    Parameters
    ----------
    show
        Writes one alert and returns when it is written.
    """

    name = "console"

    def __init__(self, show: Callable[[Alert], None]) -> None:
        self._show = show

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        """Nothing to close."""

    async def deliver(self, alert: Alert) -> None:
        """Write the alert."""
        self._show(alert)
