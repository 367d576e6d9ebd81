"""What every step is to whoever runs it: it takes blocks, and tells what it made and counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

from analyzer.core.contracts.records import DeadLetter

Made = TypeVar("Made")

Count = tuple[str, str]
"""What was counted, and the value of its one label (``""`` if it has none)."""


@dataclass(frozen=True)  # no slots: Python 3.11 makes none of a frozen generic class
class StepOutput(Generic[Made]):
    """What a step made of one block, and what it counted on the way.

    Examples
    --------
    >>> more = StepOutput(["b"], counts=Counter({("late", ""): 2}))
    >>> both = StepOutput(["a"]) + more
    >>> both.made, both.count("late")
    (['a', 'b'], 2)
    """

    made: Iterable[Made] = ()
    """Blocks for the next steps, or records for people, in the order to be sent. A step may make
    them while they are read: once, to the end, before the step is fed again."""
    dead: list[DeadLetter] = field(default_factory=list)
    """Records that can't be used."""
    counts: Counter[Count] = field(default_factory=Counter)
    """How often something happened in this call; complete once all that it made is read."""
    levels: dict[Count, int] = field(default_factory=dict)
    """How many there are now, of what comes and goes."""

    def __add__(self, other: StepOutput[Made]) -> StepOutput[Made]:
        """Both, one after the other."""
        return StepOutput(
            [*self.made, *other.made],
            self.dead + other.dead,
            self.counts + other.counts,
            self.levels | other.levels,
        )

    def count(self, name: str) -> int:
        """How often, whatever the label."""
        return sum(by for (counted, _), by in self.counts.items() if counted == name)


def labelled(name: str, by_label: Counter[str]) -> Counter[Count]:
    """Counts of one name by its label.

    Examples
    --------
    >>> labelled("refused", Counter(pairs=3))
    Counter({('refused', 'pairs'): 3})
    """
    return Counter({(name, label): by for label, by in by_label.items()})


class Step(Protocol):
    """One shard of a step. Pure: nothing waits; called from one thread at a time."""

    def feed(self, block: Any, /) -> StepOutput[Any]:
        """Take a block; what follows from it. May raise HoleError."""

    def snapshot(self) -> bytes:
        """The whole state, the gate included."""

    def restore(self, data: bytes) -> None:
        """Become that state; raises StateError if it can't."""
