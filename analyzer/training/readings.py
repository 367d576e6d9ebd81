"""Readings to fit the kinds on: campaigns as they are found in labelled worlds, and true groups.

A row is one group of organisations in one window. *Found* rows are what the campaign step made
of the world; *true* rows are the labelled groups themselves, measured as if they had been
found, so that the fit sees innocents which this build of the linker happens to leave alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analyzer.core.campaign.measure import FEATURES, cohorts_of, measure
from analyzer.core.cohort.population import Population
from analyzer.core.cohort.window import Window
from analyzer.core.cohort.window_feed import WindowFeed
from analyzer.core.config import CoreConfig
from analyzer.core.contracts.blocks import CohortBlock
from analyzer.core.contracts.hashing import HashCache
from analyzer.core.contracts.step import StepOutput
from analyzer.core.ingest.step import RawBatch
from analyzer.core.pipeline import Pipeline, feed

F64 = NDArray[np.float64]
U64 = NDArray[np.uint64]
BENIGN = "benign"
POOLS = ("reseller", "router")
"""How labels of pools begin."""
CUSTOMERS = 0.1
"""Share of a group's members that are a pool's customers, from which it is the pool."""
SMALLEST = 8
"""Members of a true group from which it is measured."""
EVERY_S = 21_600
"""True groups are measured so often: neighbouring windows tell nearly the same."""


@dataclass
class Readings:
    """Rows in columns; each of one group in one window."""

    world: list[str] = field(default_factory=list)
    group: list[str] = field(default_factory=list)
    """A campaign's id, or the label of a true group."""
    found: list[bool] = field(default_factory=list)
    label: list[str] = field(default_factory=list)
    """Commonest label of the members."""
    purity: list[float] = field(default_factory=list)
    """Share of the members that have it."""
    pane: list[int] = field(default_factory=list)
    age: list[int] = field(default_factory=list)
    """Panes since the campaign was opened; −1 for a true group."""
    window_s: list[int] = field(default_factory=list)
    size: list[int] = field(default_factory=list)
    hits: list[int] = field(default_factory=list)
    """Members found twice; 0 for a true group."""
    features: list[F64] = field(default_factory=list)

    def add(self, **row: Any) -> None:
        """One row, by the names of the columns."""
        for name in self.__dataclass_fields__:
            getattr(self, name).append(row[name])

    def join(self, other: Readings) -> None:
        """The rows of another world."""
        for name in self.__dataclass_fields__:
            getattr(self, name).extend(getattr(other, name))


def kinds_of(truth: dict[str, Any]) -> dict[str, str]:
    """Kind of group of each account: operations by number, innocent groups by theirs."""
    labels: dict[str, str] = truth["labels"]
    groups: dict[str, str] = truth.get("groups", {})
    found = {}
    for account, label in labels.items():
        parts = label.split("+")
        operation = [part for part in parts if part.startswith("campaign")]
        found[account] = operation[0] if operation else groups.get(account, parts[0])
    return found


def collect(
    batches: Iterable[RawBatch], truth: dict[str, Any], config: CoreConfig, name: str
) -> Readings:
    """Replay a labelled world and keep what groups look like.

    Parameters
    ----------
    truth
        As :meth:`analyzer.simulate.economy.Economy.truth` gives it.
    """
    kinds = kinds_of(truth)
    hashes = HashCache(config.hash_key, "account")
    kind_of = {hashes[account]: kind for account, kind in kinds.items()}
    rows = Readings()
    for pipeline, pane in _decided(batches, config):
        _take(rows, Moment(name, pipeline, pane, config), kind_of)
    return rows


@dataclass(frozen=True)
class Moment:
    """The pipeline of a world at the end of a window that it has just decided on."""

    world: str
    pipeline: Pipeline
    pane: int
    config: CoreConfig

    @property
    def windows(self) -> WindowFeed:
        """The windows that end here."""
        found: WindowFeed = self.pipeline.steps["cohort"][0].windows
        return found


