"""Record every cohort of simulated worlds with what it truly is, to fit and study the fusion.

python tests/tools/collect_cohorts.py OUT.npz SCENARIO SEED [SCALE]
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from analyzer.core.cohort.selection import Cohorts
from analyzer.core.config import CoreConfig
from analyzer.core.contracts.hashing import HashCache
from analyzer.simulate import generate
from analyzer.testing.reference_run import run

Rows = list[dict[str, Any]]


class Recorder:
    """Keeps each cohort's features with its true share of crooks."""

    def __init__(self, labels: Any, config: CoreConfig) -> None:
        account = HashCache(config.hash_key, "account")
        self.rows: Rows = []
        self._groups = [
            (f"campaign:{c['family']}:{c['id']}" if c["kind"] == "extraction_campaign"
             else f"pool:{c['id']}", {account[a] for a in c["accounts"]})
            for c in labels["campaigns"]
        ] + [
            (f"look:{item['type']}:{item['id']}", {account[a] for a in item["accounts"]})
            for item in labels["lookalikes"]
        ]  # fmt: skip

    def __call__(self, cohorts: Cohorts, features: Any, _score: Any) -> None:
        """Record."""
        population = cohorts.window.population
        accounts = population.accounts
        shares = np.zeros((len(population.orgs), len(self._groups)))
        keys, owner = accounts["key"], accounts["org"]
        for column, (_, group) in enumerate(self._groups):
            inside = np.isin(keys, np.fromiter(group, np.uint64, len(group)))
            shares[owner[inside], column] = 1
        share = cohorts.total(shares[cohorts.window.orgs]) / cohorts.size[:, None]
        for i in range(len(cohorts)):
            self.rows.append(
                {
                    "features": features[i],
                    "share": share[i],
                    "kind": int(cohorts.kind[i]),
                    "newcomers": int(cohorts.newcomers[i]),
                    "window_s": cohorts.window.length_s,
                    "size": float(cohorts.size[i]),
                    "pane": cohorts.window.pane,
                    "object": population.objects["hash"][cohorts.object[i]],
                }
            )

    def arrays(self) -> dict[str, Any]:
        """Everything recorded, as columns."""
        names = self.rows[0].keys() if self.rows else ()
        columns = {name: np.array([row[name] for row in self.rows]) for name in names}
        return columns | {"groups": np.array([name for name, _ in self._groups])}


def main(out: str, scenario: str, seed: str, scale: str = "1.0") -> None:
    """Simulate, run, record."""
    world = generate(scenario, int(seed), scale=float(scale))
    config = CoreConfig()
    lines = list(world.lines())
    recorder = Recorder(world.labels, config)
    run(lines, config, on_measured=recorder)
    np.savez_compressed(out, **recorder.arrays(), scenario=scenario, seed=int(seed))


if __name__ == "__main__":
    main(*sys.argv[1:])
