"""The state of a world under construction: accounts, templates, and the traffic so far."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from analyzer.simulate.draws import F64, I64, Rng, mix, pick, rng_for, unit, zipf_weights
from analyzer.simulate.economy.places import COUNTRIES, Places
from analyzer.simulate.economy.programs import Parameters, Programs
from analyzer.simulate.economy.structure import Structure

NONE = -1
"""No template, no payment, no habit: as the column says."""
DAY_H = 24.0

ACCOUNT = {
    "org": int, "created": float, "payment": int, "signup": int, "client": int, "client_2": int,
    "params": int, "home": int, "home_2": int, "home_3": int, "roam": int, "lease": float,
    "pool": int, "zone": float, "own_first": int, "own_count": int, "chat": float, "fad": int,
    "fad_share": float, "kit": int, "kit_share": float, "repeat": float, "tier": float,
    "gateway": int, "longer": float, "bigger": float, "adopts": float, "model": int,
    "retries": float, "weekend": float,
}  # fmt: skip
"""Habits of an account and their dtypes.

Times are hours of the world; ``roam`` is one of the constants below.
"""
FIXED, LEASED, CARRIER = range(3)

TRAFFIC = {
    "time": float, "account": int, "template": int, "ip": int, "client": int, "params": int,
    "item": int, "longer": float, "chat": int, "turn": int, "relay": int, "work": int, "model": int,
}  # fmt: skip
_DEFAULTS = {
    "client": NONE, "params": NONE, "item": NONE, "longer": 0.0, "chat": NONE, "turn": 0,
    "relay": NONE, "work": 0, "model": NONE,
}  # fmt: skip


@dataclass(slots=True)
class Relay:
    """Who dispatches one queue over many accounts: an operation or a reseller."""

    failover: float
    """Share of limited or failed requests that are sent again on another account."""
    operation: int = NONE


@dataclass(slots=True)
class Pool:
    """A reseller's accounts and egress, which a tenant may hide in."""

    accounts: I64
    addresses: I64
    shares: F64
    number: int


