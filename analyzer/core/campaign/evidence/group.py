"""The members that are named, in one window: who they are and what they and all others share."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from analyzer.core.campaign.measure import cohorts_of
from analyzer.core.cohort.population import REQUESTS
from analyzer.core.cohort.selection import Shared
from analyzer.core.cohort.window import Window
from analyzer.core.contracts.object_kind import Kind
from analyzer.core.contracts.records import Failures
from analyzer.core.contracts.request_event import STATUSES
from analyzer.core.kernels.divergence import over_share

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]


class Group:
    """Organisations of a campaign that were active in a window, and everybody else in it.

    Parameters
    ----------
    orgs
        Keys of the organisations; those that were silent in the window are left out.
    """

    def __init__(self, window: Window, orgs: NDArray[np.uint64]) -> None:
        self.window = window
        self.numbers: I64 = window.numbers_of(orgs)
        self.size = len(self.numbers)
        self._cohorts = cohorts_of(window, [self.numbers])

    @cached_property
    def noun(self) -> str:
        """What to call a member: an account only if each organisation has just one."""
        population = self.window.population
        count = np.bincount(population.accounts["org"], minlength=len(population.orgs))
        alone = (count[self.window.orgs[self.numbers]] == 1).all()
        return "accounts" if alone else "organisations"

    @cached_property
    def inside(self) -> NDArray[np.bool_]:
        """Shape (organisations of the window,): True for members."""
        members = np.zeros(self.window.n_active, np.bool_)
        members[self.numbers] = True
        return members

    def totals(self, column: int) -> tuple[int, int]:
        """Sum of a column of the organisations' sums: of the members, and of all others."""
        values = self.window.totals[:, column]
        mine = int(values[self.numbers].sum())
        return mine, int(values.sum()) - mine

    @property
    def requests(self) -> int:
        """Requests of the members in the window."""
        return self.totals(REQUESTS)[0]

    def shared(self, kind: Kind) -> Shared:
        """What the members used of one kind, one entry an object."""
        return self._cohorts.shared(kind)

    def degree(self, kind: Kind) -> F64:
        """Organisations of the window on each object that the members used."""
        return self.window.usage(kind).degree[self.shared(kind).column]

    def texts(self, kind: Kind, entries: NDArray[np.intp]) -> list[str]:
        """What people call the objects of these entries of :meth:`shared`."""
        rows = self.window.usage(kind).objects[self.shared(kind).column[entries]]
        return self.window.population.object_texts(rows)

    def having(self, kind: Kind) -> tuple[int, int]:
        """How many members, and how many others, used any object of this kind."""
        has = self.window.usage(kind).has
        mine = int(has[self.numbers].sum())
        return mine, int(has.sum()) - mine

    def failures(self) -> Failures:
        """Requests of the members that were not answered, by status."""
        shared, window = self.shared(Kind.FAILURE), self.window
        objects = window.usage(Kind.FAILURE).objects[shared.column]
        statuses = window.population.objects["hash"][objects].astype(np.int64).tolist()
        requests = shared.requests.astype(np.int64).tolist()
        return Failures(**{STATUSES[s]: n for s, n in zip(statuses, requests, strict=True)})

    def commonest(self, kind: Kind) -> Common | None:
        """The object that most sets the members apart from all others."""
        shared, degree = self.shared(kind), self.degree(kind)
        known, others = self.having(kind)
        if not len(shared.column) or not others:
            return None
        base = degree / (known + others)
        top = int(np.argmax(over_share(shared.members / known, base)))
        mine = int(shared.members[top])
        return Common(
            self.texts(kind, np.array([top]))[0], mine, known, int(degree[top]) - mine, others
        )


class Common:
    """One object: how many members and others use it, of those of whom it is known."""

    def __init__(self, text: str, mine: int, known: int, theirs: int, others: int) -> None:
        self.text = text
        self.mine, self.known = mine, known
        self.theirs, self.others = theirs, others

    @property
    def stands_out(self) -> bool:
        """True if two members use it and others do so less often."""
        return self.mine >= 2 and self.mine * self.others > self.theirs * self.known
