"""Accounts and templates of a world, as growing tables of columns."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from analyzer.simulate import shapes
from analyzer.simulate.catalogue import LONG_SAMPLINGS, SAMPLING_SHARES
from analyzer.simulate.draws import F64, I64, Bools, Rng, pick

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

PLACES = 3
SLOTS = 6
BARE = -1
"""No template: free conversation, or a producer that names none."""


@dataclass(frozen=True, slots=True)
class Personas:
    """Habits of accounts; every array has one row per account."""

    org: I64
    created_ms: I64
    joined_ms: I64
    """First moment of use."""
    left_ms: I64
    payment: I64
    signup: I64
    """Device or address that the account was opened from."""
    gateway: I64
    region: I64
    model: I64
    adopts: F64
    """Days after a release at which the account moves to the new model; may be infinite."""
    sampling: I64
    places: I64
    """Blocks it comes from, shape (accounts, PLACES), the usual one first."""
    place_shares: F64
    """Cumulative shares of the places, shape (accounts, PLACES)."""
    clients: I64
    """Its usual and its other client, shape (accounts, 2)."""
    other_client: F64
    """Share of days on the other client."""
    templates: I64
    """Templates it uses, shape (accounts, SLOTS); ``BARE`` is none."""
    template_shares: F64
    """Cumulative shares of the slots, shape (accounts, SLOTS)."""
    repeats: F64
    """Share of prompts sent again."""
    input_mu: F64
    output_mu: F64
    """Log tokens of its bare conversations."""
    wanders: Bools
    """Whether its usual address moves from day to day."""
    pool: I64
    """Pool of blocks through which it moves (see ``Ground.pools``)."""
    rhythm: shapes.Rhythm

    def __len__(self) -> int:
        return len(self.org)

    def take(self, rows: I64) -> Personas:
        """The given rows."""
        return _gather([self], lambda arrays: arrays[0][rows])

    @staticmethod
    def concat(parts: list[Personas]) -> Personas:
        """All rows of all parts, in that order."""
        return _gather(parts, np.concatenate)


def _gather(
    parts: Sequence[Personas], join: Callable[[list[NDArray[Any]]], NDArray[Any]]
) -> Personas:
    columns = {
        f.name: join([getattr(part, f.name) for part in parts])
        for f in fields(Personas)
        if f.name != "rhythm"
    }
    rhythm = {
        f.name: join([getattr(part.rhythm, f.name) for part in parts])
        for f in fields(shapes.Rhythm)
    }
    return Personas(**columns, rhythm=shapes.Rhythm(**rhythm))


@dataclass(slots=True)
class Templates:
    """Everything known of prompt templates, one row each."""

    input_mu: list[F64] = field(default_factory=list)
    input_sd: list[F64] = field(default_factory=list)
    output_mu: list[F64] = field(default_factory=list)
    output_sd: list[F64] = field(default_factory=list)
    launch_ms: list[I64] = field(default_factory=list)
    spread_ms: list[F64] = field(default_factory=list)
    items: list[I64] = field(default_factory=list)
    sampling: list[I64] = field(default_factory=list)
    kin: list[I64] = field(default_factory=list)
    count: int = 0

    def new(
        self,
        rng: Rng,
        n: int,
        *,
        longer: float | None = None,
        launch_ms: int | I64 = 0,
        adoption_days: float = 0.0,
        items: int | I64 = 0,
        long_sampling: bool = False,
        kin: int | I64 = BARE,
    ) -> I64:
        """Add ``n`` templates.

        Parameters
        ----------
        rng
            Source of randomness.
        n
            How many.
        longer
            If given: conversations of usual size, with this added to log output tokens.
        launch_ms
            Not used by habit before this time.
        adoption_days
            Mean days after the launch until an account takes it up.
        items
            Size of the set of fillings it is used with; 0 means endless.
        long_sampling
            Whether it asks for long answers.
        kin
            Template that it is a rewording of.

        Returns
        -------
        Template numbers, int64, shape (n,).
        """
        self._draw_sizes(rng, n, longer)
        self.kin.append(np.broadcast_to(np.int64(kin), n))
        self.launch_ms.append(np.broadcast_to(np.int64(launch_ms), n))
        self.spread_ms.append(np.full(n, adoption_days * shapes.DAY_MS))
        self.items.append(np.broadcast_to(np.int64(items), n))
        long = rng.choice(LONG_SAMPLINGS, n)
        own = np.where(rng.random(n) < 0.6, pick(rng, SAMPLING_SHARES, n), BARE)
        self.sampling.append(np.where(long_sampling, long, own))
        self.count += n
        return np.arange(self.count - n, self.count, dtype=np.int64)

    def _draw_sizes(self, rng: Rng, n: int, longer: float | None) -> None:
        code = (rng.random(n) < shapes.CODE_SHARE) & (longer is None)
        kind = np.where(code, shapes.CODE, shapes.CHAT)
        within = shapes.TEMPLATE_SPREAD
        between = within if longer is None else 0.4 * within
        into, out = shapes.INPUT_SD[kind], shapes.OUTPUT_SD[kind]
        self.input_mu.append(rng.normal(shapes.INPUT_MU[kind], into * between))
        self.input_sd.append(into * within * rng.uniform(0.5, 1.5, n))
        self.output_mu.append(rng.normal(shapes.OUTPUT_MU[kind] + (longer or 0), out * between))
        self.output_sd.append(out * within * rng.uniform(0.6, 1.4, n))

    def column(self, name: str) -> F64:
        """One column of all templates, shape (count,)."""
        return np.concatenate(getattr(self, name))


@dataclass(slots=True)
class People:
    """All accounts of a world, by number."""

    parts: list[Personas] = field(default_factory=list)
    count: int = 0
    organisations: int = 0
    cards: int = 0

    def add(self, personas: Personas) -> I64:
        """Take the accounts in and number them; none is used before it was opened."""
        opened = np.minimum(personas.created_ms, personas.joined_ms - 60_000)
        self.parts.append(replace(personas, created_ms=opened))
        self.count += len(personas)
        return np.arange(self.count - len(personas), self.count, dtype=np.int64)

    def all(self) -> Personas:
        """One table of everybody."""
        self.parts = [Personas.concat(self.parts)]
        return self.parts[0]

    def new_orgs(self, n: int) -> I64:
        """Number ``n`` new billing organisations."""
        self.organisations += n
        return np.arange(self.organisations - n, self.organisations, dtype=np.int64)

    def new_cards(self, n: int) -> I64:
        """Number ``n`` new means of payment (or sign-up devices)."""
        self.cards += n
        return np.arange(self.cards - n, self.cards, dtype=np.int64)
