"""A dense world is measured step by step and day by day."""

from __future__ import annotations

import pytest

from analyzer.bench import dense
from analyzer.bench.command import of_world
from analyzer.bench.timing import Run
from analyzer.settings import Settings


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Two days of a small world."""
    path = tmp_path_factory.mktemp("dense") / "events.ndjson"
    dense.write(2.0, path, accounts=80)
    lines = len(path.read_bytes().splitlines())
    found = dense.measure("small", path, Settings())
    assert found.events == lines
    return found


def test_each_step_has_its_share(run: Run) -> None:
    """Of all that the steps take; what is kept is told as well."""
    shares = [value for name, value in run.extra.items() if name.endswith("_share")]
    assert len(shares) == 4
    assert sum(shares) == pytest.approx(1.0, abs=0.01)
    assert run.extra["state_bytes_per_account"] > 0


def test_what_was_not_measured_is_told_as_unknown(run: Run) -> None:
    """Peers that are not there, and a live worker that did not run."""
    replay = Run("replay", 10, 2.0, 5.0, 30.0)
    bare = Run("bare msgspec decoding", 10, 1.0, 10.0, 1.0)
    found = of_world([bare, replay, run])
    assert (found["replay_cpu_us"], found["replay_over_msgspec"]) == (30.0, 0.5)
    assert (found["live_over_bare"], found["replay_cpu_over_duckdb"]) == (None, None)
    assert set(found["step_shares"]) == {"ingest", "account", "cohort", "campaign"}
