"""Which groups of organisations are judged at the end of a window, and what they share.

A cohort is the set of organisations that used one object (template, block, payment
reference, client) in a window, or that a graph of rare shared objects joins. All cohorts of
a window are judged together: memberships and usage are sparse matrices, and each signal is a
few operations on them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from analyzer.core.cohort.co_sharing_graph import linked_groups
from analyzer.core.cohort.population import REQUESTS
from analyzer.core.cohort.together import Together, together
from analyzer.core.cohort.window import Window
from analyzer.core.contracts.event_time import DAY_S
from analyzer.core.contracts.object_kind import Kind
from analyzer.core.kernels.common_use import common, entries_of
from analyzer.core.kernels.matrix_sums import row_totals
from analyzer.core.kernels.sparse import incidence, rows_by_age, sums, users

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]
Bool = NDArray[np.bool_]

OBJECT_KINDS = (Kind.TEMPLATE, Kind.BLOCK, Kind.PAYMENT, Kind.TLS, Kind.AGENT)
MAY_DEFINE = np.isin(np.arange(max(Kind) + 1), OBJECT_KINDS)
"""Shape (kinds,): whose users are a cohort."""
SHORT_S = 6 * 3_600
"""In a shorter window a cohort must be twice as large: few requests prove little."""


@dataclass(frozen=True)
class Shared:
    """What the members of each cohort share, one entry per (cohort, object used by members)."""

    column: NDArray[np.int32]
    """Object of each entry, a column of the usage."""
    members: F64
    """How many members used the object."""
    requests: F64
    """Requests of the members on the object."""
    own: Bool
    """True where the object is the one that defines the cohort."""
    starts: I64
    """Shape (cohorts + 1,), where the entries of each cohort start, and the last of them stop."""

    @cached_property
    def row(self) -> I64:
        """Cohort of each entry, rising."""
        return np.repeat(np.arange(len(self.starts) - 1), np.diff(self.starts))


@dataclass(frozen=True)
class Cohorts:
    """Cohorts of one window, one row each, ordered by (kind, key, newcomers)."""

    window: Window
    key: NDArray[np.uint64]
    """Hash of the defining object; of a graph's group, of its least organisation."""
    object: NDArray[np.int32]
    """Row of the defining object in the object table; -1 for a graph's group."""
    kind: I64
    newcomers: I64
    """0: novel object, all its organisations; 1: established object, only those new on it."""
    matrix: sp.csr_matrix
    """Requests on the defining object (a group's: all), shape (cohorts, organisations)."""

    def __len__(self) -> int:
        return len(self.object)

    @cached_property
    def size(self) -> F64:
        """Members of each cohort, in organisations."""
        return np.asarray(np.diff(self.matrix.indptr), np.float64)

    def total(self, values: NDArray[np.generic]) -> F64:
        """Sum over the members of a value per organisation, or of a row of them."""
        return sums(self.matrix, values)

    @cached_property
    def totals(self) -> F64:
        """Shape (cohorts, 5), sums over the members; see :mod:`analyzer.core.cohort.population`."""
        return self.total(self.window.totals)

    @property
    def requests(self) -> F64:
        """All requests of the members of each cohort."""
        return self.totals[:, REQUESTS]

    @cached_property
    def requests_on_object(self) -> F64:
        """Requests of the members of each cohort on the defining object."""
        return row_totals(self.matrix.indptr, self.matrix.data)

    @cached_property
    def prompts_on_object(self) -> F64:
        """Shape (cohorts, 2): prompts on the defining template by all its users, and repeated."""
        column = self.window.usage(Kind.TEMPLATE).column_of(self.object)
        found = np.zeros((len(self), 2))
        found[column >= 0] = self.window.prompts[column[column >= 0]]
        return found

    def mean(self, values: NDArray[np.generic]) -> F64:
        """Mean over the members of a value per organisation."""
        return np.asarray(self.total(values) / self.size)

    def shared(self, kind: Kind) -> Shared:
        """What the members share of one kind; computed once a window."""
        cache = self._shared
        if kind not in cache:
            cache[kind] = self._share(kind)
        return cache[kind]

    @cached_property
    def _shared(self) -> dict[Kind, Shared]:
        return {}

    def together(self, kind: Kind) -> Together:
        """What the members do together on the objects of one kind; computed once a window."""
        cache = self._together
        if kind not in cache:
            usage, fresh = self.window.usage(kind), self.window.fresh(kind)
            cache[kind] = together(self.matrix, usage, usage.column_of(self.object), fresh)
        return cache[kind]

    @cached_property
    def _together(self) -> dict[Kind, Together]:
        return {}

    def _share(self, kind: Kind) -> Shared:
        usage = self.window.usage(kind)
        starts, column, users, requests = common(self.matrix, usage.matrix)
        own = entries_of(starts, column, usage.column_of(self.object))
        return Shared(column, users, requests, own, starts)


