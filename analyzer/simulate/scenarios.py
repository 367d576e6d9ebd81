"""The named worlds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from analyzer.errors import UsageError
from analyzer.simulate import campaigns, lookalikes, waves
from analyzer.simulate.families import FAMILIES
from analyzer.simulate.ground import Ground
from analyzer.simulate.kinds import TEAM
from analyzer.simulate.lookalikes import Course
from analyzer.simulate.plan import Plan
from analyzer.simulate.population import populate
from analyzer.simulate.resellers import Reseller, reseller

Group = Callable[[Ground], object]


def _group(make: Callable[..., object], name: str, *args: object, **options: object) -> Group:
    return lambda ground: make(ground, name, *args, **options)


VIRAL = _group(waves.viral, "viral prompt")
SDK = _group(waves.sdk_release, "sdk release")
PLUGIN = _group(waves.plugin, "hourly plugin")
RUSH = _group(waves.release_rush, "release rush")
CAMPUS = _group(lookalikes.crowd, "campus_nat", 220, 3)
OFFICE = _group(lookalikes.crowd, "office_nat", 45, 1, TEAM)
VPN = _group(lookalikes.crowd, "vpn_egress", 130, 4)
CLASS = _group(lookalikes.school_class, "class before a deadline")
COURSE = _group(lookalikes.course, "online course")
FLEET = _group(lookalikes.fleet, "customer fleet")
UNLINKED = _group(lookalikes.fleet, "unlinked fleet", orgs="many")
AGENCY = _group(lookalikes.agency, "agency")
CARDS = _group(lookalikes.family_cards, "family cards")
HARNESS = _group(lookalikes.harness, "evaluation harness")
BATCH = _group(lookalikes.batch, "nightly batch")
POOL = _group(reseller, "reseller pool")

FEW = (VIRAL, CAMPUS, CLASS, FLEET, HARNESS)
ALL = (*FEW, SDK, PLUGIN, RUSH, OFFICE, VPN, COURSE, AGENCY, CARDS, BATCH)


@dataclass(frozen=True, slots=True)
class Scenario:
    """What a named world holds."""

    organisations: int
    """Innocent organisations of the plain population at scale 1."""
    days: float
    groups: tuple[Group, ...] = ()
    plans: tuple[Plan, ...] = ()
    release_day: float | None = None
    texts: float = 0.04
    """Share of producers that send prompt text instead of a template id."""
    volume: float = 1.0
    """Factor on the requests of the plain population."""

    def build(self, ground: Ground) -> None:
        """Put everything on the ground."""
        populate(ground, max(60, round(self.organisations * ground.scale)), self.volume)
        waves.circles(ground)
        for group in self.groups:
            group(ground)
        for at, plan in enumerate(self.plans):
            _run(ground, plan, f"{plan.family} {at + 1}")


def _run(ground: Ground, plan: Plan, name: str) -> None:
    members = None
    if plan.family == "embedded_in_reseller":
        pool = reseller(ground, f"pool of {name}", Reseller(accounts=round(plan.accounts)))
        members = pool
    campaigns.run(ground, plan, name, members)


def _family(name: str) -> Scenario:
    plan = FAMILIES[name]
    scenario = Scenario(3_000, 4.0, (*FEW, COURSE, AGENCY, CARDS), (plan,))
    if name == "low_and_slow":
        return replace(scenario, organisations=1_500, days=14.0)
    if name == "pivot":
        return replace(scenario, release_day=2.2, groups=(*scenario.groups, SDK))
    if name == "embedded_in_reseller":
        return replace(scenario, groups=(*scenario.groups, POOL))
    return scenario


_MIXED = tuple(
    replace(FAMILIES[name], start_day=start, accounts=accounts)
    for name, start, accounts in (
        ("plain", 1.5, 120), ("evasive", 2.0, 150), ("residential", 2.5, 100),
        ("churn", 3.0, 60), ("pivot", 1.8, 90), ("embedded_in_reseller", 2.5, 80),
        ("burst", 5.0, 60), ("fragmented_templates", 3.5, 80), ("viral_cover", 2.2, 70),
        ("from_first_hour", 0.0, 60),
    )
)  # fmt: skip

SCENARIOS: dict[str, Scenario] = {
    "hydra": Scenario(4_000, 4.0, FEW, (FAMILIES["hydra"],)),
    "quiet": Scenario(3_500, 4.0, (*ALL, POOL), release_day=2.0),
    "course": Scenario(
        2_000, 10.0, (_group(lookalikes.course, "online course", Course(learners=250)), CAMPUS)
    ),
    "viral": Scenario(3_500, 4.0, (VIRAL, _group(waves.viral, "viral again", 0.02, 2.0), SDK)),
    "campus": Scenario(
        3_000, 4.0, (CAMPUS, OFFICE, VPN, CLASS, _group(lookalikes.crowd, "campus_nat 2", 90, 1))
    ),
    "reseller": Scenario(3_000, 4.0, (*FEW, POOL, _group(reseller, "new pool", Reseller(
        accounts=80, tenants=60, start_day=1.5)))),
    **{name: _family(name) for name in FAMILIES if name != "hydra"},
    "mixed": Scenario(3_000, 7.0, (*ALL, POOL), _MIXED, release_day=3.0),
    "proxy_market": Scenario(3_000, 4.0, (*FEW, COURSE, CARDS), tuple(
        replace(FAMILIES["residential"], family="proxy_market", market=True, accounts=130,
                accounts_per_block=0.25, start_day=start)
        for start in (0.4, 1.3, 1.6)
    )),
    "text": Scenario(
        900, 3.0, (VIRAL, CAMPUS, COURSE, FLEET),
        (replace(FAMILIES["residential"], family="text", accounts=120),), texts=0.8,
    ),
    "smoke": Scenario(260, 2.0, (
        _group(waves.viral, "viral prompt", 0.1, 0.6),
        _group(lookalikes.crowd, "campus_nat", 40, 1),
        _group(lookalikes.fleet, "customer fleet", 20),
    ), (Plan("plain", accounts=40, start_day=0.8, varies=0),)),
    "demo": Scenario(1_900, 3.0, (VIRAL, CAMPUS, CLASS, FLEET), (
        Plan("plain", accounts=150, start_day=1.3, varies=0),
    ), volume=0.55),
}  # fmt: skip
"""Worlds by name."""


LOOKALIKES: dict[str, Scenario] = {
    name: Scenario(2_000, 3.0, (group,), release_day=1.5 if group is RUSH else None)
    for name, group in {
        "agency": AGENCY, "fleet": FLEET, "unlinked_fleet": UNLINKED, "harness": HARNESS,
        "batch": BATCH, "release": RUSH, "sdk": SDK, "plugin": PLUGIN, "office": OFFICE,
        "vpn": VPN, "class": CLASS, "cards": CARDS,
    }.items()
}  # fmt: skip
"""One innocent look-alike each among customers; the worlds above mix them."""


def scenario_named(name: str) -> Scenario:
    """Look a world up.

    Raises
    ------
    UsageError
        If there is none of that name.
    """
    known = SCENARIOS | LOOKALIKES
    if name not in known:
        raise UsageError(f"no scenario {name!r}; known: {', '.join(sorted([*known, 'economy']))}")
    return known[name]
