"""Simulated worlds: the same seed gives the same bytes, and the labels tell the truth."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections import Counter, defaultdict
from functools import cache

import msgspec
import numpy as np
import pytest

from analyzer.core.contracts.request_event import RequestEvent
from analyzer.errors import UsageError
from analyzer.simulate import DEFAULT_START_MS, SCENARIOS, World, generate

DAY_MS = 86_400_000
DISORDER_MS = 60_000
DECODER = msgspec.json.Decoder(RequestEvent)


@cache
def tiny(scenario: str) -> World:
    """Make a small world of a scenario, once."""
    return generate(scenario, seed=7, scale=0.06, days=2.0)


@cache
def events(scenario: str) -> list[RequestEvent]:
    """Decode the events of a small world, once."""
    return [DECODER.decode(line) for line in tiny(scenario).lines()]


def digest(world: World) -> str:
    """Give the hash of all bytes of a world."""
    return hashlib.sha256(b"".join(world.chunks())).hexdigest()


def test_same_arguments_same_bytes() -> None:
    """Two worlds of one seed are equal byte for byte, and labels too."""
    first, second = generate("smoke", 3, 0.5), generate("smoke", 3, 0.5)
    assert digest(first) == digest(second)
    assert first.labels == second.labels


def test_other_seed_other_world() -> None:
    """Another seed gives other ids and other times."""
    first, second = generate("smoke", 3, 0.5), generate("smoke", 4, 0.5)
    assert not set(first.labels["campaigns"][0]["accounts"]) & set(
        second.labels["campaigns"][0]["accounts"]
    )


def test_bytes_do_not_depend_on_the_process() -> None:
    """A process with another hash seed makes the same world."""
    code = (
        "import hashlib; from analyzer.simulate import generate;"
        "print(hashlib.sha256(b''.join(generate('smoke', 3, 0.5).chunks())).hexdigest())"
    )
    seen = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            check=True,
            capture_output=True,
            text=True,
        ).stdout.strip()
        for seed in ("1", "2")
    }
    assert seen == {digest(generate("smoke", 3, 0.5))}


def test_start_shifts_everything() -> None:
    """A world that starts a whole week later is the same world, a week later."""
    early = [DECODER.decode(line) for line in generate("smoke", 3, 0.3).lines()]
    later = generate("smoke", 3, 0.3, start_ms=DEFAULT_START_MS + 7 * DAY_MS)
    assert [event.timestamp_ms + 7 * DAY_MS for event in early] == [
        DECODER.decode(line).timestamp_ms for line in later.lines()
    ]


def test_unknown_scenario_names_the_known() -> None:
    """The error of a wrong name lists the right ones."""
    with pytest.raises(UsageError, match=r"no scenario 'nope'.*hydra"):
        generate("nope", 1)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_every_event_keeps_the_contract(scenario: str) -> None:
    """Every line decodes, ids are unique, times lie within the world."""
    found = events(scenario)
    labels = tiny(scenario).labels
    assert labels["requests"] == len(found) == len({event.event_id for event in found})
    assert all(labels["start_ms"] <= e.timestamp_ms < labels["end_ms"] for e in found)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_order_is_kept_within_a_minute(scenario: str) -> None:
    """No event is more than a minute older than one before it, and some are older."""
    latest, lag = 0, []
    for event in events(scenario):
        latest = max(latest, event.timestamp_ms)
        lag.append(latest - event.timestamp_ms)
    assert 0 < max(lag) < DISORDER_MS


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_labels_agree_with_events(scenario: str) -> None:
    """Labelled accounts exist, campaigns don't overlap, and counts add up."""
    labels = tiny(scenario).labels
    per_account = Counter(event.account_id for event in events(scenario))
    assert labels["accounts"] == len(per_account)
    work = [c for c in labels["campaigns"] if c["kind"] == "extraction_campaign"]
    members = [account for campaign in work for account in campaign["accounts"]]
    assert len(members) == len(set(members))
    for campaign in labels["campaigns"]:
        assert campaign["requests"] == sum(per_account[a] for a in campaign["accounts"])
        assert all(per_account[account] for account in campaign["accounts"])
        assert labels["start_ms"] <= campaign["first_ms"] <= campaign["last_ms"]
        assert campaign["last_ms"] < labels["end_ms"]
    for group in labels["lookalikes"]:
        assert all(per_account[account] for account in group["accounts"])
    extraction = sum(campaign["extraction_requests"] for campaign in work)
    assert extraction <= labels["requests"] - labels["benign_requests"]


