"""Cohorts of a simulated world with what they truly are: what the fusion is fitted to."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from analyzer.core.cohort.selection import Cohorts
from analyzer.core.config import CoreConfig
from analyzer.core.contracts.hashing import HashCache
from analyzer.replay.lines import run
from analyzer.simulate.world import Labels, World

F64 = NDArray[np.float64]

ONE_HAND = ("reseller_pool", "customer_fleet", "agency")
"""Labels of groups that one hand runs, though they extract nothing: they are coordinated, and no
example of accounts that have nothing to do with each other."""
NOTHING_IS_FOUND = CoreConfig(alert_threshold=1.0)
"""An object on which something was found is judged whole from then on; so that what is measured
does not depend on the weights before the fit, nothing is."""
LARGELY = 0.3
"""Share of a group from which a cohort is named after it."""


@dataclass(frozen=True, slots=True)
class Cohort:
    """One measured cohort."""

    features: F64
    group: str
    """Campaign or look-alike that it mostly is; else its own object."""
    extraction: float
    """Share of its organisations that are in one extraction campaign."""
    window_s: int
    kind: int


@dataclass(slots=True)
class Recorder:
    """Keeps every cohort that is measured (an ``OnMeasured``)."""

    groups: list[tuple[str, set[int]]]
    """Name and accounts of each labelled group; campaigns begin with ``campaign:``."""
    rows: list[Cohort] = field(default_factory=list)

    def __call__(self, cohorts: Cohorts, features: F64, _score: F64) -> None:
        """Record."""
        population = cohorts.window.population
        accounts = population.accounts
        inside = np.zeros((len(population.orgs), len(self.groups)))
        for column, (_, group) in enumerate(self.groups):
            mine = np.isin(accounts["key"], np.fromiter(group, np.uint64, len(group)))
            inside[accounts["org"][mine], column] = 1
        share = cohorts.total(inside[cohorts.window.orgs]) / cohorts.size[:, None]
        campaign = np.array([name.startswith("campaign:") for name, _ in self.groups])
        for i in range(len(cohorts)):
            best = int(share[i].argmax())
            named = self.groups[best][0] if share[i, best] >= LARGELY else _own(cohorts, i)
            most = float((share[i] * campaign).max(initial=0.0))
            window_s, kind = cohorts.window.length_s, int(cohorts.kind[i])
            self.rows.append(Cohort(features[i], named, most, window_s, kind))


def cohorts_of(world: World) -> list[Cohort]:
    """All cohorts that are measured in a world."""
    recorder = Recorder(_groups(world.labels, CoreConfig()))
    run(list(world.lines()), NOTHING_IS_FOUND, on_measured=recorder)
    return recorder.rows


def coordinated(labels: Labels) -> list[str]:
    """Accounts that one hand runs: of operations, pools, fleets and agencies; sorted."""
    groups = [group["accounts"] for group in labels["campaigns"]]
    groups += [item["accounts"] for item in labels["lookalikes"] if item["type"] in ONE_HAND]
    return sorted({account for group in groups for account in group})


def _own(cohorts: Cohorts, row: int) -> str:
    return f"object:{cohorts.window.population.objects['hash'][cohorts.object[row]]}"


def _groups(labels: Labels, config: CoreConfig) -> list[tuple[str, set[int]]]:
    hashes = HashCache(config.hash_key, "account")
    found = []
    for campaign in labels["campaigns"]:
        extraction = campaign["kind"] == "extraction_campaign"
        sort = f"campaign:{campaign['family']}" if extraction else campaign["kind"]
        accounts = {hashes[name] for name in campaign["accounts"]}
        found.append((f"{sort}:{campaign['id']}", accounts))
    for item in labels["lookalikes"]:
        accounts = {hashes[name] for name in item["accounts"]}
        found.append((f"{item['type']}:{item['id']}", accounts))
    return found
