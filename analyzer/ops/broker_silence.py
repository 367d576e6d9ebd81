"""For how long the broker has not answered: told by readiness, and in the log once a minute.

Whoever asks the broker regularly says so here. The libraries would log dozens of lines a second
meanwhile; they are kept to a line a minute (:mod:`.logs`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

SILENT_S = 5.0
"""A broker that takes longer than this to answer is away."""
TELL_EVERY_S = 60.0
LOOK_S = 0.5

log = structlog.get_logger("analyzer.ops.broker_silence")


class BrokerSilence:
    """How long the oldest question has been without an answer.

    Parameters
    ----------
    clock
        Seconds of a clock that never goes back.
    where
        Addresses of the broker, for the log.

    Examples
    --------
    >>> now = 100.0
    >>> silence = BrokerSilence(lambda: now, "host:9092")
    >>> silence.asked()
    >>> now = 107.0
    >>> silence.asked(), silence.unready()
    (None, 'the broker has not answered for 7 s')
    >>> silence.answered(), silence.unready()
    (None, None)
    """

    def __init__(self, clock: Callable[[], float], where: str) -> None:
        self._clock = clock
        self._where = where
        self._since: float | None = None

    def asked(self) -> None:
        """A question is on its way."""
        if self._since is None:
            self._since = self._clock()

    def answered(self) -> None:
        """The broker is there."""
        self._since = None

    @property
    def lasts_s(self) -> float:
        """Age of the oldest question without an answer, in seconds."""
        since = self._since
        return 0.0 if since is None else self._clock() - since

    def unready(self) -> str | None:
        """What is wrong; None while the broker answers. May be called from any thread."""
        lasts_s = self.lasts_s
        return f"the broker has not answered for {lasts_s:.0f} s" if lasts_s > SILENT_S else None

    async def tell_forever(self) -> None:
        """Say once a minute that the broker is away, and when it is back."""
        told: float | None = None
        while True:
            await asyncio.sleep(LOOK_S)
            why, now = self.unready(), self._clock()
            if why is None and told is not None:
                log.info("the broker answers again", broker=self._where)
                told = None
            elif why is not None and (told is None or now - told >= TELL_EVERY_S):
                log.warning("no broker; work goes on when it answers", why=why, broker=self._where)
                told = now