@dataclass(slots=True)
class World:
    """What has been made so far; every part draws from a generator of its own name."""

    seed: int
    structure: Structure
    budget: float
    """Requests that the world should hold."""
    shapes: F64 | None
    rng_of: Callable[[str], Rng] = field(init=False)
    places: Places = field(init=False)
    programs: Programs = field(init=False)
    parameters: Parameters = field(init=False)
    columns: dict[str, list[np.ndarray]] = field(init=False)
    traffic: list[dict[str, np.ndarray]] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    groups: dict[int, str] = field(default_factory=dict)
    relays: list[Relay] = field(default_factory=list)
    pools: list[Pool] = field(default_factory=list)
    templates: int = 0
    orgs: int = 0
    payments: int = 0
    signups: int = 0
    chats: int = 0
    items: int = 0
    emitted: int = 0
    viral: I64 = field(init=False)
    defaults: I64 = field(init=False)
    homes: I64 = field(init=False)
    clouds: I64 = field(init=False)
    vpns: I64 = field(init=False)
    hostings: I64 = field(init=False)
    carriers: list[I64] = field(init=False)
    market: I64 | None = None
    numbers: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        s = self.structure
        self.rng_of = lambda name: rng_for(self.seed, "economy " + name)
        rng = self.rng_of("ground")
        self.columns = {name: [] for name in ACCOUNT}
        self.places = Places(int(mix(self.seed, 5)) >> 20, s.v6)
        self.programs = Programs(rng, self.seed)
        self.parameters = Parameters(rng)
        self.viral, self.defaults = self.new_templates(s.viral), self.new_templates(s.defaults)
        self.homes = self.places.blocks(rng, s.homes, "home")
        self.clouds = self.places.blocks(rng, int(rng.integers(10, 60)), "cloud")
        self.vpns = self.places.blocks(rng, int(rng.integers(4, 40)), "vpn")
        self.hostings = self.places.blocks(rng, int(rng.integers(10, 120)), "hosting")
        self.carriers = [
            self.places.blocks(rng, int(rng.integers(2, 30)), "carrier", at % len(COUNTRIES))
            for at in range(int(rng.integers(3, 12)))
        ]

    @property
    def hours(self) -> float:
        """Length of the world."""
        return self.structure.hours

    def new_templates(self, n: int) -> I64:
        """Templates that nobody used before."""
        self.templates += n
        return np.arange(self.templates - n, self.templates)

    def new_orgs(self, n: int) -> I64:
        """Organisations that did not exist before."""
        self.orgs += n
        return np.arange(self.orgs - n, self.orgs)

    def new_payments(self, n: int) -> I64:
        """Means of payment that nobody used before."""
        self.payments += n
        return np.arange(self.payments - n, self.payments)

    def new_signup(self) -> int:
        """A sign-up reference that several accounts share, such as a mail domain."""
        self.signups += 1
        return -1 - self.signups

    def new_items(self, n: int) -> int:
        """First of ``n`` prompts that have an identity."""
        self.items += n
        return self.items - n

    def number(self, kind: str) -> int:
        """Count the groups of a kind."""
        self.numbers[kind] = self.numbers.get(kind, -1) + 1
        return self.numbers[kind]

    def relay(self, failover: float, operation: int = NONE) -> int:
        """Register somebody who dispatches a queue over accounts."""
        self.relays.append(Relay(failover, operation))
        return len(self.relays) - 1

    def open(self, rng: Rng, n: int, label: str, group: str = "", **given: ArrayLike) -> I64:
        """Open accounts; habits that are not given are drawn as customers have them.

        Returns
        -------
        Their numbers, shape (n,).
        """
        first = len(self.labels)
        numbers = np.arange(first, first + n)
        drawn = self._habits(rng, n, numbers)
        for name, kind in ACCOUNT.items():
            value = np.broadcast_to(np.asarray(given.get(name, drawn.get(name))), (n,))
            self.columns[name].append(value.astype(np.float64 if kind is float else np.int64))
        self.labels.extend([label] * n)
        self.tag(numbers, label, group)
        return numbers

    def tag(self, accounts: I64, label: str, group: str) -> None:
        """Say what accounts are."""
        for account in accounts.tolist():
            self.labels[account] = label
            if group:
                self.groups[account] = group

    def habit(self, name: str) -> np.ndarray:
        """A column of the account table."""
        if len(self.columns[name]) > 1:
            self.columns[name] = [np.concatenate(self.columns[name])]
        return self.columns[name][0]

    def set_habit(self, name: str, accounts: I64, values: ArrayLike) -> None:
        """Change a habit of some accounts."""
        self.habit(name)[accounts] = values

    def _habits(self, rng: Rng, n: int, numbers: I64) -> dict[str, np.ndarray]:
        s = self.structure
        homes = self.places.hosts(rng, rng.choice(self.homes, n), 1)
        home_2 = self.places.hosts(rng, rng.choice(self.homes, n), 1)
        carrier = rng.integers(0, len(self.carriers), n)
        zone = s.zones[pick(rng, s.zone_shares, n)] + rng.normal(0, 0.8, n)
        own = np.minimum(rng.geometric(0.4, n), 12)
        first = self.new_templates(int(own.sum()))[np.cumsum(own) - own] if n else numbers
        popular = zipf_weights(s.viral, s.viral_power)
        clients = self.programs.kit(rng, n)
        human = rng.random(n) < 0.3
        clients[human] = self.programs.browser(rng, int(human.sum()))
        roam = np.where(rng.random(n) < s.roamers, rng.choice([LEASED, CARRIER], n), FIXED)
        other = rng.random(n) < 0.25
        return {
            "org": self.new_orgs(n), "created": -rng.exponential(220 * DAY_H, n),
            "payment": self._cards(rng, n), "signup": numbers, "client": clients,
            "client_2": np.where(other, self.programs.kit(rng, n), clients),
            "params": self.parameters.usual(rng, n), "home": homes, "home_2": home_2,
            "home_3": np.where(rng.random(n) < 0.4, homes, home_2), "roam": roam,
            "lease": np.exp(rng.uniform(np.log(2), np.log(96), n)), "pool": carrier,
            "zone": zone, "own_first": first, "own_count": own,
            "chat": np.where(rng.random(n) < s.chatters, rng.uniform(0.2, 1, n), 0.0),
            "fad": self.viral[pick(rng, popular, n)],
            "fad_share": np.where(rng.random(n) < s.viral_users, rng.beta(0.8, 1.6, n), 0.0),
            "kit": rng.choice(self.defaults, n),
            "kit_share": np.where(rng.random(n) < s.default_users, rng.beta(1, 1, n), 0.0),
            "repeat": np.where(rng.random(n) < 0.5, 0, rng.beta(1, 4, n) * s.repeats * 3),
            "tier": rng.choice([10, 20, 60, 300, 1000], n, p=[0.1, 0.25, 0.35, 0.2, 0.1]),
            "gateway": pick(rng, s.gateway_shares, n), "longer": rng.normal(0, 0.45, n),
            "bigger": rng.normal(0, 0.6, n), "adopts": rng.exponential(s.adoption_h, n),
            "model": pick(rng, [0.5, 0.3, 0.2], n),
            "retries": rng.choice([0.0, 0.5, 0.9], n), "weekend": rng.uniform(0.5, 1, n),
        }  # fmt: skip

    def _cards(self, rng: Rng, n: int) -> I64:
        s = self.structure
        cards = self.new_payments(n)
        shared = (rng.random(n) < s.payment_shared) & (cards > 40)
        cards[shared] -= rng.integers(1, 40, int(shared.sum()))
        return np.where(rng.random(n) < s.payment_missing, NONE, cards)

    def emit(self, time: F64, account: I64, **given: ArrayLike) -> None:
        """Send requests; ``template`` and ``ip`` default to what the account usually does."""
        if not len(time):
            return
        if "template" not in given:
            given["template"] = self.usual_work(account)
        if "ip" not in given:
            given["ip"] = self.usual_place(account, time)
        block = {"time": time, "account": account}
        for name, kind in list(TRAFFIC.items())[2:]:
            value = np.broadcast_to(np.asarray(given.get(name, _DEFAULTS.get(name))), time.shape)
            block[name] = value.astype(np.float64 if kind is float else np.int64)
        self.traffic.append(block)
        self.emitted += len(time)

    def usual_work(self, account: I64) -> I64:
        """Templates of ordinary work: chat, a fad, a framework's default, one's own."""
        rng = self.rng_of(f"work {self.emitted}")
        n = len(account)
        own = self.habit("own_first")[account] + np.floor(
            rng.random(n) ** 2 * self.habit("own_count")[account]
        ).astype(np.int64)
        kit = rng.random(n) < self.habit("kit_share")[account]
        out = np.where(kit, self.habit("kit")[account], own)
        fad = rng.random(n) < self.habit("fad_share")[account]
        out = np.where(fad, self.habit("fad")[account], out)
        return np.where(rng.random(n) < self.habit("chat")[account], NONE, out)

    def usual_place(self, account: I64, time: F64) -> I64:
        """Addresses of ordinary life: at home, at work, under way."""
        hour = np.floor(time / 3).astype(np.int64)
        draw = unit(account, hour, 31)
        home, second, third = (self.habit(n)[account] for n in ("home", "home_2", "home_3"))
        out = np.where(draw < 0.7, home, np.where(draw < 0.9, second, third))
        roam, away = self.habit("roam")[account], unit(account, hour, 32) < 0.55
        lease = np.floor(time / self.habit("lease")[account]).astype(np.int64)
        spot = mix(account, lease, 33)
        leased = self.homes[(spot % np.uint64(len(self.homes))).astype(np.int64)] * 256 + 1
        leased += (spot >> np.uint64(40)).astype(np.int64) % 250
        out = np.where((roam == LEASED) & away, leased, out)
        return np.where((roam == CARRIER) & away, self.mobile(account, time), out)

    def mobile(self, account: I64, time: F64) -> I64:
        """Addresses of a carrier's gateways, a few hours each."""
        pool = self.habit("pool")[account]
        spot = mix(account, np.floor(time / 2).astype(np.int64), 34)
        sizes = np.array([len(c) for c in self.carriers])
        firsts = np.cumsum(sizes) - sizes
        at = firsts[pool] + (spot % sizes[pool].astype(np.uint64)).astype(np.int64)
        host = 1 + (spot >> np.uint64(33)).astype(np.int64) % 60
        return np.asarray(np.concatenate(self.carriers)[at] * 256 + host)