def find_cohorts(window: Window, shard: int, shards: int) -> Cohorts | None:
    """Cohorts that this shard judges at the end of the window; None if there are none.

    An object is judged whole if at most half as many organisations used it before, or as long
    as it goes on being a hit: what was found does not become innocent by going on. Otherwise
    only the organisations that are new on it are. The first shard judges the graph's groups.
    """
    population, config = window.population, window.config
    things = window.pairs.things
    largest = max(200, 0.35 * window.n_active)
    least = config.min_cohort * (2 if window.length_s < SHORT_S else 1)
    older, newer = users(window.pairs.place, window.pairs.new, len(things))
    large = np.flatnonzero(older + newer >= least)
    mine = MAY_DEFINE[population.objects["kind"][things[large]]]
    mine &= population.objects["hash"][things[large]] % np.uint64(shards) == np.uint64(shard)
    large = large[mine]
    size, new_size = older[large] + newer[large], newer[large]
    objects = things[large]
    prior = window.users_before()[objects]
    ago = config.close_after_s // config.pane_s
    watched = population.objects["hit_pane"][objects] >= max(0, window.pane - ago)
    novel = (size <= largest) & ((prior <= size / 2) | watched)
    partly = ~novel & (new_size >= least) & (new_size <= largest)
    found = _of_objects(window, large[novel | partly], partly[novel | partly])
    if shard == 0 and window.length_s >= DAY_S:
        found = _joined(found, _of_groups(window, linked_groups(window, least, largest)))
    return found if len(found) else None


def _of_objects(window: Window, places: I64, partly: Bool) -> Cohorts:
    """Cohorts of the objects at these places, those ``partly`` judged of their newcomers alone."""
    objects, pairs = window.population.objects, window.pairs
    judged = pairs.things[places]
    order = np.lexsort((objects["hash"][judged], objects["kind"][judged]))
    judged, places, partly = judged[order], places[order], partly[order]
    row_of = np.full((2, len(pairs.things)), -1, np.int32)
    row_of[:, places] = np.arange(len(places))
    row_of[0, places[partly]] = -1
    row = rows_by_age(pairs.place, pairs.new, row_of)
    return Cohorts(
        window=window,
        key=objects["hash"][judged],
        object=judged,
        kind=objects["kind"][judged],
        newcomers=partly.astype(np.int64),
        matrix=incidence(row, pairs.org, pairs.requests, (len(judged), len(window.orgs))),
    )


def _of_groups(window: Window, groups: sp.csr_matrix) -> Cohorts:
    """Cohorts of the graph's groups, each named by its least organisation."""
    n = groups.shape[0]
    keys = window.of_orgs("key")[groups.indices]
    least = np.minimum.reduceat(keys, groups.indptr[:-1]) if n else keys
    order = np.argsort(least)
    matrix = groups[order]
    matrix.data = window.totals[matrix.indices, 0].astype(np.float64)
    return Cohorts(
        window=window,
        key=least[order],
        object=np.full(n, -1, np.int32),
        kind=np.full(n, int(Kind.GRAPH)),
        newcomers=np.zeros(n, np.int64),
        matrix=matrix,
    )


def _joined(one: Cohorts, other: Cohorts) -> Cohorts:
    """Cohorts of the same window, one after the other."""
    return Cohorts(
        window=one.window,
        key=np.concatenate([one.key, other.key]),
        object=np.concatenate([one.object, other.object]),
        kind=np.concatenate([one.kind, other.kind]),
        newcomers=np.concatenate([one.newcomers, other.newcomers]),
        matrix=sp.vstack([one.matrix, other.matrix], format="csr"),
    )