@pytest.mark.parametrize("scenario", ["quiet", "course", "viral", "campus", "reseller"])
def test_worlds_without_campaign_are_innocent(scenario: str) -> None:
    """Worlds of look-alikes hold no extraction at all."""
    labels = tiny(scenario).labels
    assert labels["requests"] == labels["benign_requests"]
    assert {campaign["kind"] for campaign in labels["campaigns"]} <= {"reseller_pool"}


def test_fields_are_plausible() -> None:
    """Optional fields are missing for some producers and there for most."""
    found = events("hydra")
    share = {
        name: sum(getattr(event, name) is not None for event in found) / len(found)
        for name in ("client_ip", "ip_prefix", "tls_ja4", "payment_ref", "prompt_template_id",
                     "prompt_hash", "prompt_text", "org_id", "max_tokens")
    }  # fmt: skip
    for name in ("client_ip", "tls_ja4", "payment_ref", "prompt_hash", "org_id"):
        assert 0.6 < share[name] < 1, name
    assert all((event.client_ip is None) != (event.ip_prefix is None) for event in found)
    assert 0 < share["prompt_text"] < share["prompt_template_id"] < 1
    served = [event for event in found if event.status == "ok"]
    assert 0.9 < len(served) / len(found) < 1
    assert all(event.output_tokens > 0 for event in served)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_no_account_is_older_than_its_first_request(scenario: str) -> None:
    """Accounts are opened before they are used."""
    assert all((e.account_created_ms or 0) <= e.timestamp_ms for e in events(scenario))


@cache
def shared_out(scenario: str) -> tuple[list[RequestEvent], list[RequestEvent]]:
    """Decode a larger world and part the campaign's events from the innocents'."""
    world = generate(scenario, seed=7, scale=0.3, days=3.0)
    members = set(world.labels["campaigns"][0]["accounts"])
    found = [DECODER.decode(line) for line in world.lines()]
    return (
        [event for event in found if event.account_id in members],
        [event for event in found if event.account_id not in members],
    )


@pytest.mark.parametrize("scenario", ["hydra", "evasive", "residential"])
@pytest.mark.parametrize(
    "name", ["user_agent", "tls_ja4", "model", "temperature", "max_tokens", "operation"]
)
def test_no_field_of_its_own_gives_a_campaign_away(scenario: str, name: str) -> None:
    """What members send in a field, innocents send too."""
    guilty, innocent = shared_out(scenario)
    usual = {getattr(event, name) for event in innocent}
    odd = sum(getattr(event, name) not in usual for event in guilty)
    assert odd <= 0.05 * len(guilty)


@pytest.mark.parametrize("scenario", ["hydra", "evasive", "residential"])
@pytest.mark.parametrize("name", ["client_ip", "prompt_template_id", "user_agent", "event_id"])
def test_no_account_stands_out_alone(scenario: str, name: str) -> None:
    """By its number of addresses, templates, clients or requests a member looks like anybody."""
    guilty, innocent = (distinct(found, name) for found in shared_out(scenario))
    above = sum((g > i) + 0.5 * (g == i) for g in guilty for i in innocent)
    assert 0.12 < above / (len(guilty) * len(innocent)) < 0.88


@pytest.mark.parametrize("scenario", ["hydra", "evasive", "residential"])
def test_answers_are_not_much_longer(scenario: str) -> None:
    """The mean length of answers overlaps with that of innocents."""
    guilty, innocent = (
        np.mean([np.log1p(event.output_tokens) for event in found if event.status == "ok"])
        for found in shared_out(scenario)
    )
    assert abs(guilty - innocent) < 1.3


def distinct(found: list[RequestEvent], name: str) -> list[int]:
    """Count the different values of a field per account with at least five requests."""
    values = defaultdict(set)
    requests = Counter(event.account_id for event in found)
    for event in found:
        values[event.account_id].add(getattr(event, name))
    return [len(values[account]) for account, n in requests.items() if n >= 5]


def test_smoke_has_a_campaign_of_forty() -> None:
    """The world for tests keeps its size."""
    world = generate("smoke", 1)
    assert 10_000 < len(world) < 40_000
    assert len(world.labels["campaigns"][0]["accounts"]) == 40
