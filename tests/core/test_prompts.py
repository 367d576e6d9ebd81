"""Which prompts were seen before."""

from __future__ import annotations

import numpy as np
import pytest

from analyzer.core.contracts.snapshot_codec import pack, unpack
from analyzer.core.kernels.bloom import PromptMemory

BITS = 12
FEW, MANY = 20, 900
"""The second fills more than one generation."""


def prompts(count: int, seed: int) -> np.ndarray:
    """Hashes in rising order."""
    return np.sort(np.random.default_rng(seed).integers(1 << 63, size=count, dtype=np.uint64))


@pytest.mark.parametrize("count", [0, FEW, MANY])
def test_a_memory_that_was_saved_goes_on_as_if_it_had_not_been(count: int) -> None:
    """Hardly filled, full, and with an older generation: the same answers ever after."""
    kept, again = PromptMemory(BITS), PromptMemory(BITS)
    for start in range(0, count, 100):
        seen = prompts(min(100, count - start), start)
        kept.repeats(seen, np.ones(len(seen), np.int64))
    again.restore(unpack("prompts", 1, pack("prompts", 1, kept.state())))
    for seed in range(12):
        asked = np.sort(np.concatenate([prompts(60, seed), prompts(50, seed * 100)]))
        once = np.ones(len(asked), np.int64)
        assert again.repeats(asked, once).tolist() == kept.repeats(asked, once).tolist()
    assert again.state()["held"] == kept.state()["held"]


def test_a_memory_of_few_prompts_is_saved_small() -> None:
    """What is empty in it is not written."""
    memory = PromptMemory()
    seen = prompts(FEW, 1)
    memory.repeats(seen, np.ones(FEW, np.int64))
    assert len(pack("prompts", 1, memory.state())) < 100 * FEW
