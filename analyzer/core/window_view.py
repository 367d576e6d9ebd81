"""What may be asked of a window at the time it closes: who was active, and who used what."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from analyzer.core import groups
from analyzer.core.config import CoreConfig
from analyzer.core.groups import by_row
from analyzer.core.incidence import incidence
from analyzer.core.panes import DAY_S
from analyzer.core.population import LOG_OUTPUT, REQUESTS, Population
from analyzer.core.summarise import MICRO
from analyzer.core.tables import Kind

F64 = NDArray[np.float64]
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
    def binary(self) -> sp.csr_matrix:
        """1 where the organisation used the object at all."""
        ones = self.matrix.copy()
        ones.data = np.ones_like(ones.data)
        return ones

    @cached_property
    def degree(self) -> F64:
        """Shape (columns,): organisations on each object."""
        return np.bincount(self.matrix.indices, minlength=self.matrix.shape[1]).astype(np.float64)

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
        self.totals = population.org_sums[number].sums(len(population.orgs))
        """Shape (organisations, 5), see :mod:`analyzer.core.population`."""
        self.active: Bool = self.totals[:, 0] > 0
        self.n_active = int(self.active.sum())
        requests = population.pair_sums[number].sums(len(population.pairs))[:, 0]
        self.pair = np.flatnonzero(requests)
        self.pair_org = population.pairs["org"][self.pair]
        self.pair_object = population.pairs["object"][self.pair]
        self.pair_requests = requests[self.pair].astype(np.float64)
        kinds = population.objects["kind"][self.pair_object]
        self._by_kind = np.split(*by_row(kinds, max(Kind) + 1))
        self._usage: dict[Kind, Usage] = {}

    @property
    def history_s(self) -> int:
        """Event time since the first pane, in seconds."""
        return (self.pane - self.population.first_pane) * self.config.pane_s

    @cached_property
    def usual_requests(self) -> float:
        """Median requests of an active organisation, at least 1."""
        return max(1.0, float(np.median(self.totals[self.active, 0])))

    def usage(self, kind: Kind) -> Usage:
        """Usage of all objects of one kind."""
        if kind not in self._usage:
            mine = self._by_kind[kind]
            objects, column = groups.distinct(self.pair_object[mine])
            shape = (len(self.totals), len(objects))
            cells = incidence(self.pair_org[mine], column, self.pair_requests[mine], shape)
            self._usage[kind] = Usage(cells, objects)
        return self._usage[kind]

    @cached_property
    def prompts(self) -> F64:
        """Shape (objects, 2): prompts with a hash on each template, and how many came before."""
        pairs = self.population.pairs
        prompts = self.population.prompt_sums[self.number].sums(len(pairs))
        used = np.flatnonzero(prompts[:, 0])
        on, n = pairs["object"][used], len(self.population.objects)
        return np.stack([np.bincount(on, prompts[used, i], n) for i in (0, 1)], axis=1)

    @cached_property
    def log_output(self) -> F64:
        """Shape (organisations,): mean of ln(output + 1) of an organisation's requests."""
        return self.totals[:, LOG_OUTPUT] / np.maximum(self.totals[:, REQUESTS], 1) / MICRO

    @cached_property
    def template_log_output(self) -> F64:
        """Shape (objects,): mean of ln(output + 1) on each template, NaN for other objects."""
        n = len(self.population.objects)
        requests, total = self.population.template_sums[self.number].sums(n).T
        return np.where(requests > 0, total / np.maximum(requests, 1) / MICRO, np.nan)

    def deviation(self, log_output: F64) -> F64:
        """These means of ln(output + 1) in deviations of the organisations from their mean."""
        everyone = self.log_output[self.active]
        return np.asarray((log_output - everyone.mean()) / max(1e-6, float(everyone.std())))

    @cached_property
    def diversity(self) -> F64:
        """Shape (organisations,): kinds of work beyond what is usual at its volume, in nats.

        Entropy of an organisation's requests over templates, less the mean entropy of all with
        as many requests (to the power of two).
        """
        work = self.usage(Kind.TEMPLATE).matrix
        total = np.asarray(work.sum(axis=1)).ravel()
        share = work.data / np.repeat(total, np.diff(work.indptr))
        org = np.repeat(np.arange(len(total)), np.diff(work.indptr))
        entropy = np.bincount(org, -share * np.log(share), len(total))
        volume = np.log2(np.maximum(total, 1)).astype(np.int64)
        known = total > 0
        alike = np.maximum(1, np.bincount(volume, known))
        usual = np.bincount(volume, entropy) / alike
        return np.where(known, entropy - usual[volume], 0.0)

    def recent_pane(self) -> int:
        """Where "before" ends for the novelty gate: a window and at least a day back."""
        return self.pane - max(self.length_s, DAY_S) // self.config.pane_s
