"""What the population counts objects by."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from analyzer.core.cohort.population import object_key
from analyzer.core.contracts.hashing import BlockCache
from analyzer.core.contracts.object_kind import Kind

NUMBERS = st.lists(st.integers(0, 2**64 - 1), min_size=2, max_size=9, unique=True)


@given(st.sampled_from(Kind), NUMBERS)
def test_no_two_objects_of_a_kind_have_one_key(kind: Kind, numbers: list[int]) -> None:
    """However near their numbers are: those of ASNs and statuses are next to each other."""
    keys = object_key(np.full(len(numbers), int(kind)), np.array(numbers, np.uint64))
    assert len(np.unique(keys)) == len(numbers)


def test_neighbouring_blocks_are_two() -> None:
    """An IPv6 site's block ends where the number of its block does."""
    cache = BlockCache()
    blocks = np.array([cache["2001:db8:4::1"], cache["2001:db8:5::1"]], np.uint64)
    keys = object_key(np.full(2, int(Kind.BLOCK)), blocks)
    assert keys[0] != keys[1]
