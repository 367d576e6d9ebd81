"""Fit the fusion's weights to cohorts recorded by ``collect_cohorts.py``.

    python tests/tools/fit_fusion.py OUT.json ROWS.npz…

Two non-negative logistic models (with and without identity). A cohort is positive if at least
70 % of its organisations belong to one extraction campaign and negative if less than 20 % do;
mixtures are left out. Every (group, window, kind) weighs the same. A ridge holds the weights
near 1, so that no signal of this simulator is trusted alone. The bias is set so that the
greatest score of an innocent cohort in the recorded worlds lies a margin below one half.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from analyzer.core.cohort.catalog import AGAINST, FAMILIES, NAMES
from analyzer.core.cohort.fusion import FAMILIES_NEEDED, SIGNS, strong_families

F64 = NDArray[np.float64]

RIDGE = 0.02
MARGIN = 0.35
LEAST = 0.3


def load(paths: list[str]) -> dict[str, Any]:
    """All rows of all files: features, truth, group."""
    features, positive, groups, weights_key = [], [], [], []
    for path in paths:
        data = dict(np.load(path, allow_pickle=False))
        if "features" not in data:
            continue
        names = [str(name) for name in data["groups"]]
        campaign = np.array([name.startswith("campaign:") for name in names])
        share = data["share"]
        crooked = (share * campaign).max(axis=1) if campaign.any() else np.zeros(len(share))
        best = share.argmax(axis=1)
        for i in range(len(share)):
            if 0.2 <= crooked[i] < 0.7:
                continue
            group = names[best[i]] if share[i, best[i]] >= 0.3 else f"object:{data['object'][i]}"
            features.append(data["features"][i])
            positive.append(crooked[i] >= 0.7)
            groups.append(f"{Path(path).stem}|{group}")
            weights_key.append((groups[-1], int(data["window_s"][i]), int(data["kind"][i])))
    counts = Counter(weights_key)
    return {
        "x": np.nan_to_num(np.array(features)),
        "y": np.array(positive),
        "group": np.array(groups),
        "weight": np.array([1 / counts[key] for key in weights_key]),
    }


def fit(x: F64, y: NDArray[np.bool_], weight: F64, use: NDArray[np.bool_]) -> tuple[F64, float]:
    """Non-negative weights (0 where a signal is not used) and bias of one model."""
    signed = x * SIGNS * use
    weight = np.where(y, weight / weight[y].sum(), weight / weight[~y].sum())
    target = np.where(y, 1.0, -1.0)

    def loss(p: F64) -> tuple[float, F64]:
        margin = target * (signed @ p[:-1] + p[-1])
        value = float((weight * np.logaddexp(0, -margin)).sum())
        slope = -weight * target / (1 + np.exp(margin))
        ridge = RIDGE * (p[:-1] - 1.5)
        gradient = np.append(signed.T @ slope + ridge, slope.sum())
        return value + RIDGE / 2 * float(((p[:-1] - 1.5) ** 2).sum()), gradient

    against = np.array([family == AGAINST for family in FAMILIES])
    bounds = [
        (0.0 if a else LEAST, 8.0) if u else (0.0, 0.0) for u, a in zip(use, against, strict=True)
    ]
    found = minimize(
        loss, np.append(use * 1.5, -3.0), jac=True, bounds=[*bounds, (-20, 20)], method="L-BFGS-B"
    )
    return found.x[:-1] * use, float(found.x[-1])


def main(out: str, *paths: str) -> None:
    """Fit, set the bias, write, and say how it went."""
    data = load(list(paths))
    x, y = data["x"], data["y"]
    eligible = strong_families(x) >= FAMILIES_NEEDED
    identity = np.array([family in ("identity", "client") for family in FAMILIES])
    models = []
    for use in (np.ones(len(NAMES), np.bool_), ~identity):
        weights, bias = fit(x, y, data["weight"], use)
        raw = (x * SIGNS) @ weights
        innocent = raw[~y & eligible]
        bias = -float(np.quantile(innocent, QUANTILE)) - MARGIN
        models.append(
            {
                "bias": round(bias, 3),
                "weights": {
                    n: round(float(w), 3) for n, w in zip(NAMES, weights, strict=True) if w
                },
            }
        )
        found = (raw + bias > 0) & eligible
        bad = zip(raw[~y & eligible], data["group"][~y & eligible], strict=True)
        worst = sorted({(round(float(r + bias), 2), g) for r, g in bad}, reverse=True)[:12]
        print(f"bias {bias:.2f}: {found[y].mean():.3f} of {y.sum()} cohorts of campaigns found,")
        print(f"   and {found[~y].sum()} of {(~y).sum()} innocent ones")
        for group in sorted(set(data["group"][y])):
            mine = data["group"] == group
            print(f"   {found[mine & y].mean():.2f} {int((mine & y).sum()):5d} {group}")
        for value, group in worst:
            print("   worst", value, group)
    Path(out).write_text(
        json.dumps({"version": "fit-1", "models": models}, indent=2) + "\n", "utf-8"
    )


QUANTILE = 1.0

if __name__ == "__main__":
    main(*sys.argv[1:])
