"""Which partitions are ours now, and the handing over when that changes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

import structlog
from faust.types import TP

from analyzer.stream.transport.fetches import Records

log = structlog.get_logger("analyzer.stream")

RELEASE_WITHIN_S = 20.0


class Owner(Protocol):
    """One partition while it is ours. Methods wait for the broker and may raise."""

    tp: TP
    generation: int
    closed: bool
    """True: a commit was refused, or the partition was given away; nothing is done any more."""

    @property
    def next(self) -> int:
        """Next offset to read."""

    @property
    def cover(self) -> int:
        """Offset that a save would commit now."""

    async def open(self) -> None:
        """Find out where to go on; called once, before anything else."""

    async def take(self, records: Records) -> None:
        """Do the work of one fetch."""

    async def save(self) -> None:
        """Make what was done survive; may be called at any time, also twice."""

    def due(self, now: float) -> bool:
        """Whether it is time to save."""

    async def tick(self, now: float) -> None:
        """What the clock asks for; called about every second."""


class Ownership:
    """All owners of this process.

    An eager rebalance takes everything away: all owners save and are forgotten, and the
    new assignment is opened from what was saved. So memory never outlives its generation.
    """

    def __init__(self, make: Callable[[TP, int], Owner]) -> None:
        self._make = make
        self.owners: dict[TP, Owner] = {}
        self.broken = False
        """True after an unexpected error: nothing must be saved any more."""

    async def open(self, assigned: set[TP], generation: int) -> dict[TP, int]:
        """Own these partitions; where to read each from."""
        for tp, owner in list(self.owners.items()):
            if tp not in assigned or owner.generation != generation or owner.closed:
                owner.closed = True
                del self.owners[tp]
        fresh = [self._make(tp, generation) for tp in sorted(assigned) if tp not in self.owners]
        await asyncio.gather(*(owner.open() for owner in fresh))
        self.owners.update((owner.tp, owner) for owner in fresh)
        if fresh:
            log.info("partitions assigned", generation=generation, partitions=_names(assigned))
        return {tp: owner.next for tp, owner in self.owners.items()}

    async def take(self, records: Records) -> None:
        """Pass a fetch to its owner; what is not ours is dropped, its owner reads it again."""
        owner = self.owners.get(records.tp)
        if owner is not None and not self.broken:
            await owner.take(records)

    async def release(self) -> None:
        """Save everything and own nothing."""
        owners, self.owners = list(self.owners.values()), {}
        if not self.broken:
            try:
                async with asyncio.timeout(RELEASE_WITHIN_S):
                    await asyncio.gather(*(owner.save() for owner in owners))
            except TimeoutError:
                log.warning("could not save in time; the next owner goes on from the last snapshot")
        for owner in owners:
            owner.closed = True


def _names(assigned: set[TP]) -> list[str]:
    return [f"{tp.topic}/{tp.partition}" for tp in sorted(assigned)]
