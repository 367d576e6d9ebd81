"""What may be asked of a window at the time it closes: who was active, and who used what."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar, cast

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from analyzer.core.account.pane_tables import MICRO
from analyzer.core.cohort.population import LOG_OUTPUT, PROMPTED, REPEATED, REQUESTS, Population
from analyzer.core.config import CoreConfig
from analyzer.core.contracts.event_time import DAY_S
from analyzer.core.contracts.object_kind import Kind
from analyzer.core.kernels.matrix_sums import (
    capped_and_squares,
    column_counts,
    column_totals,
    means,
    put,
    row_maxima,
    row_shares,
    row_totals,
)
from analyzer.core.kernels.sparse import incidence, known, per_object, transposed, used

T = TypeVar("T")
F64 = NDArray[np.float64]
I32 = NDArray[np.int32]
I64 = NDArray[np.int64]
Bool = NDArray[np.bool_]


@dataclass(frozen=True)
class Usage:
    """Which organisations used which objects of one kind in the window."""

    matrix: sp.csr_matrix
    """Requests, shape (organisations, objects of that kind)."""
    objects: NDArray[np.int32]
    """Shape (columns,), rows of the object table, rising."""

    @cached_property
    def degree(self) -> F64:
        """Shape (columns,): organisations on each object."""
        return column_counts(self.matrix.indices, self.matrix.shape[1])

    @cached_property
    def with_users(self) -> I64:
        """Shape (most users + 1,): objects that have so many users."""
        return np.bincount(self.degree.astype(np.int64))

    @cached_property
    def degree_of_org(self) -> I32:
        """Shape (organisations,): objects that each uses."""
        return np.asarray(np.diff(self.matrix.indptr))

    @property
    def pairs(self) -> float:
        """All that is used by anybody, at least 1."""
        return max(1.0, float(self.matrix.nnz))

    @cached_property
    def has(self) -> Bool:
        """Shape (organisations,): true for those that use any object."""
        return np.asarray(self.degree_of_org > 0)

    @cached_property
    def rate(self) -> F64:
        """Shape (columns,): share that uses each, of the organisations that use any; above 0."""
        return self.degree / max(1, int(self.has.sum())) + 0.001

    @cached_property
    def requests(self) -> F64:
        """Shape (organisations,): requests of each on all objects."""
        return row_totals(self.matrix.indptr, self.matrix.data)

    @cached_property
    def focus(self) -> F64:
        """Shape (organisations,): share of its requests on the object that each uses most."""
        return row_maxima(self.matrix.indptr, self.matrix.data) / np.maximum(self.requests, 1.0)

    @cached_property
    def volume(self) -> F64:
        """Shape (columns,): requests on each object."""
        return column_totals(self.matrix.indices, self.matrix.data, self.matrix.shape[1])

    @cached_property
    def sharing(self) -> Bool:
        """Shape (organisations,): true for those that use an object which another one uses too."""
        common = row_totals(self.matrix.indptr, (self.degree >= 2)[self.matrix.indices])
        return np.asarray(common > 0)

    @cached_property
    def users(self) -> tuple[I32, I32]:
        """Where the users of each object start, and the users themselves, rising."""
        return transposed(self.matrix.indptr, self.matrix.indices, self.matrix.shape[1])

    def column_of(self, objects: NDArray[np.int32]) -> I64:
        """Column of each object, -1 if it is not of this kind."""
        if not len(self.objects):
            return np.full(len(objects), -1)
        at = np.minimum(np.searchsorted(self.objects, objects), len(self.objects) - 1)
        return np.where(self.objects[at] == objects, at, -1)


class Window:
    """Everything the signals may ask of one window at the time it closes.

    Parameters
    ----------
    population
        What was counted; the window has just been advanced to ``pane``.
    number
        Which of the configured windows.
    pane
        The first pane after the window.
    """

    def __init__(self, config: CoreConfig, population: Population, number: int, pane: int) -> None:
        self.config = config
        self.population = population
        self.number = number
        self.pane = pane
        self.length_s = config.windows[number].length_s
        self.start_pane = pane - self.length_s // config.pane_s
        everyone = population.org_sums[number].sums(len(population.orgs))
        self.orgs = population.org_sums[number].used()
        """Rows of the organisations that were active, rising; in the window they are 0, 1, 2 …"""
        self.n_active = len(self.orgs)
        self.number_of = np.full(len(everyone), -1, np.int32)
        """Number in the window of each row of the organisations' table, -1 if it was silent."""
        self.number_of[self.orgs] = np.arange(self.n_active)
        self.totals = everyone[self.orgs]
        """Shape (organisations, 5), see :mod:`analyzer.core.cohort.population`."""
        pairs, kinds = population.pairs, population.objects["kind"]
        sums = population.pair_sums[number]
        self.first_new = int(np.searchsorted(pairs["first_pane"], self.recent_pane()))
        """The first of all pairs that did not exist before; see :meth:`recent_pane`."""
        of_pairs = pairs["org"], pairs["object"], self.first_new
        of_ends, requests = (self.number_of, kinds), sums.sums(len(pairs))[:, 0]
        self.pairs = used(sums.used(), requests, of_pairs, of_ends, max(Kind) + 1)
        self._usage: dict[Kind, Usage] = {}
        self._fresh: dict[Kind, Bool] = {}
        self._made: dict[Callable[[Window], Any], Any] = {}

    def once(self, make: Callable[[Window], T]) -> T:
        """What a function makes of the window, worked out when it is first asked for."""
        if make not in self._made:
            self._made[make] = make(self)
        return cast("T", self._made[make])

    def of_orgs(self, column: str) -> NDArray[Any]:
        """A column of the organisations' table, shape (organisations,)."""
        return self.population.orgs[column][self.orgs]

    def numbers_of(self, keys: NDArray[np.uint64]) -> I64:
        """Rising numbers in the window of the organisations of these keys that are active in it."""
        numbers = known(self.population.orgs.find(keys), self.number_of)
        numbers.sort()
        return numbers

    def numbers_of_each(self, groups: Sequence[NDArray[np.uint64]]) -> list[I64]:
        """As :meth:`numbers_of`, of several groups at once."""
        keys = np.concatenate([*groups, np.zeros(0, np.uint64)])
        rows = self.population.orgs.find(keys)
        numbers = np.where(rows >= 0, self.number_of[rows], -1).astype(np.int64)
        stops = np.cumsum([len(group) for group in groups], dtype=np.int64)
        found = [part[part >= 0] for part in np.split(numbers, stops[:-1])] if len(stops) else []
        for part in found:
            part.sort()
        return found

    @cached_property
    def usual_requests(self) -> float:
        """Median requests of an active organisation, at least 1."""
        return max(1.0, float(np.median(self.totals[:, REQUESTS])))

    def usage(self, kind: Kind) -> Usage:
        """Usage of all objects of one kind."""
        if kind not in self._usage:
            pairs, mine, objects = self.pairs, self.pairs.of(kind), self.pairs.things_of(kind)
            shape = (len(self.totals), len(objects))
            cells = incidence(pairs.org[mine], pairs.column_of(kind), pairs.requests[mine], shape)
            self._usage[kind] = Usage(cells, objects)
        return self._usage[kind]

    def fresh(self, kind: Kind) -> Bool:
        """Shape (columns of the usage,): objects of one kind that nobody used before the window."""
        if kind not in self._fresh:
            first = self.population.objects["first_pane"][self.usage(kind).objects]
            self._fresh[kind] = first >= self.start_pane
        return self._fresh[kind]

    @cached_property
    def prompts(self) -> F64:
        """Shape (templates used, 2): prompts with a hash on each, and how many came before."""
        rows = self.pairs.row[self.pairs.of(Kind.TEMPLATE)]
        prompts = self.population.prompt_sums[self.number].sums(len(self.population.pairs))
        columns = self.pairs.column_of(Kind.TEMPLATE)
        return per_object(prompts, rows, columns, len(self.pairs.things_of(Kind.TEMPLATE)))

    @cached_property
    def log_output(self) -> F64:
        """Shape (organisations,): mean of ln(output + 1) of an organisation's requests."""
        return self.totals[:, LOG_OUTPUT] / np.maximum(self.totals[:, REQUESTS], 1) / MICRO

    @cached_property
    def template_log_output(self) -> F64:
        """Shape (templates used,): mean of ln(output + 1) on each, 0 where it is not known."""
        sums = self.population.template_sums[self.number].sums(len(self.population.objects))
        return means(sums, self.usage(Kind.TEMPLATE).objects) / MICRO

    def deviation(self, log_output: F64) -> F64:
        """These means of ln(output + 1) in deviations of the organisations from their mean."""
        mean, spread = self.usual_output
        return np.asarray((log_output - mean) / max(1e-6, spread))

    @cached_property
    def usual_output(self) -> tuple[float, float]:
        """Mean and deviation of the organisations' mean ln(output + 1)."""
        return float(self.log_output.mean()), float(self.log_output.std())

    @cached_property
    def diversity(self) -> F64:
        """Shape (organisations,): kinds of work beyond what is usual at its volume, in nats.

        Entropy of an organisation's requests over templates, less the mean entropy of all with
        as many requests (to the power of two).
        """
        work = self.usage(Kind.TEMPLATE).matrix
        total = row_totals(work.indptr, work.data)
        share = row_shares(work.indptr, work.data, total)
        entropy = -row_totals(work.indptr, share * np.log(share))
        volume = np.log2(np.maximum(total, 1)).astype(np.int64)
        known = total > 0
        alike = np.maximum(1, np.bincount(volume, known))
        usual = np.bincount(volume, entropy) / alike
        return np.where(known, entropy - usual[volume], 0.0)

    @property
    def part_panes(self) -> int:
        """Panes of each part of the window, as :attr:`parts` has them."""
        return self.population.org_sums[self.number].hop

    @cached_property
    def parts(self) -> F64:
        """Requests in each part (hop) of the window, shape (organisations, parts)."""
        sums = self.population.org_sums[self.number]
        counts = np.zeros((len(self.orgs), sums.length // sums.hop))
        begin = self.pane // sums.hop - counts.shape[1]
        bucket, rows, values = sums.by_bucket()
        put((self.number_of, begin), (rows, bucket), values[:, REQUESTS], counts)
        return counts

    @cached_property
    def rhythm(self) -> tuple[F64, F64]:
        """The population's profile over the parts, and how far each organisation is from it.

        Of each organisation Σₕ (cₕ − c pₕ)², with its counts cₕ, c together, and the profile p
        of all counts, each capped at 3.
        """
        counts = self.parts
        profile, squares = capped_and_squares(counts, 3.0)
        profile /= max(1.0, float(profile.sum()))
        total = self.totals[:, REQUESTS].astype(np.float64)
        return profile, squares - 2 * total * (counts @ profile) + total**2 * (profile @ profile)

    @cached_property
    def usual_repeats(self) -> float:
        """Share of all prompts that came before."""
        prompted, repeated = (float(self.totals[:, c].sum()) for c in (PROMPTED, REPEATED))
        return repeated / max(1.0, prompted)

    def recent_pane(self) -> int:
        """Where "before" ends for the novelty gate: a window and at least a day back."""
        return self.pane - self._recent_s // self.config.pane_s

    @property
    def _recent_s(self) -> int:
        return max(self.length_s, DAY_S)

    def users_before(self) -> I32:
        """Shape (objects,): organisations that used each before; see :meth:`recent_pane`."""
        return self.population.users_before(self._recent_s, self.first_new)
