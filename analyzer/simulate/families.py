"""The campaign families, each as a plan."""

from __future__ import annotations

from dataclasses import replace

from analyzer.simulate.plan import Plan

_HIDDEN = Plan(
    "evasive", aged=0.8, signup_days=25, cover=0.6, evenness=1.6, mixed_clients=1.0,
    egress=("residential",), accounts_per_block=0.6, rotates=0.5, templates=3, turn=3, per_card=1.3,
    per_device=1.1, longer=0.15, long_sampling=False, shift=0.5, ramp_days=1.0,
)  # fmt: skip
_PROXIES = Plan(
    "proxies", egress=("residential",), accounts_per_block=1, per_card=2, evenness=10, longer=0.25
)

FAMILIES: dict[str, Plan] = {
    plan.family: plan
    for plan in (
        Plan("plain", turn=1.2),
        Plan("hydra", aged=0.25, signup_days=6, cover=0.06, evenness=25, mixed_clients=0.3,
             egress=("rented", "residential", "cloud"), accounts_per_block=2.5, per_card=3,
             longer=0.25, varies=0.08),
        _HIDDEN,
        replace(_PROXIES, family="low_and_slow", accounts=200, per_day=14, ramp_days=3,
                aged=0.4, signup_days=15, per_device=1.5, mixed_clients=0.3),
        Plan("burst", accounts=120, per_day=500, days=0.25, ramp_days=0.02, aged=0.3, shift=0,
             clients="rare", rotates=0.5),
        Plan("churn", accounts=150, life_days=0.8, per_day=40, signup_days=6, per_card=3,
             evenness=20, egress=("cloud", "rented"), accounts_per_block=4),
        replace(_PROXIES, family="pivot", accounts=180, pivot=0.85, aged=0.5, mixed_clients=0.2),
        Plan("embedded_in_reseller", accounts=90, per_day=18, evenness=5, templates=2),
        replace(_HIDDEN, family="residential", aged=0.3, signup_days=8, cover=0.15, evenness=10,
                mixed_clients=0.3, accounts_per_block=0.35, rotates=0.75),
        replace(_PROXIES, family="fragmented_templates", accounts=150, templates=150,
                fragments=True, longer=0.3),
        replace(_PROXIES, family="viral_cover", borrows_viral=True, accounts=150, aged=0.4,
                signup_days=10),
        Plan("from_first_hour", accounts=150, start_day=0, ramp_days=0, aged=0.5, evenness=10,
             egress=("rented", "vpn"), per_card=3),
    )
}  # fmt: skip
"""Plans by the name of the family."""
