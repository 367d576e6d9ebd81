"""The live worker in a world of its own: virtual time, a broker in memory, faults by a seed.

Real are the owners of partitions, the snapshots, the blocks and their parts, the reading and the
handing over at a rebalance, the ingest and the account step. Made up are the clock, the broker and
the group; the two last steps only add up what they are given, so that a run takes milliseconds.
A run is a function of its seed: a failure is repeated by it.
"""

from __future__ import annotations

__all__: list[str] = []
