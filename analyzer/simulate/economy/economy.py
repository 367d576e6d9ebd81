"""A world whose structure is drawn at random, for measuring how well verdicts generalise."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import orjson

from analyzer.simulate.draws import F64, rng_for
from analyzer.simulate.economy import operations as ops
from analyzer.simulate.economy.assemble import Requests, assemble
from analyzer.simulate.economy.kinds import KINDS, MOST
from analyzer.simulate.economy.labels import labels
from analyzer.simulate.economy.population import live, settle
from analyzer.simulate.economy.structure import draw_structure
from analyzer.simulate.economy.styles import Style, draw_style
from analyzer.simulate.economy.world import World
from analyzer.simulate.economy.writer import Lines, account_ids, extraction_times
from analyzer.simulate.world import Labels

START_MS = 1_772_409_600_000
"""2026-03-02T00:00Z."""
PER_ACCOUNT_DAY = 32.0
"""Requests that a world holds a day and innocent account, about."""


@dataclass(frozen=True, slots=True)
class Economy:
    """A finished world."""

    world: World
    requests: Requests
    operations: tuple[ops.Operation, ...]
    start_ms: int

    def __len__(self) -> int:
        return len(self.requests)

    def chunks(self) -> Iterator[bytes]:
        """NDJSON in the order of time, many lines to a piece."""
        return iter(Lines(self.world, self.requests, self.start_ms))

    def lines(self) -> Iterator[bytes]:
        """Every event as one line of JSON with its line feed."""
        for chunk in self.chunks():
            yield from chunk.splitlines(keepends=True)

    def keyed_lines(self) -> Iterator[tuple[bytes, bytes]]:
        """Account id and line without its line feed, for a broker."""
        keys = [name.encode() for name in account_ids(self.world)]
        for account, line in zip(self.requests.account.tolist(), self.lines(), strict=True):
            yield keys[account], line[:-1]

    @property
    def labels(self) -> Labels:
        """The truth in the form that every simulated world has."""
        end_ms = self.start_ms + int(self.world.hours * 3_600_000)
        return labels(self.world, self.requests, (self.start_ms, end_ms))

    def truth(self) -> dict[str, object]:
        """Who is who: labels, groups, and each operation with its counts and its style."""
        world, r = self.world, self.requests
        ids = account_ids(world)
        seen = np.unique(r.account).tolist()
        s = world.structure
        return {
            "seed": world.seed, "variant": "economy", "events": len(r),
            "start_ms": self.start_ms, "end_ms": int(r.ts_ms[-1]),
            "hours": s.hours, "lacks": [sorted(x) for x in s.lacks],
            "release_ms": self.start_ms + int(s.release_h * 3_600_000),
            "campaigns": [self._campaign(operation) for operation in self.operations],
            "labels": {ids[a]: world.labels[a] for a in seen},
            "groups": {ids[a]: world.groups[a] for a in seen if a in world.groups},
        }  # fmt: skip

    def _campaign(self, operation: ops.Operation) -> dict[str, object]:
        r = self.requests
        mine = r.operation == operation.number
        return ops.truth(operation) | {
            "requests": int(mine.sum()), "extraction_requests": int((r.work[mine] == 1).sum()),
            "accounts": len(np.unique(r.account[mine])),
        }  # fmt: skip

    def write(self, folder: Path) -> None:
        """Write events.ndjson, truth.json and extraction_times.npz."""
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / "events.ndjson").open("wb") as file:
            file.writelines(self.chunks())
        (folder / "truth.json").write_bytes(orjson.dumps(self.truth()))
        numbers = [operation.number for operation in self.operations]
        times = extraction_times(self.requests, numbers)
        np.savez_compressed(folder / "extraction_times.npz", allow_pickle=False, **times)


def economy(
    seed: int,
    accounts: int = 5_000,
    days: float = 6.0,
    *,
    start_ms: int = START_MS,
    shapes: F64 | None = None,
    styles: Sequence[Style] | None = None,
) -> Economy:
    """Make a world; the same arguments give the same bytes.

    Parameters
    ----------
    seed
        At least 0; draws the world's structure too.
    accounts
        Innocent accounts, about.
    days
        Length of the world.
    start_ms
        Epoch ms of its first hour.
    shapes
        Relative rates of real clients, shape (clients, ten-minute windows).
    styles
        Of the operations, in the place of drawn ones.

    Examples
    --------
    >>> world = economy(1, accounts=200, days=1.0)
    >>> sorted(world.truth())[:3]
    ['campaigns', 'end_ms', 'events']
    """
    structure = draw_structure(rng_for(seed, "economy structure"), days)
    world = World(seed, structure, accounts * days * PER_ACCOUNT_DAY, shapes)
    plans = _groups(world, accounts)
    planned = sum(size for _, size in plans)
    members = settle(world, max(accounts // 3, accounts - planned))
    for name, size in plans:
        number = world.number(name)
        group = f"{name}#{number}"
        KINDS[name].make(world, world.rng_of(group), size, group)
    done = _operate(world, accounts, styles)
    live(world, members)
    return Economy(world, assemble(world, start_ms), tuple(done), start_ms)


def _groups(world: World, accounts: int) -> list[tuple[str, int]]:
    """Kinds and sizes of a world's innocent groups, at most 45 % of its accounts."""
    rng = world.rng_of("groups")
    richness = rng.uniform(0.2, 1.6)
    out = []
    for name, kind in KINDS.items():
        for _ in range(min(int(rng.poisson(kind.often * richness)), MOST)):
            size = int(np.exp(rng.uniform(np.log(kind.small), np.log(kind.large))))
            out.append((name, max(8, int(size * min(1.0, accounts / 3_000)))))
    rng.shuffle(out)
    total, kept = 0, []
    for name, size in out:
        if total + size <= accounts * 0.45:
            kept.append((name, size))
            total += size
    return kept


def _operate(world: World, accounts: int, styles: Sequence[Style] | None) -> list[ops.Operation]:
    """Run the operations within a third of the world's requests and half its accounts."""
    count = world.structure.operations if styles is None else len(styles)
    most = min(0.35 / max(count, 1) * 1.8, 0.12) * world.budget
    done = []
    room = accounts * 0.5
    for number in range(count):
        drawn = draw_style(world.rng_of(f"style {number}"), world.hours)
        style = drawn if styles is None else styles[number]
        if style.n > max(room, 15):
            continue
        operation = ops.run(world, number, style, most)
        if operation is not None:
            done.append(operation)
            room -= style.n
    return done
