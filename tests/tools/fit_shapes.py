"""Fit the numbers of ``analyzer.simulate.shapes`` to the public traces.

Run as ``python tests/tools/fit_shapes.py DIR`` where DIR holds ``servegen_client_rates.npz``
(alibaba/ServeGen, Apache-2.0) and ``azure_llm_2023_{conv,code}.csv.gz``
(Azure/AzurePublicDataset, CC-BY-4.0). Prints the numbers; writes nothing.
"""

from __future__ import annotations

import argparse
import csv
import gzip
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.vq import kmeans2

F64 = NDArray[np.float64]


def day_profiles(rate_per_s: F64, clusters: int = 4) -> tuple[F64, F64]:
    """Centres of the normalised daily profiles and the share of clients at each.

    Parameters
    ----------
    rate_per_s
        Rates in 2,016 windows of ten minutes, shape (clients, 2016).
    clusters
        How many centres.
    """
    busy = rate_per_s[(rate_per_s > 0).mean(axis=1) > 0.3]
    hourly = busy.reshape(len(busy), 14, 24, 6).mean(axis=(1, 3))
    hourly /= hourly.sum(axis=1, keepdims=True)
    centres, member = kmeans2(hourly, clusters, seed=1, minit="++")
    return centres * 24, np.bincount(member, minlength=clusters) / len(member)


def log_moments(path: Path) -> F64:
    """Mean and standard deviation of log(1 + tokens), rows input and output."""
    with gzip.open(path, "rt", newline="") as file:
        rows = list(csv.reader(file))[1:]
    tokens = np.array([[float(cell) for cell in row[1:3]] for row in rows])
    return np.column_stack([np.log1p(tokens).mean(axis=0), np.log1p(tokens).std(axis=0)])


def main() -> None:
    """Print every number with the name it has in the package."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("traces", type=Path)
    traces: Path = parser.parse_args().traces
    rates = np.load(traces / "servegen_client_rates.npz")["rate_per_s"].astype(np.float64)
    rates = rates[rates.mean(axis=1) > 0]
    centres, shares = day_profiles(rates)
    print("day profiles, by hour:", centres.round(3).tolist())
    print("share of clients at each:", shares.round(3).tolist())
    daily = rates.reshape(len(rates), 14, 144).mean(axis=2)
    daily /= daily.mean(axis=1, keepdims=True)
    print("spread of the days of a client:", np.log(daily[daily > 0]).std().round(3))
    for kind in ("conv", "code"):
        moments = log_moments(traces / f"azure_llm_2023_{kind}.csv.gz")
        print(
            f"{kind}: mean and deviation of log(1 + tokens), in and out:", moments.round(3).tolist()
        )


if __name__ == "__main__":
    main()
