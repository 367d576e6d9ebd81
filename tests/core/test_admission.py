"""More than there is room for: memory stays bounded, and what is found stays found."""

from __future__ import annotations

import msgspec
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from analyzer.core.cohort.population import Population
from analyzer.core.config import CoreConfig
from analyzer.core.contracts.records import Record
from analyzer.core.contracts.step import StepOutput
from analyzer.core.kernels.hash_sampling import SHARE_OF_ROOM, Admission
from analyzer.core.pipeline import Pipeline
from analyzer.testing.reference_run import raw_batch

PANE_MS = 600_000
PANES, CLOSED = 12, 10
"""The last two stay open: their end lies within the lateness."""
KEYS = st.lists(st.integers(0, 2**64 - 1), max_size=200, unique=True)


@given(KEYS, st.integers(0, 300))
def test_the_known_are_counted_and_the_new_have_room(numbers: list[int], room: int) -> None:
    """Every known key is taken; of the new ones at most an eighth of the room."""
    keys = np.array(numbers, np.uint64)
    known = keys % np.uint64(3) == 0
    taken = Admission().take(keys, known, room)
    assert taken[known].all()
    assert SHARE_OF_ROOM * (taken & ~known).sum() <= room


@given(KEYS, st.integers(0, 300))
def test_who_is_refused_does_not_depend_on_the_others(numbers: list[int], room: int) -> None:
    """The same key is taken again, alone or in any company, while the share stays the same."""
    keys, unknown = np.array(numbers, np.uint64), np.zeros(len(numbers), np.bool_)
    admission = Admission()
    taken = admission.take(keys, unknown, room)
    alone = [bool(admission.take(keys[i : i + 1], unknown[:1], 8)[0]) for i in range(len(keys))]
    assert taken.tolist() == alone


def _flood(
    config: CoreConfig, accounts_a_pane: int, panes: int
) -> tuple[Population, StepOutput[Record]]:
    """Fifty customers who come in every pane, and new accounts with new templates all the time."""
    pipeline, told, offset = Pipeline(config), StepOutput[Record](), 0
    for pane in range(panes):
        names = [f"customer-{i}" for i in range(50)]
        names += [f"flood-{pane}-{i}" for i in range(accounts_a_pane if pane else 0)]
        lines = [_line(pane, name) for name in names]
        told += pipeline.feed(0, raw_batch(lines, offset, append_ms=10**13))
        offset += len(lines)
    return pipeline.steps["cohort"][0].windows.population, told


def _line(pane: int, name: str) -> bytes:
    return msgspec.json.encode(
        {
            "event_id": f"{name}-{pane}",
            "timestamp_ms": 200 * PANE_MS + pane * PANE_MS,
            "account_id": name,
            "model": "model",
            "input_tokens": 1,
            "output_tokens": 1,
            "status": "ok",
            "prompt_template_id": f"template of {name}",
        }
    )


def test_a_flood_of_accounts_and_templates_stays_in_its_room() -> None:
    """Tables keep to their caps, what was not counted is said, and customers are still exact."""
    config = CoreConfig(max_accounts=400, max_pairs=1_000, max_future_s=10**9)
    population, told = _flood(config, accounts_a_pane=500, panes=PANES)
    assert len(population.accounts) <= 400
    assert len(population.pairs) <= 1_000
    assert told.counts["refused", "accounts"] > 4_000
    names = population.names_of(population.accounts["key"]).texts()
    known = [name.startswith("customer") for name in names]
    assert sum(known) == 50
    assert set(population.accounts["requests"][np.flatnonzero(known)].tolist()) == {CLOSED}


def test_a_flood_of_objects_stays_in_its_room() -> None:
    """Where accounts have room but what they use has not, objects are sampled whole."""
    config = CoreConfig(max_accounts=100_000, max_pairs=1_000, max_future_s=10**9)
    population, told = _flood(config, accounts_a_pane=500, panes=PANES)
    assert len(population.accounts) == 50 + 500 * (CLOSED - 1)
    assert len(population.pairs) <= 1_000
    assert told.counts["refused", "pairs"] > 4_000
