"""Leave one kind out: what a model that never saw it says of it.

A model that discriminates learns by heart what its simulator holds. So each kind of innocent and
each style of operation, and each generator as a whole, is judged here by kinds that were fitted
without it. Accused, or found, is what would have been said: the readings of a campaign in their
order, through the guard and :func:`~analyzer.core.campaign.kind.decide_kind`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from analyzer.core.campaign.campaign_state import CampaignState, Reading
from analyzer.core.campaign.kind import EXTRACTION, decide_kind, held_back
from analyzer.core.campaign.measure import FEATURES
from analyzer.core.campaign.models.kind_model import KindModel
from analyzer.core.config import CoreConfig
from analyzer.training.kinds import Rows, fit_of, gathered, kinds_and_groups, rows_of
from analyzer.training.readings import BENIGN, Readings

F64 = NDArray[np.float64]
Bool = NDArray[np.bool_]
OPERATION = "operation"


class Judged(msgspec.Struct, frozen=True):
    """How one kind fared that the fit had not seen."""

    left_out: str
    worlds: int
    """Worlds that hold the kind."""
    groups: int
    """Its groups that were found as campaigns."""
    said: int
    """Groups that were called extraction: accused if innocent, found if operations."""
    worlds_said: int
    unguarded: int
    """Groups that the model alone would have called so."""


@dataclass(frozen=True)
class Seen:
    """All readings, and what each is of."""

    readings: Readings
    kinds: list[str]
    groups: list[str]


def leave_out() -> list[Judged]:
    """The whole table, from the worlds that the shipped kinds are fitted to."""
    readings, styles = gathered()
    return judge_all(Seen(readings, *kinds_and_groups(readings, styles)), rows_of(readings, styles))


def judge_all(seen: Seen, rows: Rows) -> list[Judged]:
    """Each kind, then each generator, left out of the fit once."""
    kinds, fitted = np.array(seen.kinds), np.array(rows.kind)
    found = []
    for kind in sorted(set(rows.kind) - {BENIGN}):
        model = _fit(rows, fitted != kind)
        found.append(_judge(kind, seen, model, kinds == kind))
    economy, fitted_economy = _is_economy(seen.readings.world), _is_economy(rows.world)
    operation = np.char.startswith(kinds.astype(str), OPERATION)
    innocent = ~operation & (kinds != BENIGN)
    for name, left, kept in (
        ("economies", economy, ~fitted_economy),
        ("scenarios", ~economy, fitted_economy),
    ):
        model = _fit(rows, kept)
        found.append(_judge(f"{name}, operations", seen, model, left & operation))
        found.append(_judge(f"{name}, innocents", seen, model, left & innocent))
    return found


def _is_economy(worlds: Iterable[str]) -> Bool:
    return np.array([world.startswith("economy-") for world in worlds])


def _fit(rows: Rows, kept: Bool) -> KindModel:
    return KindModel.of(json.loads(fit_of(rows.take(kept))))


def _judge(name: str, seen: Seen, model: KindModel, mine: Bool) -> Judged:
    readings = seen.readings
    campaigns: dict[tuple[str, str], list[int]] = {}
    for i in np.flatnonzero(mine & np.array(readings.found)).tolist():
        campaigns.setdefault((readings.world[i], readings.group[i]), []).append(i)
    said: dict[bool, set[tuple[str, str]]] = {True: set(), False: set()}
    groups = {(world, seen.groups[rows[0]]) for (world, _), rows in campaigns.items()}
    for (world, _), rows in campaigns.items():
        for guard in (True, False):
            if _is_said(readings, rows, model, guard=guard):
                said[guard].add((world, seen.groups[rows[0]]))
    return Judged(
        left_out=name,
        worlds=len({world for world, _ in groups}),
        groups=len(groups),
        said=len(said[True]),
        worlds_said=len({world for world, _ in said[True]}),
        unguarded=len(said[False]),
    )


def _is_said(readings: Readings, rows: list[int], model: KindModel, *, guard: bool) -> bool:
    """True if the readings of one campaign, in their order, come to extraction."""
    first = readings.pane[rows[0]] - readings.age[rows[0]]
    state = CampaignState("c-judged", "group", first, first)
    classes = dict(zip(model.kinds, model.classes, strict=True))
    scale = dict(zip(FEATURES, model.scale.tolist(), strict=True))
    for pane, made in _by_pane(readings, rows, model, guard=guard):
        state.readings |= {reading.window_s: reading for reading in made}
        decide_kind(state, pane, CoreConfig(), classes, scale)
        if state.kind == EXTRACTION:
            return True
    return False


def _by_pane(
    readings: Readings, rows: Iterable[int], model: KindModel, *, guard: bool
) -> Iterator[tuple[int, list[Reading]]]:
    panes: dict[int, list[int]] = {}
    for row in rows:
        panes.setdefault(readings.pane[row] - 1, []).append(row)
    for pane in sorted(panes):
        yield pane, [_reading(readings, row, pane, model, guard=guard) for row in panes[pane]]


def _reading(readings: Readings, row: int, pane: int, model: KindModel, *, guard: bool) -> Reading:
    vector, window_s = readings.features[row][None], readings.window_s[row]
    odds = model.probabilities(vector, window_s)
    sure = model.extraction(odds)
    known = np.flatnonzero(~np.isnan(vector[0])).tolist()
    return Reading(
        pane=pane,
        window_s=window_s,
        features={FEATURES[i]: float(vector[0, i]) for i in known},
        usual={},
        facts={"organisations": float(readings.size[row])},
        kinds=dict(zip(model.kinds, odds[0].tolist(), strict=True)),
        extraction=float((held_back(vector, sure) if guard else sure)[0]),
    )


def tell(found: list[Judged]) -> list[str]:
    """The table, one line for each that was left out."""
    heads = ("worlds", "groups", "said", "worlds", "model alone")
    lines = [f"{'left out of the fit':<34}" + "".join(f"{head:>12}" for head in heads)]
    return lines + [
        f"{j.left_out:<34}"
        + "".join(f"{n:>12}" for n in (j.worlds, j.groups, j.said, j.worlds_said, j.unguarded))
        for j in found
    ]
