"""A season of traffic as the largest published campaign left it, at its own size.

25,000 accounts work off 16 million prompts in 45 days, among four times as much and a little more
from ordinary customers. Piped into a replay:
``python -m analyzer.bench.season | analyzer replay - --out DIR``.
It is a load with a known answer, not a test of detection: for that see ``analyzer simulate``.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

I64 = NDArray[np.int64]
F64 = NDArray[np.float64]

DAY_MS = 86_400_000
START_MS = 1_767_225_600_000
"""2026-01-01, UTC."""
DAYS, STEPS_A_DAY = 45, 24
CAMPAIGN_ACCOUNTS, CAMPAIGN_EVENTS = 25_000, 16_000_000
CUSTOMERS, CUSTOMER_EVENTS = 60_000, 65_000_000
JOIN_LATER = 0.2
BLOCKS, PROXIES = 40_000, 3_000
SHARED_TEMPLATES, QUEUE_TEMPLATES = 2_000, 40
CLIENTS = 60
COVER = 0.1
"""Share of a campaign account's requests that look like a customer's."""


@dataclass(frozen=True)
class People:
    """Accounts, each its own organisation; arrays of shape (accounts, …)."""

    name: str
    share: F64
    """Of the hourly requests of all of them, if all are there; they add up to more than 1, by what
    those who join later do not send before."""
    zone: F64
    """Hour of the day at which activity is greatest."""
    blocks: I64
    """Two a head."""
    client: I64
    shared: I64
    """Three shared templates a head."""
    joined: F64
    """Day of the first request."""


def customers(rng: np.random.Generator, count: int) -> People:
    """Unequal, diurnal, on the blocks of their providers, some of them new."""
    weight = rng.gamma(0.5, 1.0, count) + 0.02
    joined = np.where(rng.random(count) < JOIN_LATER, rng.random(count) * DAYS, -1.0)
    return People(
        name="cust",
        share=shares(weight, joined),
        zone=rng.choice([2.0, 8.0, 9.0, 15.0, 20.0], count),
        blocks=(BLOCKS * rng.random((count, 2)) ** 2).astype(np.int64),
        client=(CLIENTS * rng.random(count) ** 3).astype(np.int64),
        shared=(SHARED_TEMPLATES * rng.random((count, 3)) ** 3).astype(np.int64),
        joined=joined,
    )


def pool(rng: np.random.Generator, count: int) -> People:
    """Light and even, behind proxies half of which customers use too, on mixed clients."""
    half = PROXIES // 2
    proxies = np.concatenate([rng.choice(BLOCKS, half, replace=False), BLOCKS + np.arange(half)])
    client = np.where(rng.random(count) < 0.3, rng.integers(0, CLIENTS, count), CLIENTS - 1)
    weight, joined = rng.gamma(8.0, 1.0, count), rng.random(count) * 7
    return People(
        name="pool",
        share=shares(weight, joined),
        zone=rng.random(count) * 24,
        blocks=rng.choice(proxies, (count, 2)),
        client=client,
        shared=(SHARED_TEMPLATES * rng.random((count, 3)) ** 3).astype(np.int64),
        joined=joined,
    )


def shares(weight: F64, joined: F64) -> F64:
    """Share of each in the requests of an hour, so that a season has as many as it should.

    Examples
    --------
    >>> shares(np.array([1.0, 1.0]), np.array([-1.0, DAYS / 2])).round(3).tolist()
    [0.667, 0.667]
    """
    present = 1 - np.ceil(np.maximum(joined, 0.0) * STEPS_A_DAY) / (DAYS * STEPS_A_DAY)
    return np.asarray(weight / (weight * present).sum())


def season(scale: float, seed: int) -> Iterator[list[bytes]]:
    """Lines in time order, an hour at a time; ``scale`` is of accounts and events alike."""
    rng = np.random.default_rng(seed)
    both = (
        (customers(rng, round(CUSTOMERS * scale)), CUSTOMER_EVENTS * scale),
        (pool(rng, round(CAMPAIGN_ACCOUNTS * scale)), CAMPAIGN_EVENTS * scale),
    )
    for step in range(DAYS * STEPS_A_DAY):
        lines: list[tuple[int, bytes]] = []
        for people, events in both:
            lines += _hour(rng, people, step, events / (DAYS * STEPS_A_DAY))
        lines.sort()
        yield [line for _, line in lines]


def _hour(
    rng: np.random.Generator, people: People, step: int, events: float
) -> Iterator[tuple[int, bytes]]:
    day, hour = divmod(step, STEPS_A_DAY)
    rhythm = 1 + 0.8 * np.cos((hour - people.zone) * np.pi / 12)
    expected = people.share * rhythm * (people.joined <= step / STEPS_A_DAY)
    who = np.repeat(np.arange(len(expected)), rng.poisson(events * expected))
    n = len(who)
    at = START_MS + day * DAY_MS + hour * 3_600_000 + rng.integers(0, 3_600_000, n)
    block = people.blocks[who, (rng.random(n) < 0.2).astype(np.int64)]
    works = people.name == "pool"
    queued = works & (rng.random(n) >= COVER)
    own = 3 * who + rng.integers(0, 3, n)
    shared = people.shared[who, rng.integers(0, 3, n)]
    common = rng.random(n) < (1.0 if works else 0.3)
    template = np.where(queued, rng.integers(0, QUEUE_TEMPLATES, n), np.where(common, shared, own))
    place = np.where(queued, "q", np.where(common, "s", "o"))
    again = rng.random(n) < (0.01 if works else 0.2)
    prompt = np.where(again, rng.integers(0, 50, n) + 50 * template, rng.integers(0, 2**62, n))
    tokens = rng.lognormal(5.0 + 0.9 * queued, 1.0).astype(np.int64) + 1
    columns = (at, who, block, people.client[who], place, template, prompt, tokens)
    for number, row in enumerate(zip(*(column.tolist() for column in columns), strict=True)):
        yield row[0], _line(f"{people.name}-{step}-{number}", people.name, row)


def _line(event: str, name: str, row: tuple[int | str, ...]) -> bytes:
    at, who, block, client, place, template, prompt, tokens = row
    return (
        f'{{"event_id":"{event}","timestamp_ms":{at},"account_id":"{name}-{who}",'
        f'"org_id":"{name}-org-{who}","client_ip":"{int(block) >> 8 & 255 | 1}.'
        f'{int(block) >> 16 & 255}.{int(block) & 255}.7","tls_ja4":"client-{client}",'
        f'"prompt_template_id":"{place}-{template}","model":"large","input_tokens":{tokens},'
        f'"output_tokens":{tokens},"status":"ok","prompt_hash":"{prompt:x}"}}\n'
    ).encode()


def main() -> None:
    """Write the season to standard output."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0, help="of accounts and events alike")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    for lines in season(given.scale, given.seed):
        sys.stdout.buffer.writelines(lines)


if __name__ == "__main__":
    main()
