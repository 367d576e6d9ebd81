"""Randomness that depends on the seed and on names only, never on call order elsewhere."""

from __future__ import annotations

import zlib

import numpy as np
from numpy.typing import ArrayLike, NDArray

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]
U64 = NDArray[np.uint64]
Bools = NDArray[np.bool_]
Rng = np.random.Generator

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_M1 = np.uint64(0xBF58476D1CE4E5B9)
_M2 = np.uint64(0x94D049BB133111EB)


def rng_for(seed: int, name: str) -> Rng:
    """Give a generator of its own to everything that has a name.

    Parameters
    ----------
    seed
        The world's seed, >= 0.
    name
        Any text; the same name gives the same stream of numbers.

    Examples
    --------
    >>> float(rng_for(1, "a").random()) == float(rng_for(1, "a").random())
    True
    """
    return np.random.default_rng([seed, zlib.crc32(name.encode())])


def mix(*parts: ArrayLike) -> U64:
    """Hash integers into 64 well-mixed bits, element by element.

    Parameters
    ----------
    parts
        Integers or integer arrays that broadcast together.

    Returns
    -------
    Array of dtype uint64; different inputs of one part never collide.

    References
    ----------
    Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014 (SplitMix64).
    """
    state = np.zeros((), np.uint64)
    with np.errstate(over="ignore"):
        for part in parts:
            state = (state ^ np.asarray(part).astype(np.uint64)) + _GOLDEN
            state = (state ^ (state >> np.uint64(30))) * _M1
            state = (state ^ (state >> np.uint64(27))) * _M2
            state = state ^ (state >> np.uint64(31))
    return np.asarray(state, np.uint64)


def unit(*parts: ArrayLike) -> F64:
    """Hash integers to numbers in [0, 1).

    Examples
    --------
    >>> bool(0 <= unit(3, 4) < 1)
    True
    """
    return (mix(*parts) >> np.uint64(11)).astype(np.float64) * 2.0**-53


def hex_ids(values: U64) -> list[str]:
    """Write each number as 16 hexadecimal digits.

    Examples
    --------
    >>> hex_ids(np.array([255], np.uint64))
    ['00000000000000ff']
    """
    text = values.astype(">u8").tobytes().hex()
    return [text[at : at + 16] for at in range(0, len(text), 16)]


def zipf_weights(n: int, power: float) -> F64:
    """Shares of ``n`` things that fall with rank to the given power; they sum to 1."""
    weights = np.arange(1, n + 1, dtype=np.float64) ** -power
    return np.asarray(weights / weights.sum())


def pick(rng: Rng, shares: ArrayLike, n: int) -> I64:
    """Draw ``n`` indices with the given shares (they need not sum to 1)."""
    cumulative = np.cumsum(np.asarray(shares, np.float64))
    drawn = np.searchsorted(cumulative, rng.random(n) * cumulative[-1], side="right")
    return np.asarray(drawn, np.int64)
