"""Objects and accounts of a view by the names that people know: for alerts and for feedback."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from analyzer.core.campaign.measure import cohorts_of
from analyzer.core.cohort.window import Window
from analyzer.core.contracts.object_kind import Kind
from analyzer.core.kernels.common_use import most_used

U64 = NDArray[np.uint64]
WORTH = 0.02
"""Share of the requests from which a model counts as used."""


class Objects:
    """Looks things up in one view of the population."""

    def __init__(self, view: Window) -> None:
        self._view = view
        self._accounts: dict[str, NDArray[np.int32]] = {}

    def hashes(self, name: str, kind: Kind) -> U64:
        """Hashes of the objects of that name."""
        objects = self._view.population.objects
        rows = np.flatnonzero(objects["kind"] == kind)
        texts = self._view.population.object_texts(rows)
        found = [row for row, text in zip(rows.tolist(), texts, strict=True) if text == name]
        return np.asarray(objects["hash"][found], np.uint64)

    def users(self, kind: Kind, name: str) -> U64:
        """Organisations that use the object of that name in the view."""
        usage = self._view.usage(kind)
        hashes = self._view.population.objects["hash"][usage.objects]
        columns = np.flatnonzero(np.isin(hashes, self.hashes(name, kind)))
        numbers = np.unique(usage.matrix[:, columns].tocoo().row)
        return np.asarray(self._view.of_orgs("key")[numbers], np.uint64)

    def orgs_of(self, account: str, *, alone: bool = False) -> U64:
        """The organisation of an account; ``alone``: only if it has no other account."""
        population = self._view.population
        if account not in self._accounts:
            self._accounts[account] = population.accounts_named(account)
        rows = self._accounts[account]
        orgs: NDArray[np.int32] = population.accounts["org"][rows]
        if alone:
            count = np.bincount(population.accounts["org"], minlength=len(population.orgs))
            orgs = orgs[count[orgs] == 1]
        return np.asarray(population.orgs["key"][orgs], np.uint64)

    def top(self, kind: Kind, orgs: U64, most: int) -> list[str]:
        """Names of the objects with most requests of these organisations, most first."""
        return self.tops([kind], [orgs], most)[0][kind]

    def tops(
        self, kinds: Sequence[Kind], groups: Sequence[U64], most: int
    ) -> list[dict[Kind, list[str]]]:
        """As :meth:`top`, for objects of several kinds and groups of organisations at once."""
        view, objects = self._view, self._view.population.objects
        cohorts = cohorts_of(view, [view.numbers_of(orgs) for orgs in groups])
        rows, counts = [], []
        for kind in kinds:
            shared = cohorts.shared(kind)
            of_entry = self._view.usage(kind).objects[shared.column]
            entries = shared.starts, shared.requests, objects["hash"][of_entry]
            found, count = most_used(entries, most, WORTH if kind == Kind.MODEL else 0.0)
            rows.append(of_entry[found])
            counts += count.tolist()
        texts = iter(view.population.object_texts(np.concatenate(rows)))
        named = iter([list(islice(texts, count)) for count in counts])
        of_kind = {kind: [next(named) for _ in groups] for kind in kinds}
        return [{kind: of_kind[kind][group] for kind in kinds} for group in range(len(groups))]
