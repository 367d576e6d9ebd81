"""A finished world: its events and its labels."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, TypedDict

import numpy as np

from analyzer.simulate import shapes
from analyzer.simulate.assemble import Columns, assemble
from analyzer.simulate.draws import I64, mix
from analyzer.simulate.ground import Campaign, Ground, Role
from analyzer.simulate.scenarios import scenario_named
from analyzer.simulate.writer import Writer, account_ids

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

DEFAULT_START_MS = 1_772_409_600_000
"""2026-03-02T00:00Z, a Monday."""


class CampaignLabel(TypedDict):
    """A group that should be reported."""

    id: str
    kind: str
    family: str
    accounts: list[str]
    requests: int
    """All requests of its accounts, cover included."""
    extraction_requests: int
    first_ms: int
    """First extraction request; first request of a reseller's pool."""
    last_ms: int


class LookalikeLabel(TypedDict):
    """A group that should be left alone."""

    id: str
    type: str
    accounts: list[str]


class Labels(TypedDict):
    """The truth about a world."""

    scenario: str
    seed: int
    start_ms: int
    end_ms: int
    campaigns: list[CampaignLabel]
    lookalikes: list[LookalikeLabel]
    requests: int
    benign_requests: int
    """Requests that are neither extraction nor cover; a reseller's tenants are benign."""
    organisations: int
    accounts: int


class World:
    """Events and labels of one scenario and seed.

    Parameters
    ----------
    scenario, seed
        What was asked for.
    ground
        The ground with everything on it.
    """

    def __init__(self, scenario: str, seed: int, ground: Ground) -> None:
        self.columns: Columns = assemble(ground)
        self._writer = Writer(ground)
        self._ids = account_ids(ground)
        self.labels = _labels(scenario, seed, ground, self.columns)

    def __len__(self) -> int:
        return len(self.columns.ts_ms)

    def lines(self) -> Iterator[bytes]:
        """Every event as one line of JSON with its line feed, in the order of arrival."""
        return self._writer.lines(self.columns)

    def keyed_lines(self) -> Iterator[tuple[bytes, bytes]]:
        """Account id and line without its line feed, for a broker."""
        keys = [name.encode() for name in self._ids]
        accounts = self.columns.account.tolist()
        for account, line in zip(accounts, self.lines(), strict=True):
            yield keys[account], line[:-1]

    def chunks(self) -> Iterator[bytes]:
        """The same bytes in large pieces."""
        return self._writer.chunks(self.columns)


def generate(
    scenario: str,
    seed: int,
    scale: float = 1.0,
    days: float | None = None,
    start_ms: int = DEFAULT_START_MS,
) -> World:
    """Make a world; the same arguments give the same bytes.

    Parameters
    ----------
    scenario
        A name in ``SCENARIOS``.
    seed
        At least 0.
    scale
        Factor on the number of customers and on the size of groups.
    days
        Length of the world; by default what the scenario says.
    start_ms
        Start, epoch ms.

    Raises
    ------
    UsageError
        If there is no scenario of that name.

    Examples
    --------
    >>> world = generate("smoke", seed=1, scale=0.2, days=1.0)
    >>> next(world.lines())[:20]
    b'{"schema_version":1,'
    """
    plan = scenario_named(scenario)
    length = plan.days if days is None else days
    end_ms = start_ms + int(length * shapes.DAY_MS)
    release = end_ms + 1 if plan.release_day is None else plan.release_day / plan.days * length
    if plan.release_day is not None:
        release = start_ms + int(release * shapes.DAY_MS)
    organisations = max(60, round(plan.organisations * scale))
    own_seed = int(mix(seed, zlib.crc32(scenario.encode()))) >> 2
    ground = Ground.lay(
        own_seed, scale, (start_ms, end_ms), int(release), organisations, texts=plan.texts
    )
    plan.build(ground)
    return World(scenario, seed, ground)


def _labels(scenario: str, seed: int, ground: Ground, columns: Columns) -> Labels:
    ids = np.array(account_ids(ground))
    seen = np.unique(columns.account)
    return Labels(
        scenario=scenario,
        seed=seed,
        start_ms=ground.start_ms,
        end_ms=ground.end_ms,
        campaigns=[_campaign(c, ids, columns, seen) for c in ground.campaigns],
        lookalikes=[
            LookalikeLabel(id=x.id, type=x.type, accounts=_names(ids, x.accounts, seen))
            for x in ground.lookalikes
        ],
        requests=len(columns.ts_ms),
        benign_requests=int((columns.role == Role.INNOCENT).sum()),
        organisations=len(np.unique(ground.people.all().org[seen])),
        accounts=len(seen),
    )


def _names(ids: NDArray[np.str_], accounts: I64, seen: I64) -> list[str]:
    return sorted(str(name) for name in ids[np.intersect1d(accounts, seen)])


def _campaign(
    campaign: Campaign, ids: NDArray[np.str_], columns: Columns, seen: I64
) -> CampaignLabel:
    rows = np.isin(columns.account, campaign.accounts)
    work = rows & (columns.role == Role.EXTRACTION) if campaign.kind != "reseller_pool" else rows
    times = columns.ts_ms[work]
    return CampaignLabel(
        id=campaign.id,
        kind=campaign.kind,
        family=campaign.family,
        accounts=_names(ids, campaign.accounts, seen),
        requests=int(rows.sum()),
        extraction_requests=0 if campaign.kind == "reseller_pool" else len(times),
        first_ms=int(times.min(initial=columns.ts_ms.max())),
        last_ms=int(times.max(initial=0)),
    )
