"""The campaign families, each as a plan."""

from __future__ import annotations

from dataclasses import replace

from analyzer.simulate.campaigns import Plan

_HIDDEN = Plan(
    "evasive", aged=0.8, signup_days=25, cover=0.6, evenness=1.6, clients="mixed",
    egress="residential", accounts_per_block=0.6, rotates=0.35, templates=5, per_card=1.3,
    per_device=1.1, longer=0.3, long_sampling=False, shift=0.7, ramp_days=1.0,
)  # fmt: skip

FAMILIES: dict[str, Plan] = {
    plan.family: plan
    for plan in (
        Plan("plain"),
        _HIDDEN,
        Plan("low_and_slow", accounts=200, per_day=14, ramp_days=3, evenness=12, aged=0.4,
             signup_days=15, egress="residential", accounts_per_block=1, per_card=2,
             per_device=1.5),
        Plan("burst", accounts=120, per_day=500, days=0.25, ramp_days=0.02, aged=0.3, shift=0,
             clients="rare", rotates=0.5),
        Plan("churn", accounts=150, life_days=0.8, per_day=40, signup_days=6, per_card=3,
             evenness=20, egress="cloud", accounts_per_block=5),
        Plan("pivot", accounts=180, per_day=25, pivot=0.85, aged=0.5, evenness=8,
             egress="residential", accounts_per_block=1, per_card=2, per_device=1.5),
        Plan("embedded_in_reseller", accounts=90, per_day=18, evenness=5, templates=2),
        replace(_HIDDEN, family="residential", aged=0.3, signup_days=8, cover=0.15, evenness=10,
                clients="dominant", accounts_per_block=0.35, rotates=0.6),
        Plan("fragmented_templates", accounts=150, templates=150, fragments=True, per_card=2,
             egress="residential", accounts_per_block=1, evenness=10, longer=0.4),
        Plan("viral_cover", borrows_viral=True, accounts=150, aged=0.4, signup_days=10, per_card=2,
             egress="residential", accounts_per_block=2, evenness=10),
        Plan("from_first_hour", accounts=150, start_day=0, ramp_days=0, aged=0.5, evenness=10,
             per_card=3),
    )
}  # fmt: skip
"""Plans by the name of the family."""
