"""More than there is room for: memory stays bounded, and what is found stays found."""

from __future__ import annotations

import msgspec
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from analyzer.core.account.step import STATE_VERSION as ACCOUNT_STATE
from analyzer.core.cohort.population import Population
from analyzer.core.config import FIXED_MB, CoreConfig
from analyzer.core.contracts.records import Record
from analyzer.core.contracts.snapshot_codec import unpack
from analyzer.core.contracts.step import StepOutput
from analyzer.core.kernels.hash_sampling import SHARE_OF_ROOM, Admission, may_be_taken
from analyzer.core.kernels.packed_arrays import array_of
from analyzer.core.pipeline import Pipeline
from analyzer.testing.reference_run import raw_batch

PANE_MS = 600_000
START_MS = 1_772_496_000_000
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


@given(KEYS, st.integers(1, 12), st.integers(0, 40), st.integers(0, 2**64 - 1), st.data())
def test_who_can_not_be_taken_is_not_taken(
    numbers: list[int], orgs: int, most: int, salt: int, data: st.DataObject
) -> None:
    """Whatever is known, what comes behind, and of which organisation an account is reckoned.

    The first rows tell already of whom no name is needed.
    """
    accounts = np.array(numbers, np.uint64)
    keys = (accounts % np.uint64(orgs)) * np.uint64(2 * salt + 1 & (2**64 - 1))
    rows, row_keys = np.tile(accounts, 2), np.concatenate([keys, keys[::-1]])
    early = data.draw(st.integers(0, len(rows)))
    held = data.draw(st.integers(0, most))
    known = np.arange(len(accounts)) % 3 == 0
    known &= np.cumsum(known) <= held
    use = np.where(np.arange(len(accounts)) % 2, keys, keys[::-1])
    taken = accounts[Admission().take(use, known, most - held) & ~known]
    may = may_be_taken(rows[:early], row_keys[:early], most)
    told = row_keys[:early] == np.tile(use, 2)[:early]  # else its name comes with that row
    assert not np.isin(taken, rows[:early][told & ~may]).any()
    assert may_be_taken(rows, row_keys, len(accounts)).all()


CONFIG = CoreConfig(memory_mb=FIXED_MB + 2, max_future_s=10**9)
CUSTOMERS = [f"customer-{i}" for i in range(50)]


def _flood(accounts: int = 0, templates: int = 0) -> tuple[Population, StepOutput[Record]]:
    """Fifty customers who come in every pane; from the second on more, all the time.

    Parameters
    ----------
    accounts
        New accounts in each pane, each with a template of its own.
    templates
        New templates of each customer in each pane.
    """
    pipeline, told, offset = Pipeline(CONFIG), StepOutput[Record](), 0
    for pane in range(PANES):
        lines = [_line(pane, name, f"template of {name}") for name in CUSTOMERS]
        more = range(accounts if pane else 0)
        lines += [_line(pane, f"flood-{pane}-{i}", f"template-{pane}-{i}") for i in more]
        for i in range(templates if pane else 0):
            template = f"template-{pane}-{i}-{'long' * 20}"
            lines.extend(_line(pane, name, f"{name}-{template}") for name in CUSTOMERS)
        told += pipeline.feed(0, raw_batch(lines, offset, append_ms=10**13))
        offset += len(lines)
    return pipeline.steps["cohort"][0].windows.population, told


def _line(pane: int, name: str, template: str) -> bytes:
    return msgspec.json.encode(
        {
            "event_id": f"{name}-{pane}-{template}",
            "timestamp_ms": START_MS + pane * PANE_MS,
            "account_id": name,
            "model": "model",
            "input_tokens": 1,
            "output_tokens": 1,
            "status": "ok",
            "prompt_template_id": template,
        }
    )


def test_a_flood_of_accounts_and_templates_stays_in_its_room() -> None:
    """Tables keep to their caps, what was not counted is said, and customers are still exact."""
    population, told = _flood(accounts=500)
    assert len(population.accounts) <= CONFIG.max_accounts < 50 + 500 * (CLOSED - 1)
    assert len(population.pairs) <= CONFIG.max_pairs
    assert told.counts["refused", "accounts"] > 3_000
    names = population.names_of(population.accounts["key"]).texts()
    known = [name.startswith("customer") for name in names]
    assert sum(known) == 50
    assert set(population.accounts["requests"][np.flatnonzero(known)].tolist()) == {CLOSED}


def test_a_flood_of_objects_stays_in_its_room() -> None:
    """Where accounts have room but what they use has not, objects are sampled whole."""
    population, told = _flood(templates=50)
    assert len(population.accounts) == 50
    assert len(population.pairs) <= CONFIG.max_pairs < 50 * 50 * (CLOSED - 1)
    assert told.counts["refused", "pairs"] > 4_000


def test_a_flood_of_names_is_forgotten_but_for_the_accounts() -> None:
    """Objects are shown by number then; who was counted is still called by name."""
    population, _ = _flood(accounts=500, templates=50)
    names = population.names_of(population.accounts["key"])
    assert len(names) == len(population.accounts)
    shown = population.object_texts(np.arange(len(population.objects)))
    assert any(text.startswith("family-") for text in shown)


def test_a_crowded_pane_holds_the_names_of_those_who_may_be_counted() -> None:
    """While it is open already; and who is counted is still called by name."""
    pipeline, accounts, batch = Pipeline(CONFIG), 20 * CONFIG.max_accounts, 100
    for first in range(0, accounts, batch):
        names = [f"{number:0200}" for number in range(first, first + batch)]
        lines = [_line(0, name, "template") for name in names]
        pipeline.feed(0, raw_batch(lines, first, append_ms=10**13))
    (account,) = pipeline.steps["account"]
    held = unpack("account", ACCOUNT_STATE, account.snapshot())["names"]["text"]
    assert 0 < array_of(*held).size < 3 * 200 * CONFIG.max_accounts
    pipeline.finish()
    population = pipeline.steps["cohort"][0].windows.population
    assert len(population.names_of(population.accounts["key"])) == len(population.accounts) > 1
