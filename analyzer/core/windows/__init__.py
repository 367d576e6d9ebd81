"""Keys as dense numbers, and sliding sums over them.

Everything here is deterministic in the order of its input: the cohort step feeds it panes
in one canonical order, so that every shard and every run holds the same numbers.
"""

from analyzer.core.windows.dense import DenseTable
from analyzer.core.windows.index import HashIndex, firsts
from analyzer.core.windows.last_seen import LastSeen
from analyzer.core.windows.sliding import SlidingSum, SlidingSums

__all__ = ["DenseTable", "HashIndex", "LastSeen", "SlidingSum", "SlidingSums", "firsts"]
