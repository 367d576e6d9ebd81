"""Shapes of real clients, where somebody has a trace of them at hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from analyzer.errors import UsageError
from analyzer.simulate.draws import F64


def client_shapes(folder: Path) -> F64:
    """Relative rates of real clients, mean 1.

    Parameters
    ----------
    folder
        Holds ``servegen_client_rates.npz`` with ``rate_per_s``, shape (clients, windows).

    Raises
    ------
    UsageError
        If it does not.
    """
    path = folder / "servegen_client_rates.npz"
    try:
        rates = np.load(path)["rate_per_s"].astype(np.float64)
    except (OSError, KeyError, ValueError) as error:
        raise UsageError(f"{path}: no trace of client rates ({error}); leave --data out") from error
    mean = rates.mean(axis=1, keepdims=True)
    kept = np.isfinite(rates).all(axis=1) & (mean[:, 0] > 0)
    return np.asarray(rates[kept] / mean[kept])
