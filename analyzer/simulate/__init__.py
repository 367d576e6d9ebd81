"""Simulated traffic: worlds of innocent customers, look-alikes and campaigns, with labels.

``generate`` makes a world from a scenario's name and a seed; :mod:`~analyzer.simulate.scenarios`
lists the scenarios. Nothing here reads a clock, and the same arguments give the same bytes.
"""

from analyzer.simulate.scenarios import SCENARIOS
from analyzer.simulate.world import DEFAULT_START_MS, World, generate

__all__ = ["DEFAULT_START_MS", "SCENARIOS", "World", "generate"]
