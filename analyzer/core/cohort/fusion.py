"""Fusion: from the signals of a cohort to one score, and what must hold beside it.

Two non-negative logistic models, one with all signals and one without identity (which an
operator evades by ageing accounts and buying cards one by one). A cohort is a hit if either
passes the threshold **and** at least two families of evidence are strong. The weights are kept
in ``fusion.json`` by the names of the signals.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from analyzer.core.cohort.catalog import AGAINST, FAMILIES, NAMES
from analyzer.core.contracts.calibration import Calibration

F64 = NDArray[np.float64]

STRONG = 0.35
FAMILIES_NEEDED = 2
OUTSIDE = "outside"
"""Family of what is known from elsewhere: a watermark, a partner, a model's fingerprint."""
OUTSIDE_NATS = 2.0
"""What sure outside evidence adds to the log-odds: as much as a heavy signal."""


@dataclass(frozen=True, slots=True)
class Fusion:
    """Weights of the two models; evidence counts up, ``against`` counts down."""

    version: str
    weights: F64
    """Shape (2, signals), all ≥ 0: with and without identity."""
    bias: F64
    """Shape (2,)."""

    @classmethod
    def shipped(cls) -> Self:
        """The weights that come with the package."""
        models = _SHIPPED["models"]
        return cls(
            version=_SHIPPED["version"],
            weights=np.array([[m["weights"].get(name, 0.0) for name in NAMES] for m in models]),
            bias=np.array([m["bias"] for m in models]),
        )

    def score(self, features: F64, outside: F64 | float = 0.0) -> F64:
        """Fused score of each cohort in [0, 1], shape (cohorts,); unknown signals count 0.

        ``outside`` is outside evidence in [-1, 1], below 0 for innocence, shape (cohorts,).
        """
        known = _known(features)
        logits = (known * SIGNS) @ self.weights.T + self.bias
        return np.asarray(1 / (1 + np.exp(-logits.max(axis=1) - OUTSIDE_NATS * outside)))

    def contributions(self, features: F64) -> F64:
        """What each signal adds to the log-odds of the greater model; shape (signals,)."""
        known = _known(features) * SIGNS
        best = int(np.argmax(self.weights @ known + self.bias))
        return np.asarray(known * self.weights[best])


_SHIPPED: dict[str, Any] = json.loads(
    (files("analyzer.core.cohort") / "fusion.json").read_text("utf-8")
)
_WEIGHED = {name for model in _SHIPPED["models"] for name in model["weights"]}
FITTED: tuple[str, ...] = tuple(name for name in NAMES if name in _WEIGHED)
"""Signals that were there when the weights were fitted, by name. Another one is measured and shown,
but neither counts as evidence nor is learned by a model, until the weights are fitted again."""
FITTED_COLUMNS = [NAMES.index(name) for name in FITTED]
SIGNS = np.array([-1.0 if family == AGAINST else 1.0 for family in FAMILIES])
_MEMBERSHIP = {
    family: np.array(
        [f == family and name in FITTED for name, f in zip(NAMES, FAMILIES, strict=True)]
    )
    for family in dict.fromkeys(FAMILIES)
}
_EVIDENCE = np.stack([mask for family, mask in _MEMBERSHIP.items() if family != AGAINST], axis=1)
"""Shape (signals, families): which signals are of each family of evidence."""


def _known(features: F64) -> F64:
    """The features, 0 where one is unknown."""
    return np.where(np.isnan(features), 0.0, features)


def unfitted(calibration: Calibration) -> list[str]:
    """Signals that weigh nothing, or less than they will: newer than weights or calibration.

    They are measured, and shown behind all that weigh. ``analyzer fit`` makes new weights,
    ``analyzer calibrate`` a new calibration.
    """
    return [name for name in NAMES if name not in FITTED or name not in calibration.signals]


def strong_families(features: F64, outside: F64 | float = 0.0) -> NDArray[np.int64]:
    """How many families have a signal ≥ ``STRONG``, shape (cohorts,); ``outside`` is one."""
    strong = (features >= STRONG) @ _EVIDENCE
    return np.asarray(strong.sum(axis=1) + (np.asarray(outside) >= STRONG))


def strong_names(features: F64, outside: float = 0.0) -> set[str]:
    """The families counted by :func:`strong_families` for one vector, by name."""
    known = _known(features)
    names = {family for family, mask in _MEMBERSHIP.items() if (known[mask] >= STRONG).any()}
    return (names | ({OUTSIDE} if outside >= STRONG else set())) - {AGAINST}
