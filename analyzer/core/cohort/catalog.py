"""The one list of signals. A new signal is one file and one line here."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from typing import Protocol, cast

import numpy as np
from numpy.typing import NDArray

from analyzer.core.cohort.selection import Cohorts


class Signal(Protocol):
    """A module of :mod:`analyzer.core.cohort.signals`; its contract is told there."""

    @property
    def NAME(self) -> str:  # noqa: N802 - a constant of the module
        """Stable name in alerts and settings."""

    @property
    def FAMILY(self) -> str:  # noqa: N802 - a constant of the module
        """Kind of evidence; ``against`` speaks for innocence."""

    @property
    def UNIT(self) -> str:  # noqa: N802 - a constant of the module
        """Unit of the raw measure behind the value."""

    @property
    def MEANING(self) -> str:  # noqa: N802 - a constant of the module
        """What a high value says, in words for a person."""

    @property
    def NEEDS(self) -> tuple[tuple[str, ...], ...]:  # noqa: N802 - a constant of the module
        """Optional fields of an event without which it is blind: of each group, at least one."""

    @property
    def measure(self) -> Callable[[Cohorts], NDArray[np.float64]]:
        """One value in [0, 1] or NaN per cohort."""


FILES: tuple[str, ...] = (
    "balance",
    "entanglement",
    "private_blocks",
    "rotation",
    "clients",
    "creation",
    "payment",
    "first_seen",
    "hand_over",
    "synchrony",
    "pivot",
    "narrowness",
    "co_templates",
    "work_queue",
    "output_length",
    "params",
    "one_block",
    "popular",
    "many_templates",
    "repeated_items",
)
"""Modules of :mod:`analyzer.core.cohort.signals`; their order is that of all vectors."""
SIGNALS: tuple[Signal, ...] = tuple(
    cast("Signal", importlib.import_module(f"analyzer.core.cohort.signals.{name}"))
    for name in FILES
)
NAMES: tuple[str, ...] = tuple(signal.NAME for signal in SIGNALS)
FAMILIES: tuple[str, ...] = tuple(signal.FAMILY for signal in SIGNALS)
AGAINST = "against"


def in_order(vectors: NDArray[np.float64], names: Sequence[str]) -> NDArray[np.float64]:
    """Vectors of signals of these names as the catalog orders them.

    What was saved by another version, or comes from a worker of another version, has other
    signals: those that the catalog lacks are left out, and those that it has more are unknown.

    Parameters
    ----------
    vectors
        Shape (n, names).

    Returns
    -------
    ndarray
        Shape (n, signals); NaN where a signal is not among the names.
    """
    if tuple(names) == NAMES:
        return vectors
    known = {name: column for column, name in enumerate(names)}
    found = np.full((len(vectors), len(NAMES)), np.nan)
    for column, name in enumerate(NAMES):
        if name in known:
            found[:, column] = vectors[:, known[name]]
    return found


def measure_all(cohorts: Cohorts) -> NDArray[np.float64]:
    """All signals of all cohorts, shape (cohorts, signals)."""
    return np.stack([signal.measure(cohorts) for signal in SIGNALS], axis=1)
