"""Medians, means and percentiles in compiled passes are numpy's, to the last bit."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

from analyzer.core.campaign.measure import cohorts_of
from analyzer.core.campaign.peers import PEERS, beyond_peers
from analyzer.core.contracts.object_kind import Kind
from analyzer.core.kernels.order_statistics import mean, median, medians, total
from analyzer.testing.made_windows import Request, day

SIZES = (1, 2, 7, 8, 9, 127, 128, 129, 255, 256, 257, 1_000, 1_031, 4_099)


@pytest.mark.parametrize("size", SIZES)
def test_means_and_medians_are_numpys(size: int) -> None:
    """Whatever the number of values: it decides in which order they are added."""
    for scale in (1e-3, 1.0, 1e6):
        values = np.random.default_rng(size).random(size) * scale
        assert mean(values) == values.mean()
        assert total(values) == np.tile(values, (3, 1)).sum(axis=1)[1]
        assert median(values) == np.median(values)


def test_medians_of_groups() -> None:
    """Each group has the median of its members; one without members has 0."""
    rng = np.random.default_rng(3)
    members = sp.csr_matrix(rng.random((9, 50)) < np.arange(9)[:, None] / 9)
    values = rng.random(50)
    expected = [np.median(values[row.indices]) if row.nnz else 0.0 for row in members]
    assert medians(members, values).tolist() == expected


def _spread(volume: np.ndarray) -> float:
    low, high = np.percentile(volume, (16, 84))
    return float(high - low) / 2


def test_members_are_compared_with_the_other_users_of_their_client() -> None:
    """Length and spread against numpy's; unknown with too few others, or without a client."""
    rng = np.random.default_rng(8)
    n = 300
    client, amount = rng.integers(0, 3, n), rng.integers(1, 30, n)
    client[:4] = 3
    longs = rng.integers(1, 9_000_000, n).tolist()
    made = day(
        Request(org + 1, ((Kind.TLS, 16 * int(client[org])),), part, log_output=longs[org])
        for org in range(n)
        for part in range(int(amount[org]))
    )
    of_org = made.of_orgs("key").argsort()  # the number of each organisation in the window
    wanted = np.array([0, 1, 2, 3, -1])
    chosen = [np.sort(rng.choice(n, size, replace=False)) for size in (5, 40, 133, 6, 30)]
    groups = cohorts_of(made, [np.sort(of_org[orgs]) for orgs in chosen])
    usage = made.usage(Kind.TLS)
    hashes = made.population.objects["hash"][usage.objects]
    column = np.array([int(np.flatnonzero(hashes == 16 * w)[0]) if w >= 0 else -1 for w in wanted])
    longer, wider = beyond_peers(groups, usage, column)
    volume = np.log(made.totals[:, 0].astype(np.float64))
    for group in range(3):
        mine = np.sort(of_org[chosen[group]])
        peers = np.setdiff1d(np.sort(of_org[client == wanted[group]]), mine)
        assert len(peers) >= PEERS
        difference = made.log_output[mine].mean() - made.log_output[peers].mean()
        assert longer[group] == difference / made.usual_output[1]
        assert wider[group] == _spread(volume[mine]) - _spread(volume[peers])
    assert np.isnan(longer[3:]).all()
    assert np.isnan(wider[3:]).all()
