"""The kinds of innocent groups, by the name that the truth uses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from analyzer.simulate.draws import Rng
from analyzer.simulate.economy import companies, crowds, vendors
from analyzer.simulate.economy.world import World


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of innocent group."""

    make: Callable[[World, Rng, int, str], None]
    often: float
    """Mean number of groups a world."""
    small: int
    large: int
    """Size: members, drawn evenly on a logarithmic scale."""


KINDS = {
    "nocode": Kind(vendors.nocode, 0.9, 15, 500),
    "saas": Kind(vendors.saas, 0.9, 15, 350),
    "plugin": Kind(vendors.plugin, 0.9, 20, 500),
    "mobile": Kind(vendors.mobile, 0.7, 20, 400),
    "extension": Kind(vendors.extension, 0.7, 20, 400),
    "router": Kind(vendors.router, 0.6, 20, 350),
    "sdk": Kind(vendors.sdk, 0.5, 30, 400),
    "mooc": Kind(crowds.mooc, 0.8, 30, 500),
    "class": Kind(crowds.campus_class, 0.7, 20, 250),
    "workshop": Kind(crowds.workshop, 0.6, 15, 120),
    "hackathon": Kind(crowds.hackathon, 0.6, 20, 300),
    "trial": Kind(crowds.trial, 0.6, 30, 600),
    "beta": Kind(crowds.beta, 0.4, 15, 150),
    "viral": Kind(crowds.viral, 0.7, 30, 600),
    "office": Kind(crowds.office, 0.6, 15, 200),
    "forum": Kind(crowds.forum, 0.5, 20, 300),
    "fleet": Kind(companies.fleet, 0.7, 8, 120),
    "agency": Kind(companies.agency, 0.6, 8, 90),
    "evallab": Kind(companies.evallab, 0.6, 20, 150),
    "batch": Kind(companies.batch, 0.6, 15, 200),
    "reseller": Kind(companies.reseller, 0.7, 25, 350),
}
MOST = 4
"""Groups of one kind in a world."""
