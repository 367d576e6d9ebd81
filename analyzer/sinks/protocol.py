"""What every sink promises."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, Self

if TYPE_CHECKING:
    from types import TracebackType

    from analyzer.core.contracts.records import Alert


class Sink(Protocol):
    """Somewhere that alerts are delivered to; an async context manager.

    - **May it block?** It may await for as long as its time-out allows, and nothing else: the
      other sinks have lanes of their own. It may be cancelled at any await.
    - **May it raise?** :class:`~analyzer.errors.RetryLater`: not now; the same alert comes
      again after ``after_s`` or the lane's own pause, before any later one.
      :class:`~analyzer.errors.BadRecord`: never; this alert is given up, loudly.
    - **May it be called twice with one alert?** Yes, after a crash or a lost answer. Delivery
      is at least once; a reader drops repeats by ``alert_id``.
    - **May it change the alert?** It can't; alerts are frozen.
    - **Whose text is it?** Ids, templates and models in an alert come from outside. A sink
      shows them as text that can neither call anybody nor break its layout.
    """

    name: str
    """Stable word for logs and counters."""

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...

    async def deliver(self, alert: Alert) -> None:
        """Return when the other side has the alert.

        Raises
        ------
        RetryLater
            The other side is not able now.
        BadRecord
            The other side will never take this alert.
        """
        ...
