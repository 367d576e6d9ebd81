"""The softmax over kinds of groups: ships fitted, scores readings of campaigns.

``analyzer fit`` makes ``kinds.json`` again from simulated worlds.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.resources import files
from typing import Self

import numpy as np
from numpy.typing import NDArray

from analyzer.core.campaign.measure import FEATURES
from analyzer.core.contracts.records import AlertKind

F64 = NDArray[np.float64]

CLIP = 4.0
"""Standardised features count up to so many deviations."""
BEND = 0.5
WINDOWS_S = (3_600, 21_600, 86_400, 259_200)
"""Windows that the model knows; another counts as the nearest."""
OPERATION = "extraction_campaign"
RAISES = (
    "entanglement", "private_blocks", "rotation", "client_homogeneity", "creation_scan",
    "payment_sharing", "hand_over", "pivot", "work_queue", "output_length", "params_homogeneity",
    "narrowness", "balance", "synchrony", "spec_long", "all_long", "pay_any",
)  # fmt: skip
"""More of these never makes an operation less likely."""
LOWERS = (
    "one_block", "repeated_items", "spec_repeat", "all_repeat", "over_spec", "top_block",
    "diversity", "many_templates", "alone_work",
)  # fmt: skip
"""More of these never makes it more likely."""


@dataclass(frozen=True)
class KindModel:
    """Fitted weights of the softmax over kinds.

    Reference: Bishop (2006), Pattern Recognition and Machine Learning, section 4.3.4.
    """

    version: str
    kinds: tuple[str, ...]
    classes: tuple[AlertKind, ...]
    """Shape (kinds,): the alert kind that each kind of group belongs to."""
    mean: F64
    scale: F64
    """Shape (features,), of :data:`FEATURES`; a feature that the fit did not know has scale
    infinity, so that it weighs nothing."""
    weights: F64
    """Shape (columns, kinds), see :meth:`columns`."""

    @classmethod
    def shipped(cls) -> Self:
        """The weights that come with the package."""
        return cls.of(json.loads((files("analyzer.core.campaign") / "kinds.json").read_text()))

    @classmethod
    def of(cls, raw: Mapping[str, object]) -> Self:
        """The model in a parsed file: features are found by name."""
        names: list[str] = list(raw["features"])  # type: ignore[call-overload]
        at = {name: i for i, name in enumerate(names)}
        known = np.array([at.get(name, -1) for name in FEATURES])
        fitted = np.array(raw["weights"], np.float64)
        n, total = len(names), len(FEATURES)
        weights = np.zeros((3 * total + len(WINDOWS_S) + 1, fitted.shape[1]))
        for part in range(3):
            rows = np.flatnonzero(known >= 0)
            weights[part * total + rows] = fitted[part * n + known[rows]]
        weights[3 * total :] = fitted[3 * n :]
        mean = np.array(raw["mean"], np.float64)
        scale = np.array(raw["scale"], np.float64)
        return cls(
            version=str(raw["version"]),
            kinds=tuple(raw["kinds"]),  # type: ignore[arg-type]
            classes=tuple(raw["classes"]),  # type: ignore[arg-type]
            mean=np.where(known >= 0, mean[known], 0.0),
            scale=np.where(known >= 0, scale[known], np.inf),
            weights=weights,
        )

    def with_weights(self, weights: F64) -> Self:
        """The same with other weights, of the same shape."""
        return replace(self, weights=weights)

    def columns(self, features: F64, window_s: int) -> F64:
        """Columns of the linear model, shape (n, columns).

        Each feature standardised and clipped, its part above ½ and below −½ deviations, the
        window as one of four, and a constant. What is unknown is 0.
        """
        return columns_of(features, self.mean, self.scale, window_s)

    def probabilities(self, features: F64, window_s: int) -> F64:
        """Probability of each kind, shape (n, kinds), rows add up to 1."""
        logits = self.columns(features, window_s) @ self.weights
        logits -= logits.max(axis=1, keepdims=True)
        odds = np.exp(logits)
        return np.asarray(odds / odds.sum(axis=1, keepdims=True))

    def extraction(self, probabilities: F64) -> F64:
        """Probability that it is an operation, shape (n,)."""
        mask = np.array([c == OPERATION for c in self.classes])
        return np.asarray(probabilities[:, mask].sum(axis=1))


def columns_of(features: F64, mean: F64, scale: F64, window_s: int) -> F64:
    """See :meth:`KindModel.columns`."""
    z = ((features - mean) / scale).clip(-CLIP, CLIP)
    z = np.where(np.isnan(z), 0.0, z)
    nearest = int(np.argmin(np.abs(np.log(np.array(WINDOWS_S) / window_s))))
    window = np.zeros((len(z), len(WINDOWS_S)))
    window[:, nearest] = 1.0
    bent = np.maximum(z - BEND, 0.0), np.maximum(-BEND - z, 0.0)
    return np.concatenate([z, *bent, window, np.ones((len(z), 1))], axis=1)


def bounds_of(classes: Sequence[AlertKind]) -> tuple[F64, F64]:
    """Least and greatest weight of each column and kind, each of shape (columns, kinds).

    A feature of :data:`RAISES` never makes an operation less likely, one of :data:`LOWERS` never
    more; the part of it below −½ deviations has the other sign.
    """
    n = len(FEATURES)
    sign = np.zeros((3 * n + len(WINDOWS_S) + 1, 1))
    for names, direction in ((RAISES, 1.0), (LOWERS, -1.0)):
        for name in names:
            i = FEATURES.index(name)
            sign[[i, n + i]], sign[2 * n + i] = direction, -direction
    toward = sign * np.array([1.0 if kind == OPERATION else -1.0 for kind in classes])
    return np.where(toward > 0, 0.0, -np.inf), np.where(toward < 0, 0.0, np.inf)
