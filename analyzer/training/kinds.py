"""The kinds of groups, fitted: a softmax over readings of groups in simulated worlds.

Economies drawn at random, and small worlds of named scenarios beside them. No other generator is
in the fit, so that every other one judges it as a stranger.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analyzer.core.campaign.kind import EXTRACTION
from analyzer.core.campaign.measure import FEATURES
from analyzer.core.campaign.models.kind_model import WINDOWS_S, bounds_of, columns_of
from analyzer.core.config import CoreConfig
from analyzer.core.contracts.records import AlertKind
from analyzer.core.ingest.step import RawBatch
from analyzer.replay.lines import raw_batch
from analyzer.simulate import generate
from analyzer.simulate.economy import economy
from analyzer.simulate.world import Labels
from analyzer.training.readings import BENIGN, Readings, collect
from analyzer.training.softmax import regress

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]

VERSION = "kinds-7"
SEEDS = range(1, 29)
ACCOUNTS, DAYS = 2_500, 5.0
SCENARIOS = (
    "quiet", "reseller", "agency", "unlinked_fleet", "fleet", "course", "plugin", "campus",
    "plain", "evasive", "residential", "text", "proxy_market", "embedded_in_reseller", "burst",
    "fragmented_templates",
)  # fmt: skip
SCENARIO_SEEDS, SCALE, SCENARIO_DAYS = (1, 2), 0.25, 4.0
LEFT_OUT = ("popular",)
"""A size, which a model would learn by heart."""
CLASSES: dict[str, AlertKind] = {
    "reseller": "reseller_pool", "router": "reseller_pool",
    "agency": "linked_accounts", "fleet": "linked_accounts",
}  # fmt: skip
"""Alert kinds of innocents; all others are users of one product."""
PURE, FEWEST, MOST_ROWS = 0.7, 6, 12
"""Share of a group with one label, its members, and rows of a group and window that are used."""
DIGITS = 4


@dataclass(frozen=True)
class Rows:
    """Rows to fit to."""

    features: F64
    window_s: I64
    kind: tuple[str, ...]
    world: tuple[str, ...]
    weight: F64

    def take(self, rows: NDArray[np.bool_]) -> Rows:
        """The rows where the mask is true."""
        kept = np.flatnonzero(rows)
        return Rows(
            self.features[kept],
            self.window_s[kept],
            tuple(self.kind[i] for i in kept),
            tuple(self.world[i] for i in kept),
            self.weight[kept],
        )


def fitted_kinds() -> str:
    """The text of ``kinds.json``, from worlds of the shipped seeds."""
    return fit_of(rows_of(*gathered()))


def gathered() -> tuple[Readings, dict[tuple[str, str], str]]:
    """Readings of the shipped seeds, and the style of each operation by world and label."""
    readings, styles = Readings(), dict[tuple[str, str], str]()
    for name, lines, truth in _worlds():
        readings.join(collect(_batches(lines), truth, CoreConfig(), name))
        for campaign in truth["campaigns"]:
            styles[name, f"campaign:{campaign['id']}"] = str(campaign["egress"])
    return readings, styles


def _worlds() -> Iterator[tuple[str, Iterator[bytes], dict[str, Any]]]:
    """Name, lines and truth of each world of the fit."""
    for seed in SEEDS:
        drawn = economy(seed, ACCOUNTS, DAYS)
        yield f"economy-{seed}", drawn.lines(), drawn.truth()
    for scenario in SCENARIOS:
        for seed in SCENARIO_SEEDS:
            world = generate(scenario, seed, scale=SCALE, days=SCENARIO_DAYS)
            yield f"{scenario}-{seed}", iter(world.lines()), truth_of(world.labels)


def truth_of(labels: Labels) -> dict[str, Any]:
    """The labels of a named scenario in the form of an economy's truth."""
    found: dict[str, Any] = {"labels": {}, "groups": {}, "campaigns": []}
    for group in labels["lookalikes"]:
        found["groups"] |= dict.fromkeys(group["accounts"], f"{group['type']}#{group['id']}")
        found["labels"] |= dict.fromkeys(group["accounts"], group["type"])
    for number, campaign in enumerate(labels["campaigns"]):
        operation = campaign["kind"] == "extraction_campaign"
        label = f"campaign:{number}" if operation else f"reseller:{number}"
        found["labels"] |= dict.fromkeys(campaign["accounts"], label)
        if operation:
            found["campaigns"].append({"id": number, "egress": campaign["family"]})
        for account in campaign["accounts"]:
            found["groups"].pop(account, None)
    return found


def _batches(lines: Iterator[bytes], size: int = 50_000) -> Iterator[RawBatch]:
    start = 0
    while batch := list(islice(lines, size)):
        yield raw_batch(batch, start)
        start += len(batch)


