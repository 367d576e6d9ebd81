"""Panes of all account shards, counted in order; stops where a window ends.

Whoever judges windows owns such a feed, or looks on at another's in the same process: what
is counted is the same for every shard and for the campaign step.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from analyzer.core.cohort.population import Population
from analyzer.core.cohort.window import Window
from analyzer.core.config import CoreConfig
from analyzer.core.contracts.blocks import PaneBlock, from_plain, to_plain
from analyzer.core.contracts.gate import Gate
from analyzer.core.contracts.pane_columns import PaneColumns, concat

END_PANE = 2**40
"""A pane beyond this comes from a watermark at the end of time: the input has ended."""


class WindowFeed:
    """Counts sealed panes into a population and stops at every end of a window.

    Parameters
    ----------
    sources
        Number of account shards; a pane is counted once all have sent it.
    """

    def __init__(self, config: CoreConfig, *, sources: int) -> None:
        self._config = config
        self._gate = Gate(sources)
        self._waiting: dict[int, dict[int, PaneColumns]] = {}
        """Pane → account shard → its rows, until every shard has sent the pane."""
        self.population = Population(config)
        self.ready = 0
        """First pane that not every account shard has sent."""
        self.done = 0
        """First pane that is not counted yet."""
        self.stands_at = 0
        """The last end of a window that was given."""
        self.reach = 0
        """Pane after the last with rows."""
        self._windows: dict[int, Window] = {}
        self._at = -1

    def take(self, block: PaneBlock) -> None:
        """Keep the panes of one account shard until they can be counted."""
        first = self._gate.take(block.source, block.start, block.stop)
        if first is None:
            return
        rows = block.rows if first == block.start else block.rows.between(first, block.stop)
        panes = np.unique(rows.org_pane).tolist()
        for pane in panes:
            own = rows if len(panes) == 1 else rows.between(pane, pane + 1)
            self._waiting.setdefault(pane, {})[block.source] = own
            self.reach = max(self.reach, pane + 1)
        opened = self._gate.opened()
        self.ready = opened[1] if opened is not None else self.ready

    def advance(self, stop: int) -> Iterator[int]:
        """Count all panes before ``stop``; gives each pane that a window ends before.

        While the caller holds it, the population stands exactly there. Time without traffic is
        passed over once no window holds anything; the input's end closes every window.
        """
        reached = self.done
        for pane in sorted(pane for pane in self._waiting if pane < stop):
            yield from self._ends(reached, pane)
            by_shard = self._waiting.pop(pane)
            self.population.advance(pane)
            rows = concat([by_shard[shard] for shard in sorted(by_shard)])
            self.population.ingest(pane, rows)
            reached = pane
        yield from self._ends(reached, stop if stop < END_PANE else max(reached, self.reach))
        self.done = max(self.done, stop)

    def _ends(self, after: int, until: int) -> Iterator[int]:
        """Ends of windows in ``(after, until]``, while windows hold anything."""
        hop = min(window.hop_s for window in self._config.windows) // self._config.pane_s
        for pane in range((after // hop + 1) * hop, until + 1, hop):
            self.population.advance(pane)
            if self.population.empty:
                break
            self.done = self.stands_at = pane
            yield pane

    @property
    def first(self) -> int:
        """First pane with rows, of those that came; ``END_PANE`` before any."""
        counted = self.population.first_pane
        return counted if counted >= 0 else min(self._waiting, default=END_PANE)

    @property
    def warm(self) -> bool:
        """True once there is as much history as verdicts need."""
        history = self.stands_at - self.population.first_pane
        return history * self._config.pane_s >= self._config.warmup_s

    def due(self, pane: int) -> list[Window]:
        """The windows that end before this pane, which the feed stands at; shortest first."""
        if pane != self._at:
            self._windows, self._at = {}, pane
        found = []
        for number, span in enumerate(self._config.windows):
            if pane % (span.hop_s // self._config.pane_s) == 0:
                if number not in self._windows:
                    self._windows[number] = Window(self._config, self.population, number, pane)
                found.append(self._windows[number])
        return found

    def state(self) -> dict[str, Any]:
        """All of it, as plain data and arrays."""
        return {
            "gate": self._gate.state(),
            "waiting": [
                (pane, shard, to_plain(rows))
                for pane, by_shard in self._waiting.items()
                for shard, rows in by_shard.items()
            ],
            "population": self.population.state(),
            "ready": self.ready,
            "done": self.done,
            "stands_at": self.stands_at,
            "reach": self.reach,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Put back what :meth:`state` gave."""
        self._gate.restore(state["gate"])
        self._waiting = {}
        for pane, shard, rows in state["waiting"]:
            self._waiting.setdefault(pane, {})[shard] = from_plain(rows, PaneColumns)
        self.population = Population(self._config)
        self.population.restore(state["population"])
        self.ready, self.done, self.reach = state["ready"], state["done"], state["reach"]
        self.stands_at = state["stands_at"]
        self._windows, self._at = {}, -1
