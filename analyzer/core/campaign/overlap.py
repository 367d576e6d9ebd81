"""Whose members findings hold: all findings of a pane against all campaigns, in a few passes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from analyzer.core.cohort.window import Window
from analyzer.core.kernels.jit import compiled

I64 = NDArray[np.int64]
U64 = NDArray[np.uint64]
Bool = NDArray[np.bool_]


class Holders:
    """Organisations of several findings, by their numbers in a view.

    Parameters
    ----------
    orgs
        Keys of the organisations of each finding; those that are silent in the view are left out.
    """

    def __init__(self, view: Window, orgs: Sequence[U64]) -> None:
        lengths = [len(keys) for keys in orgs]
        keys = np.concatenate([*orgs, np.zeros(0, np.uint64)])
        rows = view.population.orgs.find(keys)
        number = np.where(rows >= 0, view.number_of[rows], -1).astype(np.int64)
        finding = np.repeat(np.arange(len(lengths)), lengths)
        active = number >= 0
        width = max(1, len(view.orgs))
        cells = np.sort(finding[active] * width + number[active])
        self.numbers: I64 = cells % width
        """Numbers of the organisations of each finding, rising; one finding after the other."""
        self.starts = np.searchsorted(cells, np.arange(len(lengths) + 1) * width)
        self.size = np.diff(self.starts)

    def of(self, finding: int) -> I64:
        """Numbers of the organisations of one finding, rising."""
        return self.numbers[self.starts[finding] : self.starts[finding + 1]]

    def shares(self, owner: I64, campaigns: int, big: tuple[int, float]) -> Shares:
        """How the findings are divided among campaigns.

        Parameters
        ----------
        owner
            Number of the campaign of each organisation of the view, −1 if it has none.
        big
            Members, and share of a finding, from which a campaign counts in it.
        """
        counts, free = divide(self.starts, self.numbers, owner, campaigns)
        least = np.maximum(float(big[0]), big[1] * self.size)
        first = np.argmax(counts, axis=1) if campaigns else np.zeros(len(self.size), np.int64)
        most = counts[np.arange(len(first)), first] if campaigns else np.zeros(len(first), np.int64)
        return Shares(counts, free, first, most, (counts >= least[:, None]).sum(axis=1))


@dataclass(frozen=True, slots=True)
class Shares:
    """How findings are divided among campaigns; arrays of shape (findings,)."""

    counts: I64
    """Members of each campaign in each finding, shape (findings, campaigns)."""
    free: I64
    """Members of no campaign."""
    first: I64
    """The campaign with most members in the finding, the least number of those."""
    most: I64
    """Its members."""
    big: I64
    """How many campaigns count in it."""


def divide(starts: I64, numbers: I64, owner: I64, campaigns: int) -> tuple[I64, I64]:
    """Members of each campaign in each finding, and those of none.

    Examples
    --------
    >>> divide(np.array([0, 3]), np.array([0, 1, 2]), np.array([1, -1, 1]), 2)
    (array([[0, 2]]), array([1]))
    """
    counts = np.zeros((len(starts) - 1, campaigns), np.int64)
    free = np.zeros(len(starts) - 1, np.int64)
    _count_owners(starts, numbers, owner, (counts, free))
    return counts, free


@compiled
def _count_owners(starts: I64, numbers: I64, owner: I64, found: tuple[I64, I64]) -> None:
    counts, free = found
    for finding in range(len(free)):
        for cell in range(starts[finding], starts[finding + 1]):
            campaign = owner[numbers[cell]]
            if campaign >= 0:
                counts[finding, campaign] += 1
            else:
                free[finding] += 1


def members_of(groups: Sequence[I64], orgs: int) -> sp.csr_matrix:
    """1 for each member, shape (groups, organisations).

    Parameters
    ----------
    groups
        Numbers of the members of each group.
    """
    indptr = np.concatenate([[0], np.cumsum([len(group) for group in groups])]).astype(np.int32)
    indices = np.concatenate([*groups, np.zeros(0, np.int64)]).astype(np.int32)
    return sp.csr_matrix((np.ones(len(indices)), indices, indptr), shape=(len(groups), orgs))