def rows_of(readings: Readings, styles: dict[tuple[str, str], str]) -> Rows:
    """The rows that are used: pure groups, and mixtures of customers; each group weighs one.

    Kinds weigh by the root of their groups, operations as much as all innocents together.
    """
    kinds, groups = kinds_and_groups(readings, styles)
    kept = _thinned(readings, [k == BENIGN for k in kinds])
    kind = np.array(kinds)[kept]
    of_group = np.array(groups)[kept]
    _, inverse, count = np.unique(of_group, return_inverse=True, return_counts=True)
    weight = 1.0 / count[inverse]
    names, number = np.unique(kind, return_inverse=True)
    weight /= np.sqrt(np.bincount(number, weight))[number]
    extracts = np.char.startswith(names.astype(str), "operation")[number]
    for mask in (extracts, ~extracts):
        weight[mask] /= 2 * weight[mask].sum()
    return Rows(
        np.array(readings.features)[kept],
        np.array(readings.window_s)[kept],
        tuple(kind.tolist()),
        tuple(readings.world[i] for i in kept.tolist()),
        weight,
    )


def kinds_and_groups(
    readings: Readings, styles: dict[tuple[str, str], str]
) -> tuple[list[str], list[str]]:
    """Kind of each reading's group, and the name of the group that it is about."""
    kinds, groups = [], []
    for world, group, label in zip(readings.world, readings.group, readings.label, strict=True):
        operation = styles.get((world, label))
        kinds.append(f"operation:{operation}" if operation else label.split("#")[0].split(":")[0])
        groups.append(f"{world}|{group if label == BENIGN else label}")
    return kinds, groups


def _thinned(readings: Readings, benign: Sequence[bool]) -> NDArray[np.intp]:
    """At most so many rows of a group and window, the denser the younger it is.

    A campaign is told of by its first readings, when all in it have just begun; evenly over its
    life, they would be one row of twelve.
    """
    by_group: dict[tuple[str, str, int], list[int]] = {}
    for i, (purity, size) in enumerate(zip(readings.purity, readings.size, strict=True)):
        if (purity >= PURE or benign[i]) and size >= FEWEST:
            key = readings.world[i], readings.group[i], readings.window_s[i]
            by_group.setdefault(key, []).append(i)
    kept: list[int] = []
    for rows in by_group.values():
        nth = np.geomspace(1, len(rows), min(len(rows), MOST_ROWS))
        kept += [rows[i] for i in np.unique(np.rint(nth).astype(int) - 1).tolist()]
    return np.array(sorted(kept), np.intp)


def fit_of(rows: Rows) -> str:
    """The fitted model as JSON: weights per column and kind, bounded in sign."""
    mean, scale = _standard(rows.features)
    x = np.zeros((len(rows.kind), 3 * len(FEATURES) + len(WINDOWS_S) + 1))
    for window_s in np.unique(rows.window_s).tolist():
        mine = rows.window_s == window_s
        x[mine] = columns_of(rows.features[mine], mean, scale, window_s)
    names, y = np.unique(np.array(rows.kind), return_inverse=True)
    classes = [_class(name) for name in names.tolist()]
    weights = regress(x, y, rows.weight, bounds_of(classes), free=len(WINDOWS_S) + 1)
    return _text(mean, scale, weights, (names.tolist(), classes))


def _standard(features: F64) -> tuple[F64, F64]:
    """Mean and deviation of what is known of each feature; ∞ where nothing can be told."""
    known = ~np.isnan(features)
    count = np.maximum(known.sum(axis=0), 1)
    mean = np.where(known, features, 0.0).sum(axis=0) / count
    scale = np.sqrt(np.where(known, (features - mean) ** 2, 0.0).sum(axis=0) / count)
    scale[scale < 1e-9] = np.inf
    for name in LEFT_OUT:
        scale[FEATURES.index(name)] = np.inf
    return mean, scale


def _class(kind: str) -> AlertKind:
    return EXTRACTION if kind.startswith("operation") else CLASSES.get(kind, "shared_tool")


def _text(mean: F64, scale: F64, weights: F64, kinds: tuple[list[str], list[AlertKind]]) -> str:
    n = len(FEATURES)
    kept = [i for i in range(n) if np.isfinite(scale[i])]
    rows = [part * n + i for part in range(3) for i in kept] + list(range(3 * n, len(weights)))
    model = {
        "version": VERSION,
        "features": [FEATURES[i] for i in kept],
        "kinds": kinds[0],
        "classes": kinds[1],
        "mean": _rounded(mean[kept]),
        "scale": _rounded(scale[kept]),
        "weights": [_rounded(row) for row in weights[rows]],
    }
    return json.dumps(model) + "\n"


def _rounded(values: F64) -> list[float]:
    return [float(f"{value:.{DIGITS}g}") for value in values.tolist()]
