"""XXH3 (64 bits, seeded) of short text that lies in a larger buffer.

The same numbers as the package ``xxhash`` gives, without a Python object for each text.

References
----------
Yann Collet: XXH3, in the xxHash specification 0.8
(https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from analyzer.core.kernels.jit import borrowing, folded_product, word_at

LONGEST = 240
"""Longer text is hashed in another way, which is not here."""

_SECRET = bytes.fromhex(
    "b8fe6c3923a44bbe7c01812cf721ad1cded46de9839097db7240a4a4b7b3671f"
    "cb79e64eccc0e578825ad07dccff7221b8084674f743248ee03590e6813a264c"
    "3c2852bb91c300cb88d0658b1b532ea371644897a20df94e3819ef46a9deacd8"
    "a8fa763fe39c343ff9dcbbc7c70b4f1d8a51e04bcdb45931c89f7ec9d9787364"
    "eac5ac8334d3ebc3c581a0fffa1363eb170ddd51b7f0da49d316552629d4689e"
    "2b16be587d47a1fc8ff8b8d17ad031ce45cb3a8f95160428afd7fbcabb4b407e"
)
_WORDS = np.array(
    [int.from_bytes(_SECRET[i : i + 8], "little") for i in range(len(_SECRET) - 7)], np.uint64
)
"""The 64-bit word at each byte of the secret."""
_PRIME64_1 = np.uint64(0x9E3779B185EBCA87)
_PRIME64_2 = np.uint64(0xC2B2AE3D27D4EB4F)
_PRIME64_3 = np.uint64(0x165667B19E3779F9)
_PRIME_MX1 = np.uint64(0x165667919E3779F9)
_PRIME_MX2 = np.uint64(0x9FB21C651E98DF25)
_LOW = np.uint64(0xFFFFFFFF)
_32 = np.uint64(32)
_FLIP = (_WORDS[0] ^ (_WORDS[0] >> _32)) & _LOW


@borrowing
def xxh3(text: NDArray[np.uint8], start: int, stop: int, seed: np.uint64) -> np.uint64:
    """Hash of ``text[start:stop]``, at most ``LONGEST`` bytes."""
    length = stop - start
    size = np.uint64(length)
    if length > 16:
        return _long(text, start, stop, seed)
    if length > 8:
        low = word_at(text, start) ^ ((_WORDS[24] ^ _WORDS[32]) + seed)
        high = word_at(text, stop - 8) ^ ((_WORDS[40] ^ _WORDS[48]) - seed)
        return _mix(size + _swap(low) + high + folded_product(low, high))
    if length >= 4:
        seed ^= (_swap(seed & _LOW) >> _32) << _32
        keyed = _half_word(text, stop - 4) + (_half_word(text, start) << _32)
        keyed ^= (_WORDS[8] ^ _WORDS[16]) - seed
        keyed ^= _turn(keyed, 49) ^ _turn(keyed, 24)
        keyed *= _PRIME_MX2
        keyed ^= (keyed >> np.uint64(35)) + size
        keyed *= _PRIME_MX2
        return np.uint64(keyed ^ (keyed >> np.uint64(28)))
    if length > 0:
        first, middle, last = text[start], text[start + (length >> 1)], text[stop - 1]
        keyed = np.uint64(first) << np.uint64(16) | np.uint64(middle) << np.uint64(24)
        keyed |= np.uint64(last) | size << np.uint64(8)
        return _mix_old(keyed ^ (_FLIP + seed))
    return _mix_old(seed ^ _WORDS[56] ^ _WORDS[64])


@borrowing
def _long(text: NDArray[np.uint8], start: int, stop: int, seed: np.uint64) -> np.uint64:
    """17 bytes and more: products of pairs of words."""
    length = stop - start
    total = np.uint64(length) * _PRIME64_1
    if length <= 128:
        for i in range((length - 1) // 32 + 1):
            total += _pair(text, start + 16 * i, 32 * i, seed)
            total += _pair(text, stop - 16 * (i + 1), 32 * i + 16, seed)
        return _mix(total)
    for i in range(8):
        total += _pair(text, start + 16 * i, 16 * i, seed)
    total = _mix(total)
    for i in range(8, length // 16):
        total += _pair(text, start + 16 * i, 16 * (i - 8) + 3, seed)
    return _mix(total + _pair(text, stop - 16, 119, seed))


@borrowing
def _pair(text: NDArray[np.uint8], at: int, secret: int, seed: np.uint64) -> np.uint64:
    low, high = word_at(text, at), word_at(text, at + 8)
    return folded_product(low ^ (_WORDS[secret] + seed), high ^ (_WORDS[secret + 8] - seed))


@borrowing
def _half_word(text: NDArray[np.uint8], at: int) -> np.uint64:
    return word_at(text, at) & _LOW


@borrowing
def _swap(number: np.uint64) -> np.uint64:
    """The eight bytes in the opposite order."""
    swapped = np.uint64(0)
    for i in range(8):
        swapped |= ((number >> np.uint64(8 * i)) & np.uint64(255)) << np.uint64(56 - 8 * i)
    return swapped


@borrowing
def _turn(number: np.uint64, bits: int) -> np.uint64:
    return (number << np.uint64(bits)) | (number >> np.uint64(64 - bits))


@borrowing
def _mix(number: np.uint64) -> np.uint64:
    number ^= number >> np.uint64(37)
    number *= _PRIME_MX1
    return number ^ (number >> _32)


@borrowing
def _mix_old(number: np.uint64) -> np.uint64:
    """The last step of XXH64, which the shortest texts still take."""
    number ^= number >> np.uint64(33)
    number *= _PRIME64_2
    number ^= number >> np.uint64(29)
    number *= _PRIME64_3
    return number ^ (number >> _32)
