"""Readings to fit the kinds on: campaigns as they are found in labelled worlds, and true groups.

A row is one group of organisations in one window. *Found* rows are what the campaign step made
of the world; *true* rows are the labelled groups themselves, measured as if they had been
found, so that the fit sees innocents which this build of the linker happens to leave alone.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analyzer.core.campaign.measure import FEATURES, FEWEST, cohorts_of, measure
from analyzer.core.cohort.window import Window
from analyzer.core.config import CoreConfig
from analyzer.core.contracts.blocks import CohortBlock
from analyzer.core.contracts.hashing import HashCache
from analyzer.core.contracts.step import StepOutput
from analyzer.core.pipeline import Pipeline, feed
from analyzer.replay.sources import FileSource

F64 = NDArray[np.float64]
U64 = NDArray[np.uint64]
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

    def save(self, path: Path) -> None:
        """Write the rows to a NumPy archive."""
        columns: dict[str, Any] = {n: np.array(getattr(self, n)) for n in self.__dataclass_fields__}
        np.savez_compressed(path, names=np.array(FEATURES), **columns)


def kinds_of(truth: dict[str, object]) -> dict[str, str]:
    """Kind of group of each account: operations by number, innocent groups by theirs."""
    labels: dict[str, str] = truth["labels"]  # type: ignore[assignment]
    groups: dict[str, str] = truth.get("groups", {})  # type: ignore[assignment]
    found = {}
    for account, label in labels.items():
        parts = label.split("+")
        operation = [part for part in parts if part.startswith("campaign")]
        found[account] = operation[0] if operation else groups.get(account, parts[0])
    return found


def collect(folder: Path, config: CoreConfig, name: str) -> Readings:
    """Replay a labelled world and keep what groups look like."""
    kinds = kinds_of(json.loads((folder / "truth.json").read_text()))
    hashes = HashCache(config.hash_key, "account")
    label_of = {hashes[account]: kind for account, kind in kinds.items()}
    rows = Readings()
    for pipeline, pane in _panes(folder, config):
        _take(rows, name, pipeline, pane, label_of, config)
    return rows


def _panes(folder: Path, config: CoreConfig) -> Iterator[tuple[Pipeline, int]]:
    """The pipeline at each end of a window that it has just decided on."""
    ends: list[int] = []

    def call(name: str, step: Any, block: Any) -> StepOutput[Any]:
        output = feed(name, step, block)
        if name == "campaign" and isinstance(block, CohortBlock):
            ends.append(block.stop)
        return output

    pipeline = Pipeline(config, call=call)
    windows = pipeline.steps["cohort"][0].windows
    source = FileSource(str(folder / "events.ndjson"), 0)
    for batch in (*source.batches(), None):
        for block in pipeline.gather(pipeline.read(0, batch and batch[0]).made).made:
            for piece in block.cut(pipeline.hop, pipeline.reach(block)):
                ends.clear()
                pipeline.judge([piece])
                if windows.warm and windows.stands_at in ends:
                    yield pipeline, windows.stands_at


def _take(
    rows: Readings,
    world: str,
    pipeline: Pipeline,
    pane: int,
    label_of: dict[int, str],
    config: CoreConfig,
) -> None:
    windows = pipeline.steps["cohort"][0].windows
    population = windows.population
    org_label = _labels(population, label_of)
    for campaign in pipeline.campaign.registry.open("group"):
        orgs = population.orgs.find(campaign.members.key)
        votes = Counter(org_label.get(org, "benign") for org in orgs[orgs >= 0].tolist())
        label, count = votes.most_common(1)[0] if votes else ("none", 0)
        for window_s, reading in campaign.state.readings.items():
            if reading.pane != pane - 1:
                continue
            vector = np.array([reading.features.get(n, np.nan) for n in FEATURES])
            _add(
                rows,
                world,
                campaign.id,
                True,
                label,
                count / max(1, votes.total()),
                pane,
                pane - campaign.state.opened_pane,
                window_s,
                int(reading.facts["organisations"]),
                int((campaign.members.hits >= 2).sum()),
                vector,
            )
    if pane % (EVERY_S // config.pane_s):
        return
    by_label: dict[str, list[int]] = {}
    for org, label in org_label.items():
        by_label.setdefault(label, []).append(org)
    for window in windows.due(pane):
        _true_groups(rows, world, window, by_label, pane)


def _labels(population: object, label_of: dict[int, str]) -> dict[int, str]:
    accounts = population.accounts  # type: ignore[attr-defined]
    found: dict[int, str] = {}
    for key, org in zip(accounts["key"].tolist(), accounts["org"].tolist(), strict=True):
        label = label_of.get(key, "benign")
        if label not in {"benign", "unknown"}:
            found[org] = label
    return found


def _true_groups(
    rows: Readings, world: str, window: Window, by_label: dict[str, list[int]], pane: int
) -> None:
    labels, members = [], []
    for label, orgs in sorted(by_label.items()):
        numbers = window.number_of[np.array(orgs)]
        numbers = np.sort(numbers[numbers >= 0]).astype(np.int64)
        if len(numbers) >= max(FEWEST, 8):
            labels.append(label)
            members.append(numbers)
    if not labels:
        return
    features = measure(cohorts_of(window, members))
    for label, numbers, vector in zip(labels, members, features, strict=True):
        _add(
            rows,
            world,
            label,
            False,
            label,
            1.0,
            pane,
            -1,
            window.length_s,
            len(numbers),
            0,
            vector,
        )


def _add(rows: Readings, *values: object) -> None:
    for name, value in zip(rows.__dataclass_fields__, values, strict=True):
        getattr(rows, name).append(value)
