"""Which prompts were seen before: two generations of a Bloom filter over prompt hashes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from analyzer.core.kernels.jit import compiled

U64 = NDArray[np.uint64]
I64 = NDArray[np.int64]
U32 = NDArray[np.uint32]
U8 = NDArray[np.uint8]

_STEPS = np.array([0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9], np.uint64)


class PromptMemory:
    """Remembers prompt hashes; forgets the older half when the newer one is full.

    Parameters
    ----------
    bits
        log2 of the size of one generation, in bits. The default, 2²⁴ bits (2 MiB), holds
        1.6 million prompts at a false-positive rate of about 2 %.

    Examples
    --------
    >>> memory = PromptMemory()
    >>> memory.repeats(np.array([5, 5, 8], np.uint64), np.array([1, 2, 1]))
    array([0, 2, 0])
    """

    def __init__(self, bits: int = 24) -> None:
        self._mask = np.uint64((1 << bits) - 1)
        self._capacity = (1 << bits) // 10
        self._young = np.zeros(1 << (bits - 3), np.uint8)
        self._old = np.zeros(1 << (bits - 3), np.uint8)
        self._held = 0

    def repeats(self, prompts: U64, requests: I64) -> I64:
        """How many of each row's requests repeat a prompt seen before.

        Parameters
        ----------
        prompts
            Shape (n,), sorted.
        requests
            Shape (n,), requests of each row with that prompt.
        """
        again = np.empty(len(prompts), np.bool_)
        _look(prompts, self._mask, self._young, self._old, again)
        self._put(prompts[~again])
        return requests - ~again

    def state(self) -> dict[str, Any]:
        """Both generations, without what is empty in them."""
        young, old = _filled(self._young), _filled(self._old)
        return {"young": young, "old": old, "size": len(self._young), "held": self._held}

    def restore(self, state: dict[str, Any]) -> None:
        """Put back what :meth:`state` gave."""
        self._held = state["held"]
        self._young, self._old = (
            _whole(at, filled, state["size"]) for at, filled in (state["young"], state["old"])
        )

    def _put(self, prompts: U64) -> None:
        if self._held + len(prompts) > self._capacity:
            self._old, self._young = self._young, np.zeros_like(self._young)
            self._held = 0
        _note(prompts, self._mask, self._young)
        self._held += len(prompts)


@compiled
def _look(prompts: U64, mask: np.uint64, young: U8, old: U8, again: NDArray[np.bool_]) -> None:
    """Fill whether each prompt came before: in the row above, or in a generation."""
    for i in range(len(prompts)):
        again[i] = i > 0 and prompts[i] == prompts[i - 1]
        in_young, in_old = True, True
        for step in _STEPS:
            byte, bit = _place(prompts[i], step, mask)
            in_young &= young[byte] & bit != 0
            in_old &= old[byte] & bit != 0
        again[i] |= in_young or in_old


@compiled
def _note(prompts: U64, mask: np.uint64, generation: U8) -> None:
    for prompt in prompts:
        for step in _STEPS:
            byte, bit = _place(prompt, step, mask)
            generation[byte] |= bit


@compiled
def _place(prompt: np.uint64, step: np.uint64, mask: np.uint64) -> tuple[int, np.uint8]:
    """The byte in which a prompt has a bit, and the bit."""
    mixed = prompt * step
    bit = (mixed ^ (mixed >> np.uint64(29))) & mask
    return int(bit >> np.uint64(3)), np.uint8(np.uint64(1) << (bit & np.uint64(7)))


def _filled(generation: U8) -> tuple[U32, U8]:
    """Where a generation is not empty, and what stands there; all of it if that is shorter."""
    at = np.flatnonzero(generation).astype(np.uint32)
    if len(at) * (at.itemsize + 1) >= len(generation):
        return np.zeros(0, np.uint32), generation
    return at, generation[at]


def _whole(at: U32, filled: U8, size: int) -> U8:
    if len(filled) == size:
        return filled
    generation = np.zeros(size, np.uint8)
    generation[at] = filled
    return generation