def _decided(batches: Iterable[RawBatch], config: CoreConfig) -> Iterator[tuple[Pipeline, int]]:
    """The pipeline at each end of a window that it has just decided on."""
    ends: list[int] = []

    def call(name: str, step: Any, block: Any) -> StepOutput[Any]:
        output = feed(name, step, block)
        if name == "campaign" and isinstance(block, CohortBlock):
            ends.append(block.stop)
        return output

    pipeline = Pipeline(config, call=call)
    windows = pipeline.steps["cohort"][0].windows
    for batch in chain(batches, [None]):
        for block in pipeline.gather(pipeline.read(0, batch).made).made:
            for piece in pipeline.pieces(block):
                ends.clear()
                pipeline.judge([piece])
                if windows.warm and windows.stands_at in ends:
                    yield pipeline, windows.stands_at


def _take(rows: Readings, at: Moment, kind_of: dict[int, str]) -> None:
    population = at.windows.population
    org_label = _labels(population, kind_of)
    for campaign in at.pipeline.campaign.registry.open("group"):
        orgs = population.orgs.find(campaign.members.key)
        votes = Counter(org_label.get(org, BENIGN) for org in orgs[orgs >= 0].tolist())
        label, count = label_of(votes)
        for window_s, reading in campaign.state.readings.items():
            if reading.pane == at.pane - 1:
                rows.add(
                    world=at.world,
                    group=campaign.id,
                    found=True,
                    label=label,
                    purity=count / max(1, votes.total()),
                    pane=at.pane,
                    age=at.pane - campaign.state.opened_pane,
                    window_s=window_s,
                    size=int(reading.facts["organisations"]),
                    hits=campaign.found_twice,
                    features=np.array([reading.features.get(n, np.nan) for n in FEATURES]),
                )
    if at.pane % (EVERY_S // at.config.pane_s) == 0:
        by_label: dict[str, list[int]] = {}
        for org, label in org_label.items():
            by_label.setdefault(label, []).append(org)
        for window in at.windows.due(at.pane):
            _true_groups(rows, at, window, by_label)


def label_of(votes: Counter[str]) -> tuple[str, int]:
    """Label of a group, and how many of its members it is right for.

    A pool with an operation inside is the pool, however many of its accounts the operation has:
    the work inside is told on its own.
    """
    label, count = votes.most_common(1)[0] if votes else ("none", 0)
    pool, customers = max(
        ((name, n) for name, n in votes.items() if name.startswith(POOLS)),
        key=lambda vote: (vote[1], vote[0]),
        default=("", 0),
    )
    if label.startswith("campaign") and customers >= CUSTOMERS * votes.total():
        return pool, count + customers
    return label, count


def _labels(population: Population, kind_of: dict[int, str]) -> dict[int, str]:
    accounts = population.accounts
    found: dict[int, str] = {}
    for key, org in zip(accounts["key"].tolist(), accounts["org"].tolist(), strict=True):
        label = kind_of.get(key, BENIGN)
        if label != BENIGN:
            found[org] = label
    return found


def _true_groups(
    rows: Readings, at: Moment, window: Window, by_label: dict[str, list[int]]
) -> None:
    labels, members = [], []
    for label, orgs in sorted(by_label.items()):
        numbers = window.number_of[np.array(orgs)]
        numbers = np.sort(numbers[numbers >= 0]).astype(np.int64)
        if len(numbers) >= SMALLEST:
            labels.append(label)
            members.append(numbers)
    if not labels:
        return
    features = measure(cohorts_of(window, members))
    for label, numbers, vector in zip(labels, members, features, strict=True):
        rows.add(
            world=at.world,
            group=label,
            found=False,
            label=label,
            purity=1.0,
            pane=at.pane,
            age=-1,
            window_s=window.length_s,
            size=len(numbers),
            hits=0,
            features=vector,
        )
