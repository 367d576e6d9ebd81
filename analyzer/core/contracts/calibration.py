"""What innocent cohorts of each sort look like: the file, and how far it is believed.

A sort (stratum) is the kind of the defining object, whether only newcomers are meant, and a
class of size. Means are over cohorts; what they rest on is counted in objects, since cohorts of
one object repeat each other.

The file is made by ``analyzer calibrate`` from a provider's own history; what ships with the
package comes from simulated innocent worlds (``analyzer fit``).
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files
from typing import Annotated, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from analyzer.core.contracts.cohort_columns import FACTS, CohortColumns
from analyzer.core.contracts.object_kind import Kind

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]

KINDS = (Kind.TEMPLATE, Kind.BLOCK, Kind.PAYMENT, Kind.TLS, Kind.AGENT, Kind.GRAPH)
SIZES = (8, 16, 32, 64, 128)
"""Least organisations of each class of size; what is smaller belongs to the first."""
STRATA = len(KINDS) * 2 * len(SIZES)
HIGH = 0.95
"""Quantile that ``high`` tells."""
ENOUGH = 1_000.0
"""Objects from which a stratum speaks for itself; what it lacks, it borrows from all of its kind,
and what these lack, from all kinds."""

Share = Annotated[float, Field(ge=0, le=1)]


class Stratum(BaseModel):
    """Innocent cohorts of one sort."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["template", "block", "payment", "tls", "agent", "graph"]
    newcomers: Literal[0, 1]
    size: Literal[8, 16, 32, 64, 128]
    objects: int = Field(ge=1)
    """Different objects that the cohorts are of."""
    suspicion: float = Field(ge=0, allow_inf_nan=False)
    """Mean over the cohorts of :attr:`analyzer.core.campaign.decision.Judged.suspicion`."""
    mean: tuple[Share | None, ...]
    """Mean of each signal; None where it was never known."""
    high: tuple[Share | None, ...]
    """What one cohort in twenty exceeds of each signal; None as above."""

    @property
    def number(self) -> int:
        """Which stratum it is, in [0, STRATA)."""
        at = KINDS.index(Kind[self.kind.upper()])
        return (at * 2 + self.newcomers) * len(SIZES) + SIZES.index(self.size)


class Calibration(BaseModel):
    """A file of innocent history."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Literal["calibration-1"]
    fusion: str
    """Version of the weights that the suspicion was worked out with."""
    signals: tuple[str, ...]
    """What the columns of ``mean`` and ``high`` are called."""
    strata: tuple[Stratum, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _columns_are_complete(self) -> Self:
        for stratum in self.strata:
            if {len(stratum.mean), len(stratum.high)} != {len(self.signals)}:
                raise ValueError(f"strata: each needs {len(self.signals)} means and highs")
        if len({stratum.number for stratum in self.strata}) < len(self.strata):
            raise ValueError("strata: one of them is listed twice")
        return self

    @classmethod
    def shipped(cls) -> Self:
        """The one that comes with the package."""
        return cls.model_validate_json(
            (files("analyzer.core.contracts") / "calibration.json").read_bytes()
        )


def strata_of(cohorts: CohortColumns) -> I64:
    """Stratum of each cohort in [0, STRATA), shape (cohorts,); of an account alone, some."""
    order = np.zeros(max(Kind) + 1, np.int64)
    order[list(KINDS)] = np.arange(len(KINDS))
    size = np.digitize(cohorts.facts[:, FACTS.index("organisations")], SIZES[1:])
    return np.asarray((order[cohorts.kind] * 2 + cohorts.newcomers) * len(SIZES) + size)


def strata_of_groups(size: F64) -> I64:
    """Stratum of groups that no single object defines, by their organisations; shape (n,)."""
    order = KINDS.index(Kind.GRAPH)
    return np.asarray(order * 2 * len(SIZES) + np.digitize(size, SIZES[1:]))


def borrowed(objects: F64, values: F64) -> tuple[F64, F64]:
    """Objects and means of every stratum, with what thin ones borrow.

    Parameters
    ----------
    objects
        Objects of each stratum, shape (STRATA,).
    values
        Means of each stratum, shape (STRATA, columns); NaN where unknown.

    Returns
    -------
    tuple
        How many objects each stratum rests on then, shape (STRATA,), and its means, shape
        (STRATA, columns); 0 where no stratum at all knows.
    """
    own = np.where(np.isnan(values), 0.0, objects[:, None])
    total = np.nan_to_num(values) * own
    weight, mean = own, total
    for whole in (2 * len(SIZES), STRATA):
        known, everything = _sums(own, whole), _sums(total, whole)
        lent = np.clip(ENOUGH - weight, 0.0, known)
        mean = mean + lent * everything / np.maximum(known, 1.0)
        weight = weight + lent
    return weight[:, 0], mean / np.maximum(weight, 1.0)


def _sums(values: F64, whole: int) -> F64:
    """Sums of each column over groups of so many strata, given to every stratum of the group."""
    sums = values.reshape(-1, whole, values.shape[1]).sum(axis=1)
    return np.repeat(sums, whole, axis=0)


def fitted(
    cohorts: CohortColumns, suspicion: F64, names: Sequence[str], fusion: str
) -> Calibration:
    """The calibration of these innocent cohorts.

    Parameters
    ----------
    suspicion
        Of each cohort, ≥ 0; shape (cohorts,).
    names
        Signals that are the columns of the features.
    fusion
        Version of the weights behind the suspicion.
    """
    strata = strata_of(cohorts)
    return Calibration(
        version="calibration-1",
        fusion=fusion,
        signals=tuple(names),
        strata=tuple(
            _stratum(number, cohorts.take(mine), suspicion[mine])
            for number in np.unique(strata).tolist()
            for mine in [strata == number]
        ),
    )


def _stratum(number: int, cohorts: CohortColumns, suspicion: F64) -> Stratum:
    rest, size = divmod(number, len(SIZES))
    known = [column[~np.isnan(column)] for column in cohorts.features.T]
    return Stratum.model_validate(
        {
            "kind": KINDS[rest // 2].name.lower(),
            "newcomers": rest % 2,
            "size": SIZES[size],
            "objects": len(np.unique(cohorts.object)),
            "suspicion": float(f"{suspicion.mean():.4g}"),
            "mean": [round(float(x.mean()), 4) if len(x) else None for x in known],
            "high": [round(float(np.quantile(x, HIGH)), 4) if len(x) else None for x in known],
        }
    )
