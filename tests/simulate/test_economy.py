"""Worlds of random structure: reproducible, valid, true to their labels, and unlike each other."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections import Counter, defaultdict
from functools import cache
from pathlib import Path

import msgspec
import numpy as np
import orjson
import pytest
from click.testing import CliRunner

from analyzer.core.contracts.request_event import RequestEvent
from analyzer.errors import UsageError
from analyzer.simulate.command import simulate
from analyzer.simulate.draws import rng_for
from analyzer.simulate.economy import Economy, economy
from analyzer.simulate.economy.kinds import KINDS
from analyzer.simulate.economy.schedule import SCHEDULERS, Scheduler, assign
from analyzer.simulate.economy.structure import draw_structure

SEEDS = range(8)
DECODER = msgspec.json.Decoder(RequestEvent)


@cache
def tiny(seed: int) -> Economy:
    """Make a small world, once."""
    return economy(seed, accounts=250, days=2.0)


@cache
def events(seed: int) -> list[RequestEvent]:
    """Decode the events of a small world, once."""
    return [DECODER.decode(line) for line in tiny(seed).lines()]


def digest(world: Economy) -> str:
    """Give the hash of all bytes of a world."""
    return hashlib.sha256(b"".join(world.chunks())).hexdigest()


def test_same_seed_same_bytes_in_another_process(tmp_path: Path) -> None:
    """A seed gives the same events and the same truth, whatever PYTHONHASHSEED says."""
    for hash_seed in ("1", "2"):
        subprocess.run(
            [sys.executable, "-m", "analyzer.simulate.economy", "--seed", "3", "--accounts", "250",
             "--days", "2", "--out", str(tmp_path / hash_seed)],
            check=True, env={"PYTHONHASHSEED": hash_seed},
        )  # fmt: skip
    one, two = (
        [(tmp_path / x / name).read_bytes() for name in ("events.ndjson", "truth.json")]
        for x in "12"
    )
    assert one == two
    assert hashlib.sha256(one[0]).hexdigest() == digest(tiny(3))


def test_another_seed_is_another_world() -> None:
    """No two seeds share an account, and their structures differ."""
    accounts = [set(tiny(seed).truth()["labels"]) for seed in SEEDS]  # type: ignore[call-overload] # a dict
    assert sum(map(len, accounts)) == len(set().union(*accounts))


def test_structure_is_drawn() -> None:
    """Worlds differ in who lives there, what producers send and how many operate at once."""
    structures = [draw_structure(rng_for(seed, "economy structure"), 6.0) for seed in range(200)]
    operations = Counter(s.operations for s in structures)
    assert set(range(15)) == set(operations)
    assert 40 < operations[0] + operations[1] < 120
    assert len({s.lacks for s in structures}) > 150
    assert {s.volume_law for s in structures} == {"lognormal", "pareto", "mixed"}
    groups = [
        Counter(g.partition("#")[0] for g in set(tiny(s).world.groups.values())) for s in SEEDS
    ]
    assert len({tuple(sorted(g.items())) for g in groups}) == len(SEEDS)


@pytest.mark.parametrize("seed", SEEDS)
def test_events_are_valid_and_in_order(seed: int) -> None:
    """Each line is a valid request, ids are unique, time never goes back."""
    found = events(seed)
    times = [e.timestamp_ms for e in found]
    assert sorted(times) == times
    assert len(found) == len({e.event_id for e in found}) == len(tiny(seed))
    assert all(e.output_tokens == 0 for e in found if e.status != "ok")
    for e in found:
        assert e.account_created_ms is None or e.account_created_ms <= e.timestamp_ms


@pytest.mark.parametrize("seed", SEEDS)
def test_a_gateway_leaves_out_what_it_lacks(seed: int) -> None:
    """A field that all gateways lack is never sent."""
    lacks = frozenset.intersection(*tiny(seed).world.structure.lacks) - {"schema_version"}
    for e in events(seed):
        assert all(getattr(e, name) is None for name in lacks)


def test_truth_agrees_with_the_events(tmp_path: Path) -> None:
    """Labels, counts and extraction times are those of the events."""
    with_operations = [seed for seed in SEEDS if tiny(seed).operations]
    assert with_operations
    for seed in with_operations:
        world = tiny(seed)
        world.write(tmp_path)
        truth = orjson.loads((tmp_path / "truth.json").read_bytes())
        times = np.load(tmp_path / "extraction_times.npz")
        sent = defaultdict(list)
        for e in events(seed):
            sent[e.account_id].append(e.timestamp_ms)
        assert set(truth["labels"]) == set(sent)
        assert truth["events"] == sum(map(len, sent.values()))
        for campaign in truth["campaigns"]:
            mine = [a for a, x in truth["labels"].items()
                    if f"campaign:{campaign['id']}" in x.split("+")]  # fmt: skip
            assert campaign["accounts"] == len(mine)
            span = times[str(campaign["id"])]
            assert len(span) == campaign["extraction_requests"] <= campaign["requests"]
            assert (np.diff(span) >= 0).all()
            assert span[0] >= truth["start_ms"] + campaign["t0_h"] * 3_600_000 - 1
            assert set(span.tolist()) <= {t for a in mine for t in sent[a]}


def test_groups_are_plain_labels_with_a_number() -> None:
    """A member of an innocent group is labelled with its kind, and its group in a second dict."""
    seen = set()
    for seed in SEEDS:
        truth = tiny(seed).truth()
        labels: dict[str, str] = truth["labels"]  # type: ignore[assignment] # a dict
        groups: dict[str, str] = truth["groups"]  # type: ignore[assignment] # a dict
        assert "#" not in "".join(labels.values())
        for account, group in groups.items():
            kind = group.partition("#")[0]
            seen.add(kind)
            assert labels[account].startswith("reseller:" if kind == "reseller" else kind)
        assert set(labels) - set(groups) == {
            a for a, x in labels.items() if x == "benign" or x.startswith("campaign:")
        }
    assert len(seen) > len(KINDS) / 2


@pytest.mark.parametrize("name", SCHEDULERS)
def test_schedulers_use_their_accounts(name: str) -> None:
    """Every scheduler spreads a long queue over all its accounts, in a way of its own."""
    rng = np.random.default_rng(5)
    time = np.sort(rng.uniform(0, 100, 20_000))
    slot = assign(rng, time, Scheduler(name, lease_h=0.5), 40, np.arange(20_000))
    assert set(range(40)) == set(slot.tolist())


def test_lru_takes_who_waited_longest() -> None:
    """With instant answers, LRU is a strict rotation."""
    rng = np.random.default_rng(5)
    slot = assign(rng, np.arange(60.0), Scheduler("lru", service_s=1e-9), 6, np.arange(60))
    assert (slot[:-6] == slot[6:]).all()


def test_failover_sends_a_limited_prompt_again_on_another_account() -> None:
    """Where a relay fails over, limited prompts come back within a minute elsewhere."""
    moved = 0
    for seed in SEEDS:
        world, r = tiny(seed).world, tiny(seed).requests
        over = {
            relay.operation for relay in world.relays if relay.failover and relay.operation >= 0
        }
        rows = np.isin(r.operation, sorted(over))
        first: dict[int, tuple[int, int]] = {}
        for prompt, account, at, status in zip(
            r.prompt[rows].tolist(), r.account[rows].tolist(), r.ts_ms[rows].tolist(),
            r.status[rows].tolist(), strict=True,
        ):  # fmt: skip
            before = first.get(prompt)
            moved += before is not None and before[0] != account and at - before[1] < 60_000
            if status in {1, 3}:
                first[prompt] = (account, at)
    assert moved > 20


def test_the_command_writes_a_world_with_labels(tmp_path: Path) -> None:
    """The scenario's name is economy; its labels have the form of all scenarios."""
    out = tmp_path / "events.ndjson"
    CliRunner().invoke(
        simulate,
        ["--scenario", "economy", "--seed", "3", "--accounts", "250", "--days", "2",
         "--out", str(out)],
        catch_exceptions=False,
    )  # fmt: skip
    assert hashlib.sha256(out.read_bytes()).hexdigest() == digest(tiny(3))
    assert orjson.loads(out.with_name("events.ndjson.labels.json").read_bytes()) == tiny(3).labels


def test_accounts_go_with_the_economy_only(tmp_path: Path) -> None:
    """Other scenarios say what to give instead."""
    with pytest.raises(UsageError, match="others take --scale"):
        CliRunner().invoke(
            simulate, ["--scenario", "smoke", "--accounts", "99", "--out", str(tmp_path / "x")],
            catch_exceptions=False,
        )  # fmt: skip
